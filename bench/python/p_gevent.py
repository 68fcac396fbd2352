# SPDX-License-Identifier: Apache-2.0
"""gevent. Its way in for threads is an async watcher; the queue beside it is the user's."""

from __future__ import annotations

import socket
from collections import deque

import gevent  # type: ignore[import-untyped]
import gevent.event  # type: ignore[import-untyped]
import gevent.server  # type: ignore[import-untyped]
import gevent.socket  # type: ignore[import-untyped]
from gevent import get_hub

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
    Callback,
    Flood,
    Injection,
    Latency,
    Lateness,
    Post,
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
        gevent.joinall([gevent.spawn(nothing) for _ in range(BATCH)])
    batch = microseconds(start, BATCHES * BATCH)

    start = now()
    for _ in range(SERIAL_TASKS):
        gevent.spawn(nothing).join()
    report(batch=batch, serial=microseconds(start, SERIAL_TASKS))


def yield_() -> None:
    def worker() -> None:
        for _ in range(YIELDS_PER_TASK):
            gevent.sleep(0)

    start = now()
    gevent.joinall([gevent.spawn(worker) for _ in range(READY_TASKS)])
    report(us=microseconds(start, READY_TASKS * YIELDS_PER_TASK))


def pingpong() -> None:
    ping, pong = gevent.event.Event(), gevent.event.Event()

    def ask() -> None:
        for _ in range(ROUND_TRIPS):
            ping.set()
            pong.wait()
            pong.clear()

    def answer() -> None:
        for _ in range(ROUND_TRIPS):
            ping.wait()
            ping.clear()
            pong.set()

    start = now()
    gevent.joinall([gevent.spawn(ask), gevent.spawn(answer)])
    report(us=microseconds(start, ROUND_TRIPS))


def sleepers() -> None:
    measured = Sleepers()
    tasks = [gevent.spawn(gevent.sleep, SLEEP) for _ in range(SLEEPERS)]
    gevent.sleep(0)
    gevent.sleep(0)
    measured.asleep()
    gevent.joinall(tasks)
    measured.ended()


def make_post() -> Post:
    pending: deque[Callback] = deque()
    watcher = get_hub().loop.async_()

    def drain() -> None:
        for _ in range(len(pending)):
            pending.popleft()()

    def post(callback: Callback) -> None:
        pending.append(callback)
        watcher.send()

    watcher.start(drain)
    return post


def inject() -> None:
    done = gevent.event.Event()
    queued = Injection(make_post(), done.set)
    done.wait()

    done = gevent.event.Event()
    built_in = Injection(get_hub().loop.run_callback_threadsafe, done.set)
    done.wait()
    report(us=queued.us, cpu=queued.cpu_us, alt=built_in.us)


def latency() -> None:
    done = gevent.event.Event()
    measured = Latency(make_post(), done.set)
    done.wait()
    measured.report()


def flood() -> None:
    done = gevent.event.Event()
    measured = Flood(make_post(), done.set)
    lateness = Lateness()
    for _ in lateness.periods():
        gevent.sleep(PERIOD)
    measured.stop()
    done.wait()
    measured.report(lateness)


def busy() -> None:
    yields = 0
    stopped = False

    def worker() -> None:
        nonlocal yields
        while not stopped:
            yields += 1
            gevent.sleep(0)

    tasks = [gevent.spawn(worker) for _ in range(READY_TASKS)]
    start = now()
    lateness = Lateness()
    for _ in lateness.periods():
        gevent.sleep(PERIOD)
    stopped = True
    rate = yields / (now() - start)
    gevent.joinall(tasks)
    lateness.report(rate=rate)


def echo(port: int) -> None:
    def serve(connection: gevent.socket.socket, _address: object) -> None:
        while data := connection.recv(4096):
            connection.sendall(data)

    gevent.server.StreamServer(("127.0.0.1", port), serve, backlog=2048).serve_forever()


def roundtrip() -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        while data := connection.recv(64):
            connection.sendall(data)

    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    gevent.spawn(answer)
    connection = gevent.socket.create_connection(listener.getsockname())
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def one() -> None:
        connection.sendall(MESSAGE)
        connection.recv(64)

    measure_roundtrip(one)


def receive(ready: socket.socket) -> bytes:
    gevent.socket.wait_read(ready.fileno())
    return ready.recv(64)


def pollers() -> None:
    measure_pollers(gevent.spawn, gevent.Greenlet.join, receive, gevent.sleep)
