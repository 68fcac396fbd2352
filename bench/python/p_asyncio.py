# SPDX-License-Identifier: Apache-2.0
"""asyncio."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, Callable, cast

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

run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run  # p_uvloop puts its own here


async def nothing() -> None:
    pass


def spawn() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = now()
        for _ in range(BATCHES):
            await asyncio.gather(*[loop.create_task(nothing()) for _ in range(BATCH)])
        batch = microseconds(start, BATCHES * BATCH)

        start = now()
        for _ in range(SERIAL_TASKS):
            await loop.create_task(nothing())
        report(batch=batch, serial=microseconds(start, SERIAL_TASKS))

    run(main())


def yield_() -> None:
    async def worker() -> None:
        for _ in range(YIELDS_PER_TASK):
            await asyncio.sleep(0)

    async def main() -> None:
        start = now()
        await asyncio.gather(*[worker() for _ in range(READY_TASKS)])
        report(us=microseconds(start, READY_TASKS * YIELDS_PER_TASK))

    run(main())


def pingpong() -> None:
    async def main() -> None:
        ping, pong = asyncio.Event(), asyncio.Event()

        async def ask() -> None:
            for _ in range(ROUND_TRIPS):
                ping.set()
                await pong.wait()
                pong.clear()

        async def answer() -> None:
            for _ in range(ROUND_TRIPS):
                await ping.wait()
                ping.clear()
                pong.set()

        start = now()
        await asyncio.gather(ask(), answer())
        report(us=microseconds(start, ROUND_TRIPS))

    run(main())


def sleepers() -> None:
    async def main() -> None:
        measured = Sleepers()
        tasks = [asyncio.create_task(asyncio.sleep(SLEEP)) for _ in range(SLEEPERS)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        measured.asleep()
        await asyncio.wait(tasks)
        measured.ended()

    run(main())


def inject() -> None:
    async def main() -> None:
        done = asyncio.Event()
        measured = Injection(asyncio.get_running_loop().call_soon_threadsafe, done.set)
        await done.wait()
        report(us=measured.us, cpu=measured.cpu_us)

    run(main())


def latency() -> None:
    async def main() -> None:
        done = asyncio.Event()
        measured = Latency(asyncio.get_running_loop().call_soon_threadsafe, done.set)
        await done.wait()
        measured.report()

    run(main())


def flood() -> None:
    async def main() -> None:
        done = asyncio.Event()
        measured = Flood(asyncio.get_running_loop().call_soon_threadsafe, done.set)
        lateness = Lateness()
        for _ in lateness.periods():
            await asyncio.sleep(PERIOD)
        measured.stop()
        await done.wait()
        measured.report(lateness)

    run(main())


def busy() -> None:
    async def main() -> None:
        yields = 0
        stopped = False

        async def worker() -> None:
            nonlocal yields
            while not stopped:
                yields += 1
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(worker()) for _ in range(READY_TASKS)]
        start = now()
        lateness = Lateness()
        for _ in lateness.periods():
            await asyncio.sleep(PERIOD)
        stopped = True
        rate = yields / (now() - start)
        await asyncio.wait(tasks)
        lateness.report(rate=rate)

    run(main())


def echo(port: int) -> None:
    """With streams: tasks, as the other peers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    run(main())


class EchoProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = cast(asyncio.WriteTransport, transport).write  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        self.write(data)


def echo_proto(port: int) -> None:
    """With a protocol: callbacks, no tasks."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(EchoProtocol, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    run(main())


def pollers() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = set()

        def spawn(function: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
            tasks.add(loop.create_task(function(*arguments)))

        async def receive(ready: socket.socket) -> bytes:
            return await loop.sock_recv(ready, 64)

        await measure_pollers_async(spawn, receive, asyncio.sleep)

    run(main())
