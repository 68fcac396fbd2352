# SPDX-License-Identifier: Apache-2.0
"""trio."""

from __future__ import annotations

import socket

import trio

from measure import (
    BATCH,
    BATCHES,
    PERIOD,
    READY_TASKS,
    ROUND_TRIPS,
    SERIAL_TASKS,
    SLEEP,
    SLEEPERS,
    YIELDS_PER_TASK,
    Flood,
    Injection,
    Latency,
    Lateness,
    Sleepers,
    measure_pollers_async,
    microseconds,
    now,
    report,
)


async def nothing() -> None:
    pass


def spawn() -> None:
    async def main() -> None:
        start = now()
        for _ in range(BATCHES):
            async with trio.open_nursery() as nursery:
                for _ in range(BATCH):
                    nursery.start_soon(nothing)
        batch = microseconds(start, BATCHES * BATCH)

        start = now()
        for _ in range(SERIAL_TASKS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(nothing)
        report(batch=batch, serial=microseconds(start, SERIAL_TASKS))

    trio.run(main)


def yield_() -> None:
    async def worker() -> None:
        for _ in range(YIELDS_PER_TASK):
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        start = now()
        async with trio.open_nursery() as nursery:
            for _ in range(READY_TASKS):
                nursery.start_soon(worker)
        report(us=microseconds(start, READY_TASKS * YIELDS_PER_TASK))

    trio.run(main)


def pingpong() -> None:
    """A trio event is set once, so each round trip needs new ones."""

    async def main() -> None:
        ping, pong = trio.Event(), trio.Event()

        async def ask() -> None:
            nonlocal pong
            for _ in range(ROUND_TRIPS):
                ping.set()
                await pong.wait()
                pong = trio.Event()

        async def answer() -> None:
            nonlocal ping
            for _ in range(ROUND_TRIPS):
                await ping.wait()
                ping = trio.Event()
                pong.set()

        start = now()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(answer)
        report(us=microseconds(start, ROUND_TRIPS))

    trio.run(main)


def sleepers() -> None:
    async def main() -> None:
        measured = Sleepers()
        async with trio.open_nursery() as nursery:
            for _ in range(SLEEPERS):
                nursery.start_soon(trio.sleep, SLEEP)
            await trio.sleep(0)
            await trio.sleep(0)
            measured.asleep()
        measured.ended()

    trio.run(main)


def inject() -> None:
    async def main() -> None:
        done = trio.Event()
        measured = Injection(trio.lowlevel.current_trio_token().run_sync_soon, done.set)
        await done.wait()
        report(us=measured.us, cpu=measured.cpu_us)

    trio.run(main)


def latency() -> None:
    async def main() -> None:
        done = trio.Event()
        measured = Latency(trio.lowlevel.current_trio_token().run_sync_soon, done.set)
        await done.wait()
        measured.report()

    trio.run(main)


def flood() -> None:
    async def main() -> None:
        done = trio.Event()
        measured = Flood(trio.lowlevel.current_trio_token().run_sync_soon, done.set)
        lateness = Lateness()
        for _ in lateness.periods():
            await trio.sleep(PERIOD)
        measured.stop()
        await done.wait()
        measured.report(lateness)

    trio.run(main)


def busy() -> None:
    async def main() -> None:
        yields = 0
        stopped = False

        async def worker() -> None:
            nonlocal yields
            while not stopped:
                yields += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for _ in range(READY_TASKS):
                nursery.start_soon(worker)
            start = now()
            lateness = Lateness()
            for _ in lateness.periods():
                await trio.sleep(PERIOD)
            stopped = True
            rate = yields / (now() - start)
        lateness.report(rate=rate)

    trio.run(main)


def echo(port: int) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            while data := await stream.receive_some(4096):
                await stream.send_all(data)

    async def main() -> None:
        await trio.serve_tcp(serve, port, host="127.0.0.1", backlog=2048)

    trio.run(main)


async def receive(ready: socket.socket) -> bytes:
    await trio.lowlevel.wait_readable(ready)
    return ready.recv(64)


def pollers() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await measure_pollers_async(nursery.start_soon, receive, trio.sleep)

    trio.run(main)
