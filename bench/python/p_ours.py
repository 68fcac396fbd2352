# SPDX-License-Identifier: Apache-2.0
"""cothread on libcothread. Posts go through a bounded CallbackQueue; ``alt`` in ``inject`` is the drop-in Callback."""

from __future__ import annotations

import socket

from cothread import (
    POLLIN,
    Callback,
    CallbackQueue,
    Connection,
    Event,
    Sleep,
    Spawn,
    WaitForAll,
    Yield,
    connect,
    listen,
    poll_list,
)

from measure import (
    BATCH,
    BATCHES,
    MESSAGE,
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
    measure_pollers,
    measure_roundtrip,
    microseconds,
    nothing,
    now,
    report,
)


def spawn() -> None:
    start = now()
    for _ in range(BATCHES):
        WaitForAll([Spawn(nothing) for _ in range(BATCH)])
    batch = microseconds(start, BATCHES * BATCH)

    start = now()
    for _ in range(SERIAL_TASKS):
        Spawn(nothing).Wait()
    report(batch=batch, serial=microseconds(start, SERIAL_TASKS))


def yield_() -> None:
    def worker() -> None:
        for _ in range(YIELDS_PER_TASK):
            Yield()

    start = now()
    WaitForAll([Spawn(worker) for _ in range(READY_TASKS)])
    report(us=microseconds(start, READY_TASKS * YIELDS_PER_TASK))


def pingpong() -> None:
    ping, pong = Event(), Event()

    def ask() -> None:
        for _ in range(ROUND_TRIPS):
            ping.Signal()
            pong.Wait()

    def answer() -> None:
        for _ in range(ROUND_TRIPS):
            ping.Wait()
            pong.Signal()

    start = now()
    WaitForAll([Spawn(ask), Spawn(answer)])
    report(us=microseconds(start, ROUND_TRIPS))


def sleepers() -> None:
    measured = Sleepers()
    tasks = [Spawn(Sleep, SLEEP) for _ in range(SLEEPERS)]
    Yield()
    Yield()
    measured.asleep()
    WaitForAll(tasks)
    measured.ended()


def inject() -> None:
    done = Event()
    queued = Injection(CallbackQueue(bound=8192, policy="block"), done.Signal)
    done.Wait()
    drop_in = Injection(Callback, done.Signal)
    done.Wait()
    report(us=queued.us, cpu=queued.cpu_us, alt=drop_in.us)


def latency() -> None:
    done = Event()
    measured = Latency(CallbackQueue(bound=8192, policy="block"), done.Signal)
    done.Wait()
    measured.report()


def flood() -> None:
    done = Event()
    measured = Flood(CallbackQueue(bound=8192, policy="block"), done.Signal)
    lateness = Lateness()
    for _ in lateness.periods():
        Sleep(PERIOD)
    measured.stop()
    done.Wait()
    measured.report(lateness)


def busy() -> None:
    yields = 0
    stopped = False

    def worker() -> None:
        nonlocal yields
        while not stopped:
            yields += 1
            Yield()

    tasks = [Spawn(worker) for _ in range(READY_TASKS)]
    start = now()
    lateness = Lateness()
    for _ in lateness.periods():
        Sleep(PERIOD)
    stopped = True
    rate = yields / (now() - start)
    WaitForAll(tasks)
    lateness.report(rate=rate)


def wait_readable(waited: socket.socket) -> None:
    poll_list([(waited, POLLIN)])


def echo(port: int) -> None:
    def serve(connection: socket.socket) -> None:
        with connection:
            while True:
                wait_readable(connection)
                data = connection.recv(4096)
                if not data:
                    return
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", port), backlog=2048) as listener:
        while True:
            wait_readable(listener)
            connection, _ = listener.accept()
            connection.setblocking(False)
            Spawn(serve, connection)


def echo_connections(port: int) -> None:
    """With connections, which the library reads and writes in batches."""

    def serve(connection: Connection) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    with listen(("127.0.0.1", port), backlog=2048) as listener:
        for connection in listener:
            Spawn(serve, connection)


def roundtrip() -> None:
    def answer() -> None:
        with listener.accept() as connection:
            while data := connection.recv(64):
                connection.sendall(data)

    with listen(("127.0.0.1", 0)) as listener:
        Spawn(answer)
        with connect(listener.getsockname()) as connection:

            def one() -> None:
                connection.sendall(MESSAGE)
                connection.recv(64)

            measure_roundtrip(one)


def receive(ready: socket.socket) -> bytes:
    wait_readable(ready)
    return ready.recv(64)


def pollers() -> None:
    measure_pollers(Spawn, Spawn.Wait, receive, Sleep)
