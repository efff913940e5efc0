# shellcheck shell=bash disable=SC2034
# The Debian packages that the project uses, in one place, and how to get
# them. Sourced by tools/quickstart and tools/check.

# To build the library and the command.
QUIRE_PACKAGES_BUILD=(gcc libc6-dev cmake ninja-build pkg-config
    libxxhash-dev libyajl-dev libutf8proc-dev libpcre2-dev libpopt-dev)

# For quire serve, and for --connect; the command builds without them.
QUIRE_PACKAGES_SERVER=(libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libwslay-dev)

# What the demonstration loads.
QUIRE_PACKAGES_DEMO=(iso-codes)

# To build and run the tests, and for tools/lint.
QUIRE_PACKAGES_TEST=(libcriterion-dev iso-codes nodejs binutils python3
    clang clang-format clang-tidy shellcheck spin libsqlite3-dev)

# The browser that the server's pages are tested in.
QUIRE_PACKAGES_BROWSER=(chromium)

# Peers that the benchmarks compare with.
QUIRE_PACKAGES_BENCH=(libsqlite3-dev liblmdb-dev libleveldb-dev librocksdb-dev libwiredtiger-dev
    wrk curl)

# quire_install_packages PACKAGE...
# Installs those that are missing; touches neither apt nor the network when
# none is. Fails with a sentence that says what to do.
quire_install_packages() {
    local missing=() package as_root=()
    if ! command -v dpkg-query >/dev/null; then
        echo "not a Debian system: make sure that these, or their like, are installed: $*" >&2
        return 0
    fi
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing packages: ${missing[*]}" >&2
            echo "run this once as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    as_root+=(env DEBIAN_FRONTEND=noninteractive)
    if ! "${as_root[@]}" apt-get -qq update; then
        echo "apt-get update failed; is the network reachable?" >&2
        return 1
    fi
    if ! "${as_root[@]}" apt-get -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 install "${missing[@]}" >/dev/null; then
        echo "apt-get could not install: ${missing[*]}" >&2
        return 1
    fi
}

# quire_install_npm FOLDER TARGET [OPTION...]
# The npm packages of FOLDER/package-lock.json, in TARGET/node_modules; does not
# touch the network when they are there. Fails after showing why.
quire_install_npm() {
    local folder=$1 target=$2
    shift 2
    mkdir -p "$target"
    if cmp -s "$folder/package-lock.json" "$target/package-lock.json" &&
        [ -f "$target/node_modules/.package-lock.json" ]; then
        return 0
    fi
    cp "$folder/package.json" "$folder/package-lock.json" "$target/"
    if ! npm ci --prefix "$target" --no-audit --no-fund "$@" >"$target/log" 2>&1; then
        rm -rf "$target/node_modules"
        tail -n 5 "$target/log"
        echo "npm ci failed in $target; is the network reachable?" >&2
        return 1
    fi
}
