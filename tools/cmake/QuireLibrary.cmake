# The library: all rooms in one archive or shared object.

get_property(modules GLOBAL PROPERTY QUIRE_MODULES)
get_property(QUIRE_PRIVATE_LIBRARIES GLOBAL PROPERTY QUIRE_MODULE_LIBRARIES)
list(REMOVE_DUPLICATES QUIRE_PRIVATE_LIBRARIES)

set(objects "")
foreach(module ${modules})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
endforeach()

# Before 1.0 every minor release may change the binary interface.
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(soversion "0.${PROJECT_VERSION_MINOR}")
else()
    set(soversion "${PROJECT_VERSION_MAJOR}")
endif()

add_library(quire ${objects})
add_library(quire::quire ALIAS quire)
set_target_properties(quire PROPERTIES
    LINKER_LANGUAGE C VERSION "${PROJECT_VERSION}" SOVERSION "${soversion}")
target_include_directories(quire PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(quire PRIVATE
    $<BUILD_INTERFACE:quire_settings> Threads::Threads ${QUIRE_PRIVATE_LIBRARIES})
if(BUILD_SHARED_LIBS)
    target_link_options(quire PRIVATE ${QUIRE_LTO_LINK})
    if(NOT QUIRE_SANITIZE AND NOT QUIRE_FUZZ)
        target_link_options(quire PRIVATE LINKER:--no-undefined)
    endif()
endif()
