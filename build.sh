#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build.sh build | docs | demo [c | python] | test [STEP...] | bench [OPTIONS of bench/run.py] | install PREFIX | clean
set -eu
cd "$(dirname "$0")"
root=$PWD
version=$(sed -n 's/^#define COTHREAD_VERSION "\(.*\)"/\1/p' cothread.h)
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

task_half='runtime/native/*.c callback/*.c jobs/*.c system/*_linux.c capi/cothread.c' # what the tick half in Go drives
export CGO_ENABLED=1 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C
unset CDPATH CFLAGS CGO_CFLAGS CGO_LDFLAGS GOFLAGS GOOS GOARCH PYTHONPATH VIRTUAL_ENV
# Go does not notice a change in a header of another directory, but one in the flags: they carry the headers' checksum.
# Functions begin at cache lines, or each new file moves the hot ones: a hand-over took 12.9 ns before connection.c was divided,
# 14.1 after, and 13.1 so (bench c, medians of eight runs in turn).
export CGO_CFLAGS="-O2 -g -falign-functions=64 -DHEADERS=$(cat cothread.h callback/*.h capi/*.h jobs/*.h runtime/native/*.h system/*.h | cksum | tr ' ' _)"

fail() {
    echo "build.sh: $1" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null 2>&1 || fail "$1 is missing: install $2"
}

# ---- build ----------------------------------------------------------------------------------------

# library DIRECTORY LINKER-FLAGS GO-BUILD-FLAGS...: libcothread.so in that directory.
library() {
    need go "Go 1.26 or newer"
    need gcc "a C compiler (Debian: gcc libc6-dev)"
    directory=$1 flags=$2
    shift 2
    mkdir -p "$directory"
    # -buildvcs: git refuses to answer for a checkout that another user owns.
    go build -trimpath -buildvcs=false -buildmode=c-shared "$@" -o "$directory/new/libcothread.so.2" -ldflags "$flags -checklinkname=0 -extldflags \
        '-Wl,-soname,libcothread.so.2 -Wl,-z,defs -Wl,--wrap=pthread_create -Wl,--version-script=$root/capi/cothread.map'" ./capi
    # Renamed into place: programs that have the old one mapped keep it.
    mv "$directory/new/libcothread.so.2" "$directory/libcothread.so.2"
    rm -r "$directory/new" # with the header that Go writes; ours is cothread.h
    ln -sf libcothread.so.2 "$directory/libcothread.so"
}

# pkg_config PREFIX LIBDIR INCLUDEDIR RPATH: cothread.pc on standard output.
pkg_config() {
    sed -e "s|@prefix@|$1|" -e "s|@libdir@|$2|" -e "s|@includedir@|$3|" -e "s|@rpath@|$4|" -e "s|@version@|$version|" \
        bindings/c/cothread.pc.in
}

cmd_build() {
    library build -w # with the names of functions: a user's backtrace goes through them
    # What is built against the checkout runs from anywhere, hence the rpath.
    # shellcheck disable=SC2016 # expanded by pkg-config
    pkg_config "$root/build" '${prefix}' "$root" '-Wl,-rpath,${libdir} ' >build/cothread.pc
    for program in ours:bench crowd:crowd; do
        gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread -I. -o build/bench.new "bench/c/${program%:*}.c" \
            -Lbuild -lcothread "-Wl,-rpath,$root/build" -lm
        mv build/bench.new "build/${program#*:}"
    done
}

# ---- docs -----------------------------------------------------------------------------------------

# The manual, made from the header: build/docs/man/man3/*.3, build/docs/html/cothread.html, build/docs/constants.txt.
cmd_docs() {
    need python3 "Python 3.10 or newer"
    rm -rf build/docs
    python3 docs/manual.py build build/docs
    docs/constants >build/docs/constants.txt
}

# ---- Python ---------------------------------------------------------------------------------------

# The environment in .venv, with the binding importable from where it lies. Made once, and again when what it is made
# of changes: the interpreter, the place of the checkout, the requirements.
environment() {
    need python3 "Python 3.10 or newer (Debian: python3 python3-venv)"
    mkdir -p build
    { python3 --version && echo "$root" && cat tests/python/requirements.txt; } >build/environment
    if ! cmp -s build/environment .venv/made-of; then
        rm -rf .venv
        python3 -m venv .venv || fail "python3 cannot make a virtual environment: install its venv module (Debian: python3-venv)"
        packages tests/python/requirements.txt
        site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        echo "$root/bindings/python" >"$site/cothread.pth"
        cp build/environment .venv/made-of
    fi
}

packages() {
    .venv/bin/pip install --quiet --disable-pip-version-check --no-input -r "$1" || fail "pip could not install what $1 lists"
}

# ---- test -----------------------------------------------------------------------------------------
# Each step is a function that runs in a subshell with its output in build/test/NAME.log. It counts as one test, or as what its
# log says in a line "N passed, N failed". Its lines that begin with "note:" are shown.

passed=0
failed=0

step() {
    log=build/test/$1.log
    began=$(date +%s)
    set +e # and not `step || status=$?`, in which a subshell would ignore set -e
    (
        set -e
        "$1"
    ) >"$log" 2>&1
    status=$?
    set -e
    took=$(($(date +%s) - began))
    counts=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
    good=${counts% *} bad=${counts#* }
    if [ -z "$counts" ]; then
        good=$((status == 0)) bad=$((status != 0))
    elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    printf '%-26s %4d passed %4d failed %4d s\n' "$1" "$good" "$bad" "$took"
    sed -n 's/^note: /    /p' "$log"
    if [ "$bad" -ne 0 ]; then
        grep FAIL "$log" | head -n 40 | sed 's/^/    /' || true
        echo "    the end of $log:"
        tail -n 15 "$log" | sed 's/^/    | /'
    fi
}

go_format_and_vet() {
    unformatted=$(gofmt -l capi runtime poll callback jobs system)
    [ -z "$unformatted" ] || fail "gofmt would change: $unformatted"
    go vet ./...
    for system in windows darwin freebsd; do # which have no backend yet
        CGO_ENABLED=0 GOOS=$system go vet ./poll/... ./runtime
    done
    go vet -tags failures ./...
}

go_staticcheck() {
    if ! go run "$staticcheck" -version; then
        echo "note: skipped: $staticcheck could not be fetched"
        return
    fi
    go run "$staticcheck" ./...
}

# Every C source, whether something else compiles it or not, as the strictest compiler of the house.
c_compiles_without_warnings() {
    for source in $task_half tests/c/*.c tests/abi/*/*.c tests/sanitize/*.c tests/tsan/*.c bench/c/*.c bindings/c/examples/*.c demo/*.c; do
        [ -e "$source" ] || continue # a pattern that matches nothing
        missing=$(sed -n 's/^#include <\(.*\)>.*/\1/p' "$source" | while read -r header; do
            echo "#include <$header>" | gcc -I. -E -x c - >/dev/null 2>&1 || echo "$header"
        done)
        if [ -n "$missing" ]; then
            echo "note: skipped: $source needs" $missing
            continue
        fi
        gcc -std=gnu11 -O1 -Wall -Wextra -Werror -I. -c -o /dev/null "$source" # an ignored result is seen only so
    done
}

# Which room of the task half includes which: tsort fails at a circle.
rooms() {
    for file in runtime/native/*.[ch]; do
        room=$(basename "${file%.*}")
        sed -n "s/^#include \"\([a-z]*\)\.h\".*/$room \1/p" "$file" | grep -v "^$room $room\$" || true
    done | sort -u | tsort
}

exported_symbols() {
    foreign=$(nm -D --defined-only build/libcothread.so.2 | awk '$2 != "A" && $3 !~ /^cothread_/ { print $3 }')
    [ -z "$foreign" ] || fail "exported beside cothread_*: $foreign"
    readelf -d build/libcothread.so.2 | grep -q 'SONAME.*\[libcothread.so.2\]'
    floor=$(nm -D build/libcothread.so.2 | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    echo "note: needs $floor or newer"
    [ "$(printf '%s\nGLIBC_2.34\n' "$floor" | sort -V | tail -n 1)" = GLIBC_2.34 ] || fail "README promises glibc 2.34"
}

# What was built against a kept header runs on the library of today.
abi() {
    tests/abi/check
}

go_race() {
    status=0
    go test -race -v -timeout 5m -ldflags=-checklinkname=0 ./... || status=$?
    counts=build/test/go_race.log
    echo "$(grep -c '^--- PASS' $counts) passed, $(grep -c '^--- FAIL' $counts) failed"
    return $status
}

# The room of the system calls by itself, with a kernel from which things can be taken.
system_room() {
    mkdir -p build/system
    good=0 bad=0
    for name in system descriptors signals children; do
        gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -DCOTHREAD_FAILURES -I. -o "build/system/$name" \
            "tests/system/$name.c" system/*_linux.c
        "build/system/$name" >"build/system/$name.out" || true
        cat "build/system/$name.out"
        good=$((good + $(sed -n 's/ passed,.*//p' "build/system/$name.out")))
        bad=$((bad + $(sed -n 's/.* passed, \(.*\) failed/\1/p' "build/system/$name.out")))
    done
    echo "$good passed, $bad failed"
    [ "$bad" -eq 0 ]
}

# A library each of whose system calls and allocations can be made to fail.
failures() {
    library build/failures "" -tags failures
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -I. -o build/failures/walk tests/failures/walk.c \
        build/failures/libcothread.so "-Wl,-rpath,$root/build/failures"
    timeout 600 build/failures/walk 0 >build/failures/walk.out 2>&1 &
    other=$!
    timeout 600 build/failures/walk 1
    wait $other || { cat build/failures/walk.out; return 1; }
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -I. -o build/failures/clock tests/failures/clock.c \
        build/failures/libcothread.so "-Wl,-rpath,$root/build/failures"
    timeout 120 build/failures/clock
}

c_library() {
    tests/run
}

# without_go DIRECTORY COMPILER FLAGS...: libcothread.so with the tick half of tests/sanitize.
without_go() {
    directory=$1 compiler=$2
    shift 2
    mkdir -p "$directory"
    case $("$compiler" -dumpmachine) in
    x86_64-*) assembly='runtime/native/switch_amd64.S capi/returns_amd64.S' ;;
    aarch64-*) assembly=runtime/native/switch_arm64.S ;;
    *) fail "there is no switch for $("$compiler" -dumpmachine)" ;;
    esac
    # shellcheck disable=SC2086 # lists of files and patterns
    "$compiler" -std=gnu11 -O1 -g -Wall -Wextra -Werror -fvisibility=hidden -fPIC -shared -pthread "$@" \
        -Wl,-soname,libcothread.so.2 -Wl,--version-script=capi/cothread.map -o "$directory/libcothread.so.2" \
        $task_half $assembly tests/sanitize/tick.c
    ln -sf libcothread.so.2 "$directory/libcothread.so"
}

# names FILE: the tests listed there, one a line; what follows # is why.
names() {
    sed 's/#.*//' "$1"
}

c_thread_sanitizer() {
    without_go build/tsan gcc -fsanitize=thread
    # shellcheck disable=SC2046 # a list
    TSAN_OPTIONS=halt_on_error=1 CFLAGS_EXTRA=-fsanitize=thread \
        tests/run --library build/tsan/libcothread.so $(names tests/sanitize/thread.list)
}

queue_thread_sanitizer() {
    mkdir -p build/tsan
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=thread -pthread -o build/tsan/queue_hammer \
        tests/tsan/queue_hammer.c callback/queue.c system/*_linux.c
    timeout 120 build/tsan/queue_hammer
}

pool_thread_sanitizer() {
    mkdir -p build/tsan
    # Its threads end after 2 ms without work, so that they do it often.
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=thread -pthread -DCOTHREAD_FAILURES -DPOOL_IDLE=2000000 \
        -o build/tsan/pool_hammer tests/tsan/pool_hammer.c jobs/pool.c system/*_linux.c
    timeout 120 build/tsan/pool_hammer
}

# The whole library, with Go's own checks too; undefined behaviour along with it.
c_address_sanitizer() {
    export CGO_CFLAGS="$CGO_CFLAGS -fsanitize=undefined -fno-sanitize-recover=all" CGO_LDFLAGS=-fsanitize=undefined
    library build/asan "" -asan
    # Leaks: Go keeps its memory. handle_segv: the guard page's handler, and Go's own, are part of what is tested.
    export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:detect_stack_use_after_return=1
    CFLAGS_EXTRA=-fsanitize=address,undefined tests/run --library build/asan/libcothread.so
}

# Whether the two above would have found anything in a task.
sanitizers_see_tasks() {
    export ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1
    for sanitizer in thread address; do
        without_go "build/$sanitizer" gcc "-fsanitize=$sanitizer"
        gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread "-fsanitize=$sanitizer" -I. -o "build/$sanitizer/tasks" \
            tests/sanitize/tasks.c "build/$sanitizer/libcothread.so" "-Wl,-rpath,$root/build/$sanitizer"
        tasks_are_followed "$sanitizer" "build/$sanitizer/tasks"
    done
}

# tasks_are_followed SANITIZER PROGRAM: that program of tests/sanitize/tasks.c, with nothing to find and with what must be found.
tasks_are_followed() {
    for clean in order_by_post order_by_mailbox order_by_channel order_by_interrupt calls_that_wait reuse; do
        timeout 120 "$2" "$clean"
    done
    case $1 in
    thread)
        timeout 120 "$2" limit
        finds 'ThreadSanitizer: data race' "$2" race
        ;;
    address) finds 'AddressSanitizer: stack-buffer-overflow' "$2" overrun ;;
    esac
}

# Programs with a sanitizer and the library as shipped, which has none.
sanitized_hosts() {
    mkdir -p build/hosts
    export TSAN_OPTIONS=halt_on_error=1
    for compiler in gcc clang; do
        command -v $compiler || { echo "note: skipped: $compiler is not installed"; continue; }
        case $compiler in gcc) plus=g++ ;; clang) plus=clang++ ;; esac
        for sanitizer in thread address; do
            stem=build/hosts/$compiler-$sanitizer
            $compiler -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread "-fsanitize=$sanitizer" -I. -o "$stem-tasks" \
                tests/sanitize/tasks.c build/libcothread.so "-Wl,-rpath,$root/build"
            # Tasks that never end keep memory: reuse.
            ASAN_OPTIONS=detect_leaks=0 tasks_are_followed "$sanitizer" "$stem-tasks"
            for source in tests/cxx/*_*.cc; do
                cxx_program "$stem-$(basename "$source" .cc)" "$source" "$plus" -std=c++11 "-fsanitize=$sanitizer"
            done
        done
    done
}

# ---- C++ ----

# cxx_program OUTPUT SOURCE COMPILER FLAGS...: compiles it against the checkout, without a warning, and runs it.
cxx_program() {
    output=$1 source=$2
    shift 2
    echo "$source: $*"
    "$@" -O1 -g -Wall -Wextra -Werror -pedantic -pthread -I. -Ibindings/c -o "$output" "$source" \
        build/libcothread.so "-Wl,-rpath,$root/build"
    timeout 60 "$output"
}

# cothread.hpp, and exceptions in tasks, in every dialect; with the runtime inside the program; and with one in a plugin.
cxx() {
    mkdir -p build/cxx
    for compiler in g++ clang++; do
        command -v $compiler || { echo "note: skipped: $compiler is not installed"; continue; }
        for flag in -std=c++11 -std=c++20 -static-libstdc++; do
            for source in tests/cxx/*_*.cc; do
                cxx_program "build/cxx/$(basename "$source" .cc)" "$source" $compiler $flag
            done
        done
        $compiler -std=c++11 -O1 -g -Wall -Wextra -Werror -pedantic -fPIC -shared -I. -o build/cxx/plugin.so tests/cxx/plugin.cc
        gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -I. -o build/cxx/a_plugin_brings_its_runtime \
            tests/cxx/a_plugin_brings_its_runtime.c build/libcothread.so "-Wl,-rpath,$root/build"
        timeout 60 build/cxx/a_plugin_brings_its_runtime build/cxx/plugin.so
    done
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -fPIC -shared -o build/cxx/plugin_that_waits.so tests/cxx/plugin_that_waits.c
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -rdynamic -I. -o build/cxx/a_plugin_waits_while_it_is_loaded \
        tests/cxx/a_plugin_waits_while_it_is_loaded.c build/libcothread.so "-Wl,-rpath,$root/build"
    timeout 60 build/cxx/a_plugin_waits_while_it_is_loaded build/cxx/plugin_that_waits.so
}

# finds TEXT COMMAND...: the command fails, and says so.
finds() {
    text=$1
    shift
    ! timeout 120 "$@" >build/test/found 2>&1 || fail "$*: nothing was found"
    grep "$text" build/test/found
}

# wrapped DIRECTORY COMPILER WRAPPER TEST...: runs tests linked with the library there by a command (a list of words).
wrapped() {
    directory=$1 compiler=$2 wrapper=$3 good=0 bad=0
    shift 3
    for name in "$@"; do
        # shellcheck disable=SC2086 # a list
        if "$compiler" -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -I. -o "$directory/$name" "tests/c/$name.c" \
            "$directory/libcothread.so" "-Wl,-rpath,$root/$directory" -lm && timeout 120 $wrapper "$directory/$name"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "FAILED $name"
        fi
    done
    echo "$good passed, $bad failed"
    [ "$bad" -eq 0 ]
}

# What has no order of its own to prove, but many switches, threads and abandoned stacks.
sample='join_gives_the_result cancel_does_not_undo_a_hand_over channel_keeps_the_order_of_senders_and_elements
    callbacks_of_each_thread_start_in_order destroy_gives_up_at_its_deadline errno_survives_a_suspension
    random_waits_lose_and_invent_nothing tasks_may_use_the_c_library wait_ends_with_what_was_closed wait_takes_one_thing_or_all
    random_waits_for_many_things_are_right'

c_valgrind() {
    if ! command -v valgrind || ! echo '#include <valgrind/memcheck.h>' | gcc -E -x c - >/dev/null; then
        echo "note: skipped: valgrind or its header is not installed"
        return
    fi
    without_go build/valgrind gcc -DCOTHREAD_VALGRIND
    # shellcheck disable=SC2086 # a list
    wrapped build/valgrind gcc "valgrind --quiet --error-exitcode=9" $sample
}

c_arm64() {
    if ! command -v aarch64-linux-gnu-gcc || ! command -v qemu-aarch64-static; then
        echo "note: skipped: aarch64-linux-gnu-gcc or qemu-aarch64-static is not installed"
        return
    fi
    export GOARCH=arm64 CC=aarch64-linux-gnu-gcc
    library build/arm64 ""
    names tests/sanitize/arm64.except | tr -d ' ' >build/arm64/except
    # shellcheck disable=SC2046 # a list
    wrapped build/arm64 "$CC" "qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
        $(for source in tests/c/*.c; do basename "$source" .c; done | grep -vxFf build/arm64/except)
}

# ends_by_itself EXAMPLE: the others are run by the step `examples`.
ends_by_itself() {
    case $1 in supervisor | gateway) return 1 ;; esac
}

# An installed library serves a stranger's program: every example, by pkg-config and by CMake.
c_install() {
    prefix=$root/build/installed
    rm -rf "$prefix" build/examples
    mkdir -p build/examples
    cmd_install "$prefix"
    if command -v man >/dev/null; then
        MANPATH="$prefix/share/man" man -w cothread_spawn
    fi
    need pkg-config "pkg-config (Debian: pkg-config)"
    export LD_LIBRARY_PATH="$prefix/lib"
    for source in bindings/c/examples/*.c; do
        name=$(basename "$source" .c)
        # shellcheck disable=SC2046 # a list
        gcc -std=gnu11 -Wall -Wextra -Werror -o "build/examples/$name" "$source" \
            $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs cothread)
        ends_by_itself "$name" || continue
        timeout 60 "build/examples/$name"
    done
    for source in bindings/c/examples/*.cc; do
        name=$(basename "$source" .cc)
        # shellcheck disable=SC2046 # a list
        g++ -std=c++11 -Wall -Wextra -Werror -o "build/examples/$name" "$source" \
            $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs cothread)
        timeout 60 "build/examples/$name"
    done
    unset LD_LIBRARY_PATH
    if ! command -v cmake; then
        echo "note: skipped: cmake is not installed"
        return
    fi
    cmake -S bindings/c/examples -B build/examples/cmake -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build build/examples/cmake
    for source in bindings/c/examples/*.c bindings/c/examples/*.cc; do
        ends_by_itself "$(basename "${source%.*}")" || continue
        timeout 60 "build/examples/cmake/$(basename "${source%.*}")"
    done
}

# What is installed is all that the binding for LuaJIT needs: it reads the header and the list of constants.
luajit_binding() {
    if ! command -v luajit; then
        echo "note: skipped: luajit is not installed"
        return
    fi
    cmd_install build/luajit
    COTHREAD_PREFIX=build/luajit LUA_PATH="bindings/luajit/?.lua" timeout 60 luajit bindings/luajit/example.lua
}

python_types_and_style() {
    (cd bindings/python && "$root/.venv/bin/mypy" --strict)
    .venv/bin/mypy --strict docs/manual.py
    (cd tests/examples && "$root/.venv/bin/mypy" --strict ./*.py)
    .venv/bin/ruff check --config bindings/python/pyproject.toml bindings/python tests/python tests/examples docs
}

python_package() {
    pytested python_package tests/python
}

# pytested STEP DIRECTORY: runs the tests there, as the step of that name.
pytested() {
    status=0
    timeout 600 .venv/bin/python -m pytest -q -p no:cacheprovider "$2" || status=$?
    said=$(tail -n 1 "build/test/$1.log")
    good=$(echo "$said" | grep -o '[0-9]* passed' || echo '0 passed')
    bad=$(echo "$said" | grep -o '[0-9]* failed' || echo '0 failed')
    echo "$good, $bad"
    return $status
}

# Examples in C and in Python that serve until they are told to stop: run, told, killed, stopped under load, without descriptors.
examples() {
    mkdir -p build/services
    for name in supervisor gateway; do
        gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -I. -o "build/services/$name" "bindings/c/examples/$name.c" \
            -Lbuild -lcothread "-Wl,-rpath,$root/build"
    done
    pytested examples tests/examples
}

# What pip installs works without the checkout.
python_package_installs() {
    rm -rf build/installed-python
    .venv/bin/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --target build/installed-python bindings/python
    cd build
    PYTHONPATH=installed-python ../.venv/bin/python -c '
import cothread
assert "installed-python" in cothread.__file__, cothread.__file__
assert "installed-python" in open("/proc/self/maps").read(), "the library is not the package'"'"'s own"
assert cothread.Spawn(lambda: 42).Wait() == 42'
}

# The header keeps the order that its manual is made from, and each page renders.
manual() {
    python3 docs/manual.py check
    cmd_docs
    for page in build/docs/man/man3/*.3; do
        if command -v groff >/dev/null; then
            said=$(groff -man -Tutf8 -ww -z "$page" 2>&1)
        elif command -v mandoc >/dev/null; then
            said=$(mandoc -T lint -W warning "$page")
        else
            echo "note: skipped: neither groff nor mandoc is installed"
            break
        fi
        [ -z "$said" ] || fail "$page: $said"
    done
    # What docs/binding.md says of an FFI: nothing but declarations is left.
    grep -v '^#include' cothread.h | cpp -P -DCOTHREAD_API= -DCOTHREAD_CHECKED= >build/docs/declarations.h
    ! grep -n '#\|__' build/docs/declarations.h || fail "cpp leaves more than declarations"
    { printf '#include <stddef.h>\n#include <stdint.h>\n' && cat build/docs/declarations.h; } >build/docs/declarations.c
    gcc -std=c99 -Wall -Wextra -Werror -fsyntax-only build/docs/declarations.c
}

what_the_documentation_shows() {
    docs/check
}

# Both services, with real clients. It fails if a client got something wrong, not if it was slow.
the_demo_runs() {
    demo/run
}

cmd_test() {
    if [ $# -eq 0 ]; then
        set -- go_format_and_vet go_staticcheck c_compiles_without_warnings rooms exported_symbols abi \
            go_race system_room failures c_library c_thread_sanitizer queue_thread_sanitizer pool_thread_sanitizer c_address_sanitizer sanitizers_see_tasks \
            cxx sanitized_hosts \
            c_valgrind c_arm64 c_install examples luajit_binding \
            python_types_and_style python_package python_package_installs manual what_the_documentation_shows the_demo_runs
    fi
    cmd_build
    environment
    rm -rf build/test
    mkdir -p build/test
    for name in "$@"; do
        step "$name"
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# ---- the others -----------------------------------------------------------------------------------

cmd_bench() {
    cmd_build
    environment
    packages bench/python/requirements.txt
    .venv/bin/python bench/run.py "$@"
}

cmd_demo() {
    case ${1-} in
    '' | python | c) ;;
    *) fail "demo has c and python, not $1" ;;
    esac
    cmd_build
    [ "${1-}" = c ] || environment
    demo/run "$@"
}

# install PREFIX: what `build` made, where a C compiler, pkg-config and CMake look for it.
cmd_install() {
    [ -n "${1-}" ] || fail "install needs a PREFIX, such as /usr/local"
    [ -e build/libcothread.so.2 ] || cmd_build
    mkdir -p "$1/lib/pkgconfig" "$1/lib/cmake/cothread" "$1/include" "$1/share/cothread"
    prefix=$(cd "$1" && pwd)
    install -m 755 build/libcothread.so.2 "$prefix/lib/libcothread.so.2"
    ln -sf libcothread.so.2 "$prefix/lib/libcothread.so"
    install -m 644 cothread.h bindings/c/cothread.hpp "$prefix/include"
    docs/constants >"$prefix/share/cothread/constants.txt"
    # shellcheck disable=SC2016 # expanded by pkg-config
    pkg_config "$prefix" '${prefix}/lib' '${prefix}/include' '' >"$prefix/lib/pkgconfig/cothread.pc"
    if command -v python3 >/dev/null; then
        cmd_docs
        mkdir -p "$prefix/share/man/man3"
        install -m 644 build/docs/man/man3/*.3 "$prefix/share/man/man3"
    else
        echo "without python3 there are no man pages; the manual is cothread.h"
    fi
    install -m 644 bindings/c/cothreadConfig.cmake "$prefix/lib/cmake/cothread/cothreadConfig.cmake"
    sed "s|@version@|$version|" bindings/c/cothreadConfigVersion.cmake.in >"$prefix/lib/cmake/cothread/cothreadConfigVersion.cmake"
    echo "installed in $prefix; so that programs find $prefix/lib, run ldconfig or set LD_LIBRARY_PATH"
}

cmd_clean() {
    rm -rf build .venv bindings/python/build bindings/python/*.egg-info
}

command=${1-}
case $command in
build | docs | demo | test | bench | install | clean)
    shift
    "cmd_$command" "$@"
    ;;
*)
    sed -n 3p "$0" >&2
    exit 2
    ;;
esac
