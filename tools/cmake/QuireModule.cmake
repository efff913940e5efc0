# quire_module(NAME [DEPENDS room...] [LIBRARIES target...] SOURCES file...)
#
# One room of the tree as an object library. Its include path is a view that
# holds only the room itself, the rooms that it declares and those that their
# headers need in turn, so that an include against the order of the rooms does
# not compile. That it names only what it declares is for tools/lint to see.
function(quire_module name)
    cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;SOURCES" ${ARGN})
    set(view "${PROJECT_BINARY_DIR}/view/${name}")
    file(MAKE_DIRECTORY "${view}")
    set(seen ${name} ${ARG_DEPENDS})
    foreach(room ${ARG_DEPENDS})
        get_property(below GLOBAL PROPERTY QUIRE_ROOMS_${room})
        list(APPEND seen ${below})
    endforeach()
    list(REMOVE_DUPLICATES seen)
    set_property(GLOBAL PROPERTY QUIRE_ROOMS_${name} ${seen})
    foreach(room ${seen})
        file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${room}" "${view}/${room}" SYMBOLIC)
    endforeach()
    add_library(quire_${name} OBJECT ${ARG_SOURCES})
    target_include_directories(quire_${name} PRIVATE "${view}" "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(quire_${name} PRIVATE quire_settings ${ARG_LIBRARIES})
    set_property(GLOBAL APPEND PROPERTY QUIRE_MODULES quire_${name})
    set_property(GLOBAL APPEND PROPERTY QUIRE_MODULE_LIBRARIES ${ARG_LIBRARIES})
endfunction()

# quire_test(NAME [PLAIN] SOURCES file... [LIBRARIES target...])
#
# A Criterion program over the same objects that ship; or, with PLAIN, a
# program with a main of its own, for which the caller calls add_test. Tests
# see every room's headers and tests/support. A program that cannot run here
# prints "skipped: why" and exits with 77.
function(quire_test name)
    cmake_parse_arguments(ARG "PLAIN" "" "SOURCES;LIBRARIES" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE
        "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/tests")
    # What the tests themselves do takes no time: compiling them does.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
    target_link_libraries(${name} PRIVATE quire_settings quire_testing ${ARG_LIBRARIES})
    target_link_options(${name} PRIVATE ${QUIRE_LTO_LINK_OFF})
    if(ARG_PLAIN)
        return()
    endif()
    target_link_libraries(${name} PRIVATE PkgConfig::CRITERION)
    if(QUIRE_SANITIZE MATCHES "address")
        target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/runner_leaks.c")
    endif()
    if(QUIRE_SANITIZE MATCHES "thread")
        # Criterion's child processes and ThreadSanitizer do not go together:
        # under it only the plain programs are built and run.
        set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
        return()
    endif()
    add_test(NAME ${name} COMMAND ${name} --jobs=2)
    set_tests_properties(${name} PROPERTIES
        ENVIRONMENT "ASAN_OPTIONS=abort_on_error=1" SKIP_RETURN_CODE 77)
endfunction()

# quire_race(PROGRAM TEST...)
#
# The tests of a plain program whose threads meet on purpose: what the target
# "races" builds, and tools/check runs under ThreadSanitizer each time.
function(quire_race program)
    if(NOT TARGET races)
        add_custom_target(races)
    endif()
    add_dependencies(races ${program})
    set_tests_properties(${ARGN} PROPERTIES LABELS race)
endfunction()
