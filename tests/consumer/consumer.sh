#!/usr/bin/env bash
# consumer.sh static|shared SOURCE SCRATCH COMPILER [BUILD]
#
# Installs the library, that of BUILD or one built for it, moves the installed
# tree elsewhere, and builds and runs examples/embed against it through
# find_package and through pkg-config.
set -euo pipefail

kind=$1 source=$2 scratch=$3 compiler=$4 build=${5:-}
package=$scratch/moved/package
fail() { echo "consumer: $*" >&2; exit 1; }

rm -rf "$scratch"
mkdir -p "$scratch/moved"
shared=OFF
if [ "$kind" = shared ]; then shared=ON; fi

if [ -z "$build" ]; then
    build=$scratch/build
    cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS_DEBUG=-O0 -DBUILD_SHARED_LIBS=$shared -DQUIRE_TESTS=OFF -DQUIRE_TOOLS=OFF \
        >/dev/null
    cmake --build "$build" --parallel 2 >/dev/null
fi
cmake --install "$build" --prefix "$scratch/installed" >/dev/null
mv "$scratch/installed" "$package"
rm -rf "$scratch/build"

# Nothing but the public headers, and nothing but public names.
mapfile -t strays < <(cd "$package/include" && find . -type f ! -path './quire/*.h')
[ ${#strays[@]} -eq 0 ] || fail "headers that are not public were installed: ${strays[*]}"
libdir=$(dirname "$(find "$package" -name quire.pc)")/..
if [ "$kind" = shared ]; then
    extra=$(nm -D --defined-only "$libdir/libquire.so" | awk '$3 !~ /^quire_/ { print $3 }')
    [ -z "$extra" ] || fail "the shared library exports $extra"
fi

# A run prints what a snapshot, a query and an inspection must say.
expect() {
    local program=$1 output
    output=$("$program" "$scratch/$2.quire") || fail "$2: the example failed"
    grep -q 'the snapshot sees 1 note' <<<"$output" || fail "$2: the snapshot moved: $output"
    grep -q '"totalCount":2' <<<"$output" || fail "$2: the query is wrong: $output"
    grep -q 'inspection: sound' <<<"$output" || fail "$2: the file is not sound: $output"
}

cmake -S "$source/examples/embed" -B "$scratch/cmake" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$package" >/dev/null
cmake --build "$scratch/cmake" >/dev/null
expect "$scratch/cmake/embed" find_package

flags=--libs
if [ "$kind" = static ]; then flags="--static --libs"; fi
export PKG_CONFIG_PATH=$libdir/pkgconfig
# shellcheck disable=SC2046,SC2086 # flags are words to split
"$compiler" "$source/examples/embed/embed.c" -o "$scratch/embed" \
    $(pkg-config --cflags quire) $(pkg-config $flags quire)
export LD_LIBRARY_PATH=$libdir
expect "$scratch/embed" pkg-config
unset LD_LIBRARY_PATH

[ "$(pkg-config --modversion quire)" = "$(
    sed -n 's/.*QUIRE_VERSION_STRING "\(.*\)"/\1/p' "$source/include/quire/version.h")" ] ||
    fail "the package has another version than the headers"
echo "the installed $kind library serves CMake and pkg-config"
