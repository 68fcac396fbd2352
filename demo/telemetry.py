# SPDX-License-Identifier: Apache-2.0
"""A telemetry service: readings come from a driver's threads, updates go to many TCP clients.

    telemetry.py SECONDS     prints the address it serves, a line each second and a summary

The service of telemetry.c in Python; the protocol is described in reading.h. One task serves one client and reads
like a program that serves only that one. Tasks change only where they wait, so nothing here needs a lock.

Nothing grows with the speed of the sensors or the slowness of a client: of each sensor at most one reading is
pending, and a client has no queue at all, its task takes the newest readings when the last ones are sent.
"""

import ctypes
import socket
import struct
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns as now
from typing import Any, NamedTuple

from cothread import POLLIN, POLLOUT, AbsTimeout, Event, Sleep, Spawn, Timedout, poll_list

SENSORS = 100
SUBSCRIPTIONS_MAX = 8
LINE_MAX_BYTES = 64
UPDATE_PERIOD = 0.050  # seconds

LINE_TIMEOUT = 5  # for a client to say what it wants
UPDATE_TIMEOUT = 5  # for a client to take an update: one that does not is cut off

RECORD = struct.Struct("=qdII")  # time, value, sensor, sequence
SERVICE_ENDS = 0xFFFFFFFF

HEADING = """\
                         callbacks                                 age when sent, us  1 ms task late, us
 s  clients  updates/s         run/s  replaced/s  depth  high      p50       p99       p50       p99"""


# ---- The driver, in C: inbox.c and injector.c


class Callbacks(NamedTuple):
    run: int
    replaced: int
    refused: int
    depth: int
    high_water: int


class Inbox:
    """The newest reading of each sensor, kept by C. `descriptor` is readable while `take` has news."""

    def __init__(self, path: Path) -> None:
        # PyDLL keeps the interpreter lock, which suits calls that take less than a microsecond.
        library = ctypes.PyDLL(str(path))
        library.inbox_readings.restype = ctypes.c_void_p
        library.inbox_close.restype = ctypes.c_uint64
        self._library = library
        self._take = library.inbox_take
        self._changed = (ctypes.c_uint32 * SENSORS)()
        table = (ctypes.c_char * (RECORD.size * SENSORS)).from_address(library.inbox_readings())
        self.records = memoryview(table).cast("B")  # as they go over the wire
        self.times = self.records.cast("q")[::3]
        self.sequences = self.records.cast("I")[5::6]
        self.descriptor: int = library.inbox_open()
        if self.descriptor < 0:
            raise RuntimeError("the driver does not start")

    def take(self) -> "list[int]":
        """The sensors that changed since the last call."""
        count: int = self._take(self._changed)
        return self._changed[:count]

    def callbacks(self) -> Callbacks:
        """What the scheduler counts about callbacks from other threads."""
        counts = (ctypes.c_uint64 * 5)()
        if self._library.inbox_callbacks(counts) < 0:
            raise RuntimeError("no statistics")
        return Callbacks(*counts)

    def close(self) -> int:
        """Stops the driver; how many readings it took."""
        taken: int = self._library.inbox_close()
        return taken


# ---- Sockets that make the task wait, not the thread


def accept(listener: socket.socket) -> socket.socket:
    while True:
        poll_list([(listener, POLLIN)])
        try:
            connection, _ = listener.accept()
        except OSError:  # the client is gone already, or no descriptor is left: later ones may be luckier
            Sleep(0.1)
            continue
        connection.setblocking(False)
        return connection


def receive(connection: socket.socket, size: int, timeout: Any) -> bytes:
    if not poll_list([(connection, POLLIN)], timeout):
        raise Timedout("the client says nothing")
    return connection.recv(size)


def send_all(connection: socket.socket, data: bytes, timeout: float) -> None:
    while data:
        try:
            data = data[connection.send(data) :]
        except BlockingIOError:
            if not poll_list([(connection, POLLOUT)], timeout):
                raise Timedout("the client takes nothing") from None


# ---- The service


class Histogram:
    """Percentiles of durations in a fixed space: classes of four leading bits, so within 13 %."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, ns: int) -> None:
        shift = max(ns.bit_length() - 4, 0)
        self._counts[((ns >> shift) + 1) << shift] += 1

    def merge(self, other: "Histogram") -> None:
        self._counts.update(other._counts)

    def percentile(self, percent: float) -> float:
        """The duration, in us, that `percent` of those added do not exceed; 0 if there are none."""
        left = sum(self._counts.values()) * percent / 100
        for ns, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return ns / 1000
        return 0


class Counted:
    def __init__(self) -> None:
        self.updates = 0
        self.age = Histogram()  # of a reading when it was handed to the kernel
        self.lateness = Histogram()  # of the 1 ms task

    def merge(self, other: "Counted") -> None:
        self.updates += other.updates
        self.age.merge(other.age)
        self.lateness.merge(other.lateness)


class Service:
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.idle: list[set[Event]] = [set() for _ in range(SENSORS)]  # the clients that have its newest reading
        self.clients = 0  # now
        self.clients_seen = 0
        self.ending = False
        self.last_client_left = Event()
        self.counted = Counted()  # since the last report
        self.summed = Counted()  # before it

    def publish(self) -> None:
        while not self.ending:
            poll_list([(self.inbox.descriptor, POLLIN)])
            for sensor in self.inbox.take():
                self.rouse(sensor)

    def rouse(self, sensor: int) -> None:
        idle = self.idle[sensor]
        while idle:
            idle.pop().Signal()

    def accept_clients(self, listener: socket.socket) -> None:
        while True:
            Spawn(self.serve, accept(listener))

    def serve(self, connection: socket.socket) -> None:
        self.clients += 1
        self.clients_seen += 1
        with connection:
            try:
                self.send_updates(connection, self.read_subscriptions(connection))
                send_all(connection, RECORD.pack(now(), 0, SERVICE_ENDS, 0), UPDATE_TIMEOUT)
            except (OSError, ValueError, Timedout):
                pass  # the client is gone, is none of ours, or does not keep up
        self.clients -= 1
        if not self.clients:
            self.last_client_left.Signal()

    def read_subscriptions(self, connection: socket.socket) -> "list[int]":
        line = b""
        timeout = AbsTimeout(LINE_TIMEOUT)  # for the whole line, however many pieces it comes in
        while not line.endswith(b"\n"):
            data = receive(connection, LINE_MAX_BYTES, timeout)
            line += data
            if not data or len(line) > LINE_MAX_BYTES:
                raise ValueError("not a line")
        sensors = [int(number) for number in line.split()]
        if not 1 <= len(sensors) <= SUBSCRIPTIONS_MAX or not all(0 <= sensor < SENSORS for sensor in sensors):
            raise ValueError("not a list of sensors")
        return sensors

    def send_updates(self, connection: socket.socket, sensors: "list[int]") -> None:
        """Until the service ends."""
        records, sequences, times = self.inbox.records, self.inbox.sequences, self.inbox.times
        sent = dict.fromkeys(sensors, 0)
        changed = Event()
        while not self.ending:
            updates = [sensor for sensor in sent if sequences[sensor] != sent[sensor]]
            if not updates:
                for sensor in sent:
                    self.idle[sensor].add(changed)
                changed.Wait()
                continue
            start = now()
            taken = [times[sensor] for sensor in updates]
            for sensor in updates:
                sent[sensor] = sequences[sensor]
            # One copy of all, made before this task may wait: the table changes meanwhile.
            data = b"".join(records[sensor * RECORD.size : (sensor + 1) * RECORD.size] for sensor in updates)
            send_all(connection, data, UPDATE_TIMEOUT)
            handed_over = now()
            for time in taken:
                self.counted.age.add(handed_over - time)
            self.counted.updates += len(updates)
            Sleep(UPDATE_PERIOD - (now() - start) / 1e9)

    def end(self) -> None:
        """Tells every client, and waits until they are gone; one that does not listen is left behind."""
        self.ending = True
        for sensor in range(SENSORS):
            self.rouse(sensor)
        timeout = AbsTimeout(1)
        with suppress(Timedout):
            while self.clients:
                self.last_client_left.Wait(timeout)

    # What the operator sees.

    def every_millisecond(self) -> None:
        deadline = now()
        while not self.ending:
            deadline += 1_000_000
            Sleep((deadline - now()) / 1e9)
            self.counted.lateness.add(max(now() - deadline, 0))

    def report_every_second(self, seconds: int) -> None:
        before = self.inbox.callbacks()
        start = now()
        print(HEADING)
        for second in range(1, seconds + 1):
            Sleep(second - (now() - start) / 1e9)
            callbacks = self.inbox.callbacks()
            counted = self.counted
            print(
                f"{second:2} {self.clients:8} {counted.updates:10} {callbacks.run - before.run:13} "
                f"{callbacks.replaced - before.replaced:11} {callbacks.depth:6} {callbacks.high_water:5} "
                f"{counted.age.percentile(50):8.0f} {counted.age.percentile(99):9.0f} "
                f"{counted.lateness.percentile(50):9.0f} {counted.lateness.percentile(99):9.0f}"
            )
            self.start_next_second()
            before = callbacks

    def start_next_second(self) -> None:
        self.summed.merge(self.counted)
        self.counted = Counted()

    def summarize(self, readings: int, seconds: float) -> None:
        self.start_next_second()
        callbacks = self.inbox.callbacks()
        updates, age, lateness = self.summed.updates, self.summed.age, self.summed.lateness
        print(f"""
Python service, {seconds:.1f} s
  readings taken by two threads  {readings:12}  {readings / seconds:.0f}/s
  overtaken before a callback    {callbacks.replaced:12}
  callbacks run, refused         {callbacks.run:12}  {callbacks.refused}
  most callbacks ever pending    {callbacks.high_water:12}  of {SENSORS} sensors
  updates to {self.clients_seen:4} clients        {updates:12}  {updates / seconds:.0f}/s
  age of a reading when sent     p50 {age.percentile(50):8.0f} us  p99 {age.percentile(99):.0f} us
  lateness of a 1 ms task        p50 {lateness.percentile(50):8.0f} us  p99 {lateness.percentile(99):.0f} us""")


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        print("usage: telemetry.py SECONDS", file=sys.stderr)
        return 2
    # Clients inherit the buffer. The kernel keeps what it took: the less, the newer what a slow client gets.
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    listener.setblocking(False)
    print(f"serving 127.0.0.1:{listener.getsockname()[1]}")

    start = now()
    service = Service(Inbox(Path(__file__).parents[1] / "build" / "demo" / "inbox.so"))
    Spawn(service.publish)
    Spawn(service.accept_clients, listener)
    Spawn(service.every_millisecond)
    Spawn(service.report_every_second, int(sys.argv[1])).Wait()  # main is a task too: the others run
    elapsed = (now() - start) / 1e9
    service.summarize(service.inbox.close(), elapsed)
    service.end()
    if not service.summed.updates:
        print("telemetry.py: no client received an update", file=sys.stderr)
    return not service.summed.updates


if __name__ == "__main__":
    sys.exit(main())
