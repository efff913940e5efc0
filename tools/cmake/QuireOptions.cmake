# Build options, and the compiler settings that every target shares.

option(QUIRE_TOOLS "Build the quire command" ${PROJECT_IS_TOP_LEVEL})
option(QUIRE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(QUIRE_BENCH "Build the benchmarks" OFF)
option(QUIRE_CHECKED "Compile assertions in" OFF)
option(QUIRE_PORTABLE "Use POSIX fallbacks only: no futex, membarrier, OFD locks, huge pages, SIMD" OFF)
option(QUIRE_WERROR "Treat warnings as errors" OFF)
set(QUIRE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_package(Threads REQUIRED)

add_library(quire_settings INTERFACE)
target_compile_options(quire_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wswitch-enum
    -Wimplicit-fallthrough -fno-strict-aliasing)
target_compile_definitions(quire_settings INTERFACE
    QR_CHECKED=$<BOOL:${QUIRE_CHECKED}> QR_PORTABLE=$<BOOL:${QUIRE_PORTABLE}>)
if(QUIRE_WERROR)
    target_compile_options(quire_settings INTERFACE -Werror)
endif()
if(QUIRE_SANITIZE)
    target_compile_options(quire_settings INTERFACE
        -fsanitize=${QUIRE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
    target_link_options(quire_settings INTERFACE -fsanitize=${QUIRE_SANITIZE})
endif()
target_link_libraries(quire_settings INTERFACE Threads::Threads)
