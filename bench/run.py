# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks of libcothread and its peers in turn and compares them.

    ./build.sh bench [--rounds N] [--quick] [c | crowd | python]

Each round runs every peer once, so that a ratio inside a round survives a noisy machine. A table shows the median over
the rounds, with the smallest and largest; the bars show what the project promises. A full run (all groups, not quick)
takes about twenty minutes and writes its tables to bench/RESULTS.md.

Peers come from ordinary packages; one that is missing is named and left out:
    apt-get install libuv1-dev libevent-dev libpth-dev libst-dev libboost-fiber-dev libboost-context-dev
    pip install -r bench/python/requirements.txt
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Callable

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
LIBRARY_BENCH = ROOT / "build" / "bench"
CROWD_BENCH = ROOT / "build" / "crowd"
PROGRAMS = ROOT / "build" / "peers"
TIMEOUT = 60

OURS = "ours"
PYTHON_CONNECTIONS = "ours-connections"
SLEEPERS = 100_000
MANY_SLEEPERS = 1_000_000
C_ECHO_CONNECTIONS = 1000
C_ECHO_ROUNDS = 600
QUIET_LOAD = (10_000, 10, 3000)  # connections, always busy ones, questions of the others
PYTHON_ECHO_CONNECTIONS = (100, 1000)
PYTHON_ECHO_SECONDS = 1.5


# ---- What was measured


@dataclass
class Figures:
    """Every figure of a run: by metric, by peer, one per round."""

    units: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    round: int = 0

    def add(self, metric: str, peer: str, value: float, unit: str) -> None:
        self.units.setdefault(metric, unit)
        self.values.setdefault(metric, {}).setdefault(peer, {})[self.round] = value

    def complain(self, complaint: str) -> None:
        print(complaint, file=sys.stderr)
        if complaint not in self.complaints:
            self.complaints.append(complaint)

    def of(self, metric: str, peer: str) -> dict[int, float]:
        return self.values.get(metric, {}).get(peer, {})

    def median(self, metric: str, peer: str) -> float | None:
        values = self.of(metric, peer)
        return statistics.median(values.values()) if values else None

    def ratio(self, metric: str, numerator: str, denominator: str) -> float | None:
        """The median of the ratios inside the rounds."""
        above, below = self.of(metric, numerator), self.of(metric, denominator)
        ratios = [above[number] / below[number] for number in above.keys() & below.keys() if below[number] > 0]
        return statistics.median(ratios) if ratios else None


def run_program(command: list[str], figures: Figures, what: str, timeout: float = TIMEOUT) -> str:
    """The program's output; if it failed, a complaint and what it had printed until then."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        figures.complain(f"{what}: not finished after {timeout} s")
        return ""
    if done.returncode != 0:
        figures.complain(f"{what}: {last_line(done.stderr) or f'exit status {done.returncode}'}")
    return done.stdout


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_listener(port: int) -> None:
    """Until the server listens; looked up in the kernel's table, because a probing connection would be counted."""
    listening = f"0100007F:{port:04X} 00000000:0000 0A"
    for _ in range(500):
        if listening in Path("/proc/net/tcp").read_text():
            return
        time.sleep(0.01)


# ---- C


@dataclass(frozen=True)
class Peer:
    name: str
    source: str
    package: str
    flags: tuple[str, ...] = ()

    @property
    def program(self) -> Path:
        return PROGRAMS / Path(self.source).stem


C_PEERS = (
    Peer("raw", "raw.c", "libc6-dev"),
    Peer("libuv", "libuv.c", "libuv1-dev", ("-luv",)),
    Peer("libevent", "libevent.c", "libevent-dev", ("-levent", "-levent_pthreads")),
    Peer("boost-fiber", "boost_fiber.cpp", "libboost-fiber-dev", ("-lboost_fiber", "-lboost_context")),
    Peer("pth", "pth.c", "libpth-dev", ("-lpth",)),
    Peer("state-threads", "state_threads.c", "libst-dev", ("-lst",)),
    Peer("go", "../go/select.go", "golang"),
    Peer("libdill", "libdill.c", "libdill-dev (https://libdill.org)", ("-ldill",)),
)
ECHO_CLIENT = Peer("echo client", "echo_client.c", "libc6-dev")
QUIET_CLIENT = Peer("quiet client", "quiet_client.c", "libc6-dev")
IDLE = Peer("idle", "idle.c", "libc6-dev")


def build(peer: Peer, figures: Figures) -> bool:
    source = BENCH / "c" / peer.source
    compiler = ["g++"] if source.suffix == ".cpp" else ["gcc", "-std=gnu11"]
    command = [*compiler, "-O2", "-Wall", "-Wextra", str(source), "-o", str(peer.program), *peer.flags, "-pthread"]
    if source.suffix == ".go":
        command = ["go", "build", "-o", str(peer.program), str(source.resolve())]
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        reason = errors[0].partition("error: ")[2] if errors else last_line(done.stderr)
        figures.complain(f"{peer.name} does not build; is the package {peer.package} missing? ({reason})")
    return done.returncode == 0


def add_lines(output: str, figures: Figures, suffix: str = "", instead: str | None = None) -> None:
    for line in output.splitlines():
        metric, peer, value, unit = line.split()
        figures.add(metric + suffix, instead or peer, float(value), unit)


CONNECTIONS = "connections"  # libcothread's connection layer, as a peer of its adopted descriptors

# benchmark: how its metrics end, and which peer they are instead of the program's
C_ECHOES: dict[str, tuple[str, str | None]] = {
    "echo": ("", None),
    "echo64": ("_64", None),
    "echo_connections": ("", CONNECTIONS),
}


def run_c_echo(program: Path, name: str, benchmark: str, figures: Figures) -> None:
    port = free_port()
    server = subprocess.Popen(
        [str(program), benchmark, str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CONNS": str(C_ECHO_CONNECTIONS)},
    )
    try:
        wait_for_listener(port)
        client = [str(ECHO_CLIENT.program), str(port), str(C_ECHO_CONNECTIONS), str(C_ECHO_ROUNDS)]
        run_program(client, figures, f"{name} {benchmark}")
        add_lines(server.communicate(timeout=5)[0], figures, *C_ECHOES[benchmark])
    except subprocess.TimeoutExpired:
        figures.complain(f"{name} {benchmark}: the server does not end with its last connection")
    finally:
        server.kill()
        server.wait()


def run_c_quiet(program: Path, name: str, figures: Figures) -> None:
    """How long the quiet ones among many connections wait for an answer while some are always busy."""
    port = free_port()
    server = subprocess.Popen([str(program), "quiet", str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_for_listener(port)
        client = [str(QUIET_CLIENT.program), str(port), *map(str, QUIET_LOAD)]
        output = run_program(client, figures, f"{name} quiet").split()
        for metric, value, unit in zip(("p50", "p99", "busy"), output, ("us", "us", "msg"), strict=True):
            figures.add(f"r_quiet_{metric}", name, float(value), unit)
    finally:
        server.kill()
        server.wait()


def run_c_benchmark(program: Path, name: str, benchmark: str, figures: Figures) -> None:
    if benchmark in C_ECHOES:
        run_c_echo(program, name, benchmark, figures)
    elif benchmark == "quiet":
        run_c_quiet(program, name, figures)
    else:
        arguments = [str(SLEEPERS)] if benchmark == "d" else []
        add_lines(run_program([str(program), benchmark, *arguments], figures, f"{name} {benchmark}"), figures)


def run_many_sleepers(figures: Figures) -> None:
    output = run_program([str(LIBRARY_BENCH), "d", str(MANY_SLEEPERS)], figures, f"{OURS} d {MANY_SLEEPERS}")
    add_lines(output, figures, suffix="_1M")


def run_idle(figures: Figures) -> None:
    for test in ("wake1000", "idle5"):
        command = [str(IDLE.program), test, str(LIBRARY_BENCH), test]
        add_lines(run_program(command, figures, f"{OURS} {test}"), figures)


def c_group(figures: Figures, quick: bool) -> Iterator[Callable[[], None]]:
    """The steps of one round."""
    programs = {peer.name: peer.program for peer in C_PEERS if build(peer, figures)}
    build(ECHO_CLIENT, figures)
    build(QUIET_CLIENT, figures)
    build(IDLE, figures)
    if LIBRARY_BENCH.exists():
        programs = {OURS: LIBRARY_BENCH, **programs}
        yield partial(run_idle, figures)
        if not quick:
            yield partial(run_many_sleepers, figures)
    else:
        figures.complain(f"{OURS}: build/bench is missing: run ./build.sh build")
    # One benchmark after the other and in each the peers in turn: the machine's mood lasts longer than a run.
    benchmarks = {name: run_program([str(path), "list"], figures, name).split() for name, path in programs.items()}
    for benchmark in sorted(set(chain.from_iterable(benchmarks.values()))):
        for name, program in programs.items():
            if benchmark in benchmarks[name]:
                yield partial(run_c_benchmark, program, name, benchmark, figures)


# ---- Crowds: ours only, beside tasks of its own that are in no crowd

CROWD_TIMEOUT = 600  # 140 s while other work kept both processors busy


def crowd_group(figures: Figures, quick: bool) -> Iterator[Callable[[], None]]:
    if not CROWD_BENCH.exists():
        figures.complain(f"{OURS}: build/crowd is missing: run ./build.sh build")
        return
    yield lambda: add_lines(run_program([str(CROWD_BENCH)], figures, "crowd", CROWD_TIMEOUT), figures)


# ---- Python

PYTHON_MODULES = {OURS: "cothread", "gevent": "gevent", "asyncio": "asyncio", "uvloop": "uvloop", "trio": "trio"}
PYTHON_TESTS = ("spawn", "yield_", "pingpong", "sleepers", "inject", "latency", "flood", "busy", "pollers")
PYTHON_UNITS = {
    "sleepers.rss": "B",
    "sleepers.armwall": "s",
    "flood.rate": "1/s",
    "flood.depth": "posts",
    "flood.ticks": "ticks",
    "flood.lost": "posts",
    "busy.rate": "1/s",
    "busy.ticks": "ticks",
    "pollers.ratio": "x",
}
MORE_TESTS = {OURS: ("roundtrip",), "gevent": ("roundtrip",)}
ECHO_SERVERS = {OURS: ("echo", "echo_connections"), "asyncio": ("echo", "echo_proto"), "uvloop": ("echo", "echo_proto")}


def one(peer: str, test: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", str(BENCH / "python" / "one.py"), peer, test, *arguments]


def importable(module: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def run_python_test(peer: str, test: str, figures: Figures) -> None:
    line = last_line(run_program(one(peer, test), figures, f"{peer} {test}"))
    for name, value in json.loads(line or "{}").items():
        metric = f"{test.rstrip('_')}.{name}"
        figures.add(metric, peer, value, PYTHON_UNITS.get(metric, "us"))


def run_python_echo(peer: str, server_function: str, figures: Figures) -> None:
    name = peer + server_function[len("echo") :].replace("_", "-")
    for connections in PYTHON_ECHO_CONNECTIONS:
        port = free_port()
        server = subprocess.Popen(one(peer, server_function, str(port)), stderr=subprocess.DEVNULL)
        try:
            wait_for_listener(port)
            client = [str(ECHO_CLIENT.program), str(port), str(connections), str(PYTHON_ECHO_SECONDS), str(server.pid)]
            output = run_program(client, figures, f"{name} echo with {connections} connections").split()
        finally:
            server.kill()
            server.wait()
        if output:
            messages, seconds, cpu = map(float, output)
            figures.add(f"echo.wall@{connections}", name, messages / seconds, "msg/s")
            figures.add(f"echo.cpu@{connections}", name, messages / cpu, "msg/s")


def run_python_peer(peer: str, figures: Figures) -> None:
    for test in (*PYTHON_TESTS, *MORE_TESTS.get(peer, ())):
        run_python_test(peer, test, figures)
    for server_function in ECHO_SERVERS.get(peer, ("echo",)):
        run_python_echo(peer, server_function, figures)


def python_group(figures: Figures, quick: bool) -> Iterator[Callable[[], None]]:
    build(ECHO_CLIENT, figures)
    if quick:
        os.environ.update(SLEEPERS="20000", SLEEP="2")
    for peer, module in PYTHON_MODULES.items():
        if importable(module):
            yield partial(run_python_peer, peer, figures)
        elif peer == OURS:
            figures.complain(f"{OURS}: the package cothread is not importable: run ./build.sh build")
        else:
            figures.complain(f"{peer} is missing: pip install -r bench/python/requirements.txt")
    yield partial(run_python_echo, "raw", "echo", figures)


GROUPS = {"c": c_group, "crowd": crowd_group, "python": python_group}


# ---- The bars


@dataclass(frozen=True)
class Bar:
    group: str
    promise: str
    metric: str
    at_most: float | None = None
    at_least: float | None = None
    against: tuple[str, str] | None = None  # the figure is a ratio of these two peers

    def measured(self, figures: Figures) -> float | None:
        if self.against is not None:
            return figures.ratio(self.metric, *self.against)
        return figures.median(self.metric, OURS)

    def limit(self) -> str:
        return f"<= {number(self.at_most)}" if self.at_most is not None else f">= {number(self.at_least)}"

    def verdict(self, measured: float | None) -> str:
        if measured is None:
            return "-"
        holds = measured <= self.at_most if self.at_most is not None else measured >= (self.at_least or 0)
        return "pass" if holds else "FAIL"


BARS = (
    Bar("c", "1 spawn, run, join with a result, ns", "a_spawn", at_most=60),
    Bar("c", "1 yield, 1000 ready, ns", "b_yield1000", at_most=20),
    Bar("c", "1 hand-over between two tasks, ns", "c_pingpong", at_most=22),
    Bar("c", "1 hand-over, of State Threads'", "c_pingpong", at_most=1, against=(OURS, "state-threads")),
    Bar("c", "1 timer arm and fire, CPU of libuv's", "e_timer_cpu", at_most=1, against=(OURS, "libuv")),
    Bar("c", "1 post with data into a busy loop, ns", "g_inject", at_most=60),
    Bar("c", "1 post into an idle loop, p50, of raw epoll's", "g_idle_p50", at_most=1.3, against=(OURS, "raw")),
    Bar("c", "1 post into an idle loop, p99, of raw epoll's", "g_idle_p99", at_most=1.3, against=(OURS, "raw")),
    Bar("c", "2 a million guarded sleepers, bytes each", "d_bytes_1M", at_most=4400),
    Bar("c", "2 a million guarded sleepers, CPU ns per wake", "d_wake_cpu_1M", at_most=700),
    Bar("c", "3 echo, messages per CPU-second, of raw epoll", "f_echo_per_cpu_s", at_least=0.95, against=(OURS, "raw")),
    Bar("c", "3 echo, messages per CPU-second, of libuv", "f_echo_per_cpu_s", at_least=1, against=(OURS, "libuv")),
    Bar("c", "3 echo, each read full, of raw epoll", "f_echo_per_cpu_s_64", at_least=0.9, against=(OURS, "raw")),
    Bar("c", "4 woken 1000 times a second, CPU of raw epoll", "wake1000_cpu", at_most=1.3, against=(OURS, "raw")),
    Bar("c", "4 idle for 5 s, context switches", "idle5_switches", at_most=1),
    Bar("c", "8 echo through connections, of adopted", "f_echo_per_cpu_s", at_least=0.95, against=(CONNECTIONS, OURS)),
    Bar("c", "8 echo through connections, of libuv", "f_echo_per_cpu_s", at_least=1, against=(CONNECTIONS, "libuv")),
    Bar("c", "8 quiet of 10 000 connections, p99, of raw epoll", "r_quiet_p99", at_most=2, against=(OURS, "raw")),
    Bar("c", "8 a process started and waited for, of posix_spawn", "q_process", at_most=1.2, against=(OURS, "raw")),
    Bar("c", "8 offload and back, p50, of a raw thread's", "j_call_p50", at_most=3, against=(OURS, "raw")),
    Bar("c", "8 wait for 1 event, of its own call: hand-over", "w_2000_hand_overs", at_most=1.3, against=(OURS, "single")),
    Bar("c", "8 wait for 1 event, of its own call: ready", "w_event_1", at_most=1.3, against=(OURS, "single")),
    Bar("c", "8 wait for 1 adopted, of its own call: ready", "w_adopted_1", at_most=1.3, against=(OURS, "single")),
    Bar("c", "8 wait for 64 events, ns each beyond that", "w_event_64_item", at_most=15),
    Bar("c", "8 wait for 64 adopted, ns each beyond that", "w_adopted_64_item", at_most=15),
    Bar("c", "8 wait for 64 by number, one ready, of poll", "w_number_64", at_most=1.3, against=(OURS, "kernel")),
    Bar(
        "c",
        "8 the same, suspended, of 64 epoll_ctl + epoll_wait",
        "w_number_64_suspended",
        at_most=1.3,
        against=(OURS, "kernel"),
    ),
    *(
        Bar("c", f"8 wait for {channels} channels, of {peer}'s", f"w_choose_{channels}", at_most=1, against=(OURS, peer))
        for channels in (1, 4, 64)
        for peer in ("go", "pth", "libdill")
    ),
    Bar("python", "5 yield, 1000 ready, us", "yield.us", at_most=0.5),
    Bar("python", "5 yields per second, of gevent's", "yield.us", at_least=3, against=("gevent", OURS)),
    Bar("python", "5 spawn and join, us", "spawn.batch", at_most=1.5),
    Bar("python", "5 event round trip, us", "pingpong.us", at_most=2),
    Bar("python", "5 flood, callbacks run per second", "flood.rate", at_least=2e6),
    Bar("python", "5 flood, p99 lateness of a 1 ms task, us", "flood.p99", at_most=2000),
    Bar("python", "5 flood, callbacks lost", "flood.lost", at_most=0),
    Bar("python", "5 post into an idle loop, p50, us", "latency.p50", at_most=10),
    Bar("python", "8 echo of connections, 100, of raw epoll", "echo.cpu@100", at_least=0.8, against=(PYTHON_CONNECTIONS, "raw")),
    Bar("python", "8 echo of connections, 1000, of raw", "echo.cpu@1000", at_least=0.8, against=(PYTHON_CONNECTIONS, "raw")),
    Bar("python", "8 echo of connections, 100, of uvloop", "echo.cpu@100", at_least=1, against=(PYTHON_CONNECTIONS, "uvloop")),
    Bar("python", "8 echo of connections, 1000, of uvloop", "echo.cpu@1000", at_least=1, against=(PYTHON_CONNECTIONS, "uvloop")),
    Bar("python", "8 round trip of a connection, of gevent's", "roundtrip.us", at_most=1, against=(OURS, "gevent")),
    Bar("python", "6 echo beside 400 idle pollers, of alone", "pollers.ratio", at_most=1.1),
)


# ---- Tables


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Iterable[list[str]]) -> str:
    header, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *body])


def cell(figures: Figures, metric: str, peer: str) -> str:
    values = figures.of(metric, peer)
    if not values:
        return "-"
    text = number(figures.median(metric, peer))
    if len(values) > 1:
        text += f" ({number(min(values.values()))}..{number(max(values.values()))})"
    ratio = figures.ratio(metric, peer, OURS)
    return text if peer == OURS or ratio is None else f"{text} x{number(ratio)}"


def figures_table(figures: Figures) -> str:
    peers = list(dict.fromkeys(peer for by_peer in figures.values.values() for peer in by_peer))
    rows = [["metric", "unit", *peers]]
    for metric, unit in figures.units.items():
        rows.append([metric, unit, *(cell(figures, metric, peer) for peer in peers)])
    return table(rows)


def crowd_bars(figures: Figures) -> list[Bar]:
    """One for each row that crowd.c has."""
    return [Bar("crowd", f"7 {metric}, 100 000 tasks, of 1 000", metric, at_most=2) for metric in figures.units]


def bars_table(groups: dict[str, Figures]) -> str:
    rows = [["bar", "limit", "measured", ""]]
    for bar in [*BARS, *crowd_bars(groups.get("crowd", Figures()))]:
        if bar.group in groups:
            measured = bar.measured(groups[bar.group])
            rows.append([bar.promise, bar.limit(), number(measured), bar.verdict(measured)])
    return table(rows)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def versions() -> str:
    known = []
    if shutil.which("dpkg-query"):
        for peer in C_PEERS[1:]:
            shown = subprocess.run(
                ["dpkg-query", "-W", "-f", "${Version}", peer.package], capture_output=True, text=True
            )
            if shown.returncode == 0:
                known.append(f"{peer.name} {shown.stdout}")
    for module in ("greenlet", "gevent", "trio", "uvloop"):
        try:
            known.append(f"{module} {importlib.metadata.version(module)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join([f"Python {platform.python_version()}", *known])


def document(groups: dict[str, Figures], rounds: int, started: str) -> str:
    parts = [
        "# Benchmarks\n",
        f"Written by `./build.sh bench --rounds {rounds}`, {started}, "
        f"Linux {platform.release()}, {os.cpu_count()} x {processor()}. {versions()}.\n",
        f"Medians of {rounds} interleaved rounds (smallest..largest); xN: N times our figure, the median of the ratios "
        "inside the rounds. The machine is shared and noisy: compare within this run only. "
        "The metrics are explained in [c/measure.h](c/measure.h) and [python/measure.py](python/measure.py).\n",
        "The C echo servers read into 1024 bytes, as a server does not know the size of a message; the rows that end in "
        "_64 offer each read exactly the 64 that the client sends, so that no read is ever short.\n",
        "## Bars\n",
        bars_table(groups) + "\n",
    ]
    for group, figures in groups.items():
        parts += [f"## {group.capitalize()}\n", figures_table(figures) + "\n"]
        parts += [f"- {complaint}" for complaint in figures.complaints]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmarks libcothread beside its peers.")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--quick", action="store_true", help="one round, fewer sleepers")
    parser.add_argument("group", nargs="?", choices=GROUPS, help="default: all")
    options = parser.parse_args()
    rounds = 1 if options.quick else max(1, options.rounds)
    groups = {name: Figures() for name in GROUPS if options.group in (name, None)}

    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    steps = {name: list(GROUPS[name](figures, options.quick)) for name, figures in groups.items()}
    for round_number in range(rounds):
        for name, figures in groups.items():
            figures.round = round_number
            for step in steps[name]:
                step()
            print(f"{time.strftime('%H:%M:%S')} round {round_number + 1} of {rounds}: {name}", file=sys.stderr)

    text = document(groups, rounds, started)
    print(text)
    if len(groups) == len(GROUPS) and not options.quick:
        results = BENCH / "RESULTS.md"
        _, heading, by_hand = results.read_text().partition("\n## Beside busy processes")  # measured once, not by this
        results.write_text(text + heading + by_hand)
    else:
        print("bench/RESULTS.md is left as it was: it holds full runs only.", file=sys.stderr)


if __name__ == "__main__":
    main()
