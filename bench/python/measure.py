# SPDX-License-Identifier: Apache-2.0
"""What every peer's benchmarks share: amounts of work, clocks, posting threads, the output line.

A peer is a module ``p_NAME`` with one function per test; ``one.py NAME TEST`` runs one in a fresh process and prints
its figures as a line of JSON:

=========  ==========================================================================================
spawn      an empty task from spawn to join, us: ``batch`` of 1000 at a time, ``serial`` one by one
yield_     a yield with 1000 ready tasks, us
pingpong   two tasks and two events, us per round trip
sleepers   100 000 tasks asleep at once: bytes each, CPU us to ``arm`` and to ``fire`` each
inject     100 000 callbacks posted by a thread, us each until all ran
latency    one post at a time into an idle loop, us until it runs
flood      a thread posts for 2 s without pause: how late a 1 ms task wakes (us), callbacks run per second,
           how many were pending at most, how many were lost
busy       1000 tasks yield for ever: how late a 1 ms task wakes (us), yields per second
echo PORT  a TCP echo server, for echo_client
roundtrip  one message at a time to and fro on a TCP connection between two tasks, us
pollers    a round trip over a socket pair, us: ``alone`` and ``beside`` 400 tasks that wait on sockets of their own
=========  ==========================================================================================
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import threading
import time
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Callable

now = time.perf_counter

BATCHES = 20
BATCH = 1_000
SERIAL_TASKS = 5_000
READY_TASKS = 1_000
YIELDS_PER_TASK = 100
ROUND_TRIPS = 20_000
SLEEPERS = int(os.environ.get("SLEEPERS", 100_000))
SLEEP = float(os.environ.get("SLEEP", 6))
INJECTED = 100_000
IDLE_POSTS = 1_000
FLOOD_SECONDS = 2.0
PERIOD = 0.001
IDLE_POLLERS = 400
POLLER_ROUND_TRIPS = 1_000
POLLER_ROUNDS = 5
MESSAGE = bytes(64)

Callback = Callable[[], Any]
Post = Callable[[Callback], Any]


def report(**figures: float) -> None:
    print(json.dumps(figures), flush=True)


def microseconds(start: float, count: int) -> float:
    return (now() - start) / count * 1e6


def percentile(samples: Iterable[float], fraction: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def nothing() -> None:
    pass


def start_thread(function: Callback) -> None:
    threading.Thread(target=function, daemon=True).start()


class Sleepers:
    """Takes memory and CPU before the tasks sleep, while they sleep, and after all have ended."""

    def __init__(self) -> None:
        self.resident = resident_bytes()
        self.cpu = cpu_seconds()
        self.wall = now()

    def asleep(self) -> None:
        self.per_task = (resident_bytes() - self.resident) / SLEEPERS
        self.armed = cpu_seconds()
        self.arm_wall = now() - self.wall

    def ended(self) -> None:
        fire = (cpu_seconds() - self.armed) / SLEEPERS * 1e6
        arm = (self.armed - self.cpu) / SLEEPERS * 1e6
        report(rss=self.per_task, arm=arm, fire=fire, armwall=self.arm_wall)


class Injection:
    """A thread posts INJECTED callbacks; the last one that runs calls ``done``."""

    def __init__(self, post: Post, done: Callback) -> None:
        self.post = post
        self.done = done
        self.run = 0
        start_thread(self.inject)

    def inject(self) -> None:
        post, count = self.post, self.count  # in locals: the harness may cost nothing beside the post
        time.sleep(0.05)
        self.started = now()
        self.cpu = cpu_seconds()
        for _ in range(INJECTED):
            post(count)

    def count(self) -> None:
        self.run += 1
        if self.run == INJECTED:
            self.us = microseconds(self.started, INJECTED)
            self.cpu_us = (cpu_seconds() - self.cpu) / INJECTED * 1e6
            self.done()


class Latency:
    """A thread posts one callback each 0.5 ms, then ``done``."""

    def __init__(self, post: Post, done: Callback) -> None:
        self.post = post
        self.done = done
        self.samples: list[float] = []
        start_thread(self.post_one_by_one)

    def post_one_by_one(self) -> None:
        time.sleep(0.05)
        for _ in range(IDLE_POSTS):
            time.sleep(0.0005)
            self.post(self.sample_since(now()))
        time.sleep(0.02)
        self.post(self.done)

    def sample_since(self, posted: float) -> Callback:
        return lambda: self.samples.append(now() - posted)

    def report(self) -> None:
        report(p50=percentile(self.samples, 0.5) * 1e6, p99=percentile(self.samples, 0.99) * 1e6)


class Lateness:
    """How late a task that sleeps PERIOD again and again comes back, for FLOOD_SECONDS."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self.end = now() + FLOOD_SECONDS

    def periods(self) -> Iterator[None]:
        """Sleep PERIOD in the body of a loop over this."""
        while (start := now()) < self.end:
            yield
            self.samples.append(now() - start - PERIOD)

    def report(self, **more: float) -> None:
        p50, p99 = percentile(self.samples, 0.5), percentile(self.samples, 0.99)
        report(p50=p50 * 1e6, p99=p99 * 1e6, ticks=len(self.samples), **more)


class Flood:
    """A thread posts as fast as it can until stopped; then it posts ``done``, so that every callback can be awaited."""

    def __init__(self, post: Post, done: Callback) -> None:
        self.post = post
        self.done = done
        self.stopped = False
        self.posted = 0
        self.run = 0
        self.deepest = 0
        start_thread(self.flood)

    def count(self) -> None:
        self.run += 1

    def flood(self) -> None:
        post, count = self.post, self.count
        while not self.stopped:
            for _ in range(100):
                post(count)
            self.posted += 100
            self.deepest = max(self.deepest, self.posted - self.run)
        self.post(self.done)

    def stop(self) -> None:
        self.rate = self.run / FLOOD_SECONDS
        self.stopped = True

    def report(self, lateness: Lateness) -> None:
        lateness.report(depth=self.deepest, rate=self.rate, lost=self.posted - self.run)


class Pollers:
    """A message to and fro on one socket pair, while nobody or IDLE_POLLERS other tasks wait on theirs."""

    def __init__(self) -> None:
        self.client, self.server = pair()
        self.alone: list[float] = []
        self.beside: list[float] = []

    @contextmanager
    def time_into(self, samples: list[float]) -> Iterator[None]:
        start = now()
        yield
        samples.append(microseconds(start, POLLER_ROUND_TRIPS))

    def report(self) -> None:
        alone, beside = statistics.median(self.alone), statistics.median(self.beside)
        report(alone=alone, beside=beside, ratio=beside / alone)


def measure_roundtrip(one: Callback) -> None:
    best = float("inf")
    for _ in range(POLLER_ROUNDS):
        start = now()
        for _ in range(POLLER_ROUND_TRIPS):
            one()
        best = min(best, microseconds(start, POLLER_ROUND_TRIPS))
    report(us=best)


def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def measure_pollers(
    spawn: Callable[..., Any],
    join: Callable[[Any], Any],
    receive: Callable[[socket.socket], bytes],
    sleep: Callable[[float], Any],
) -> None:
    """``pollers`` for a peer whose tasks are plain functions; ``receive`` waits until the socket has data."""
    test = Pollers()

    def answer() -> None:
        while message := receive(test.server):
            test.server.send(message)

    def round_trips() -> None:
        for _ in range(POLLER_ROUND_TRIPS):
            test.client.send(MESSAGE)
            receive(test.client)

    spawn(answer)
    for _ in range(POLLER_ROUNDS):
        with test.time_into(test.alone):
            round_trips()
        pairs = [pair() for _ in range(IDLE_POLLERS)]
        tasks = [spawn(receive, idle) for idle, _ in pairs]
        sleep(0.01)
        with test.time_into(test.beside):
            round_trips()
        for _idle, releaser in pairs:
            releaser.send(MESSAGE)
        for task in tasks:
            join(task)
    test.report()


async def measure_pollers_async(
    spawn: Callable[..., Any],
    receive: Callable[[socket.socket], Awaitable[bytes]],
    sleep: Callable[[float], Awaitable[Any]],
) -> None:
    """``pollers`` for a peer whose tasks are coroutines."""
    test = Pollers()
    ended = 0

    async def answer() -> None:
        while message := await receive(test.server):
            test.server.send(message)

    async def round_trips() -> None:
        for _ in range(POLLER_ROUND_TRIPS):
            test.client.send(MESSAGE)
            await receive(test.client)

    async def idle_poller(idle: socket.socket) -> None:
        nonlocal ended
        await receive(idle)
        ended += 1

    spawn(answer)
    for number in range(1, POLLER_ROUNDS + 1):
        with test.time_into(test.alone):
            await round_trips()
        pairs = [pair() for _ in range(IDLE_POLLERS)]
        for idle, _ in pairs:
            spawn(idle_poller, idle)
        await sleep(0.01)
        with test.time_into(test.beside):
            await round_trips()
        for _idle, releaser in pairs:
            releaser.send(MESSAGE)
        while ended < number * IDLE_POLLERS:
            await sleep(0.001)
    test.client.close()
    await sleep(0.01)
    test.report()
