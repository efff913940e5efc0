# The library: all rooms in one archive, and the package that installs it.

get_property(modules GLOBAL PROPERTY QUIRE_MODULES)
get_property(libraries GLOBAL PROPERTY QUIRE_MODULE_LIBRARIES)
list(REMOVE_DUPLICATES libraries)

set(objects "")
foreach(module ${modules})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
endforeach()

add_library(quire ${objects})
add_library(quire::quire ALIAS quire)
target_include_directories(quire PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(quire PRIVATE quire_settings ${libraries})
