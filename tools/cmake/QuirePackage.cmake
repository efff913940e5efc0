# What `cmake --install` puts in place: headers, library, the CMake package
# (find_package(quire) gives quire::quire) and a relocatable pkg-config file.

if(NOT QUIRE_INSTALL)
    return()
endif()
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/quire")

install(TARGETS quire EXPORT quire
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/quire"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT quire FILE quireTargets.cmake NAMESPACE quire:: DESTINATION "${package_dir}")

list(JOIN QUIRE_REQUIRES "\" \"" QUIRE_CONFIG_REQUIRES)
set(QUIRE_CONFIG_REQUIRES "\"${QUIRE_CONFIG_REQUIRES}\"")
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/tools/cmake/quireConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/quireConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/quireConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/quireConfig.cmake" "${PROJECT_BINARY_DIR}/quireConfigVersion.cmake"
    DESTINATION "${package_dir}")

# The prefix is found from where the .pc file lies, so an installed tree may move.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE QUIRE_PC_PREFIX)
string(REGEX REPLACE "/$" "" QUIRE_PC_PREFIX "${QUIRE_PC_PREFIX}")
if(BUILD_SHARED_LIBS)
    set(QUIRE_PC_PRIVATE "")
else()
    # A static archive is linked together with what it uses, always.
    set(QUIRE_PC_PRIVATE "Requires:${QUIRE_PC_REQUIRES}\n")
endif()
configure_file("${PROJECT_SOURCE_DIR}/tools/cmake/quire.pc.in" "${PROJECT_BINARY_DIR}/quire.pc"
    @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/quire.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
