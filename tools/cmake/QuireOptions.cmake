# Build options, and the compiler settings that every target shares.

option(BUILD_SHARED_LIBS "Build the library shared instead of static" OFF)
option(QUIRE_TOOLS "Build the quire command" ${PROJECT_IS_TOP_LEVEL})
option(QUIRE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(QUIRE_BENCH "Build the benchmarks" OFF)
option(QUIRE_INSTALL "Make install rules for library, headers and command" ${PROJECT_IS_TOP_LEVEL})
option(QUIRE_CHECKED "Compile assertions in" OFF)
option(QUIRE_PORTABLE
    "POSIX fallbacks only: no futex, membarrier, open-file-description locks, huge pages, SIMD" OFF)
option(QUIRE_WERROR "Treat warnings as errors" OFF)
option(QUIRE_HARDENING "Hardening flags of the compiler in optimised builds" ON)
option(QUIRE_LTO "Optimise library and command across files at link time" OFF)
option(QUIRE_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
option(QUIRE_COVERAGE "Count executed lines (gcov)" OFF)
set(QUIRE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# What the library links, as "TARGET MODULE" of pkg-config: yajl reads JSON, utf8proc folds case,
# PCRE2 matches regular expressions.
# They are found here so that every directory knows the targets; the installed package looks for the
# same. The rooms check for headers that they alone use. tools/packages.sh names Debian's packages.
set(QUIRE_REQUIRES "YAJL yajl" "UTF8PROC libutf8proc" "PCRE2 libpcre2-8")
set(QUIRE_PC_REQUIRES "")
foreach(requirement ${QUIRE_REQUIRES})
    separate_arguments(requirement)
    list(GET requirement 0 target)
    list(GET requirement 1 module)
    pkg_check_modules(${target} REQUIRED IMPORTED_TARGET ${module})
    string(APPEND QUIRE_PC_REQUIRES " ${module}")
endforeach()

# What the HTTP server is made of; the command builds without it. GnuTLS comes with libmicrohttpd.
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(GNUTLS IMPORTED_TARGET gnutls)
# The client of that server.
pkg_check_modules(CURL IMPORTED_TARGET libcurl)

# Linked PRIVATE by every target of the project and never installed.
add_library(quire_settings INTERFACE)
target_link_libraries(quire_settings INTERFACE Threads::Threads)
target_compile_options(quire_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wswitch-enum
    -Wimplicit-fallthrough -fno-strict-aliasing)
target_compile_definitions(quire_settings INTERFACE
    QR_CHECKED=$<BOOL:${QUIRE_CHECKED}> QR_PORTABLE=$<BOOL:${QUIRE_PORTABLE}>)

if(QUIRE_WERROR)
    target_compile_options(quire_settings INTERFACE -Werror)
endif()

# Of debugging information only the lines, which reports name: it is most of what there is to link.
if(QUIRE_SANITIZE)
    target_compile_options(quire_settings INTERFACE
        -fsanitize=${QUIRE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
    target_link_options(quire_settings INTERFACE -fsanitize=${QUIRE_SANITIZE})
endif()

if(QUIRE_FUZZ)
    target_compile_options(quire_settings INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(quire_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(QUIRE_COVERAGE)
    target_compile_options(quire_settings INTERFACE --coverage)
    target_link_options(quire_settings INTERFACE --coverage)
endif()

# Hardening goes with optimisation: fortified functions need it, and a debug
# build is for finding faults, not for surviving them.
if(QUIRE_HARDENING AND NOT QUIRE_SANITIZE AND NOT QUIRE_FUZZ)
    set(optimised "$<CONFIG:Release,RelWithDebInfo,MinSizeRel>")
    target_compile_options(quire_settings INTERFACE
        "$<${optimised}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3;-fstack-protector-strong>")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i.86")
        target_compile_options(quire_settings INTERFACE
            "$<${optimised}:-fstack-clash-protection;-fcf-protection>")
    endif()
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        target_link_options(quire_settings INTERFACE
            "$<${optimised}:LINKER:-z,relro,-z,now,-z,noexecstack>")
    endif()
endif()

# Link-time optimisation of what ships. With gcc the objects hold machine code
# as well, so that the installed archive serves every linker and test programs
# link without it, in a fraction of the time.
if(QUIRE_LTO)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_compile_options(quire_settings INTERFACE -flto=auto -ffat-lto-objects)
        set(QUIRE_LTO_LINK -flto=auto)
        set(QUIRE_LTO_LINK_OFF -fno-lto)
    else()
        target_compile_options(quire_settings INTERFACE -flto=thin)
        set(QUIRE_LTO_LINK -flto=thin)
        set(QUIRE_LTO_LINK_OFF -flto=thin)
    endif()
endif()
