#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build.sh build | demo | test | bench | install PREFIX | clean
set -eu
cd "$(dirname "$0")"
root=$PWD

need() { command -v "$1" >/dev/null 2>&1 || { echo "build.sh: $1 is missing: $2" >&2; exit 1; }; }

# The library, at build/$1/ (or build/ itself), with extra C flags $2 and go flags $3.
library() {
    need go "install Go 1.26 or newer"
    need gcc "install a C compiler (Debian: gcc libc6-dev)"
    mkdir -p "$1"
    CGO_ENABLED=1 CGO_CFLAGS="${2-}" CGO_LDFLAGS="${2-}" go build ${3-} -trimpath -buildmode=c-shared \
        -o "$1/libcothread.so.1" -ldflags "-s -w -extldflags \
        '-Wl,-soname,libcothread.so.1 -Wl,--version-script=$root/capi/cothread.map ${2-}'" ./capi
    rm -f "$1/libcothread.so.h" "$1/libcothread.h" # cothread.h is the header
    ln -sf libcothread.so.1 "$1/libcothread.so"
}

cmd_build() {
    library build
}

case "${1-}" in
build | demo | test | bench | clean) "cmd_$1" ;;
install) cmd_install "${2-}" ;;
*) sed -n 3p "$0" >&2; exit 2 ;;
esac
