# SPDX-License-Identifier: Apache-2.0
"""Stands between instruments and those who want their readings, and archives them.

    python gateway.py PORT ARCHIVE PERIOD HOST:PORT...        PORT is one of 127.0.0.1; 0: any that is free

Every PERIOD ms each instrument gets a line "READ" and answers with a line that is a number. One that does not within
TIMEOUT, or that breaks the connection, is connected to again, with back-off. The readings of a board come from the
thread of its driver; its source is "board".

A client writes lines "list", "subscribe NAME" and "subscribe *". It gets a line "NAME NUMBER" for each reading. One
that reads too slowly misses some, and a line "lost COUNT" tells how many; one that does not read at all is dropped.
Ending its output ends a client.

ARCHIVE gets a line "TIME NAME NUMBER" for each reading, TIME in ms since 1970, once in FLUSH. At SIGTERM and SIGINT
what is left is written and synced. After SIGKILL the last FLUSH is missing, and the last line may be torn: the next
gateway cuts it off, and appends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import cothread

LINE, QUEUE, BATCH = 256, 64, 1 << 20
ON_THE_WAY = 16384  # bytes to a client in the system's hands: to one that is slow they come late
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0  # doubled by each failure
TIMEOUT = 1.0  # of an instrument
PATIENCE = 10.0  # with a client that does not read, and with the disk
FLUSH = 0.5

stopping = cothread.Event(auto_reset=False)
sources: dict[str, Source] = {}
clients: set[Client] = set()


def say(text: str) -> None:
    with suppress(BrokenPipeError):  # the end of a reader of our standard output is not ours
        os.write(1, f"{text}\n".encode())


# ---- The archive


class Archive:
    def __init__(self, path: str) -> None:
        self.filling, self.leaving = bytearray(), b""
        self.dropped = 0
        self.fd, self.end = cothread.offload(self.open, path)

    @staticmethod
    def open(path: str) -> tuple[int, int]:
        """On a thread of a pool. Cuts off a line that was not finished."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        end = os.fstat(fd).st_size
        tail = os.pread(fd, 2 * LINE, max(0, end - 2 * LINE))
        end -= len(tail) - (tail.rfind(b"\n") + 1)
        os.ftruncate(fd, end)
        return fd, end

    @staticmethod
    def write(fd: int, data: bytes, offset: int) -> None:
        """On a thread of a pool."""
        while data:
            written = os.pwrite(fd, data, offset)
            data, offset = data[written:], offset + written

    def remember(self, name: str, value: float) -> None:
        line = f"{time.time_ns() // 1000000} {name} {value:.9g}\n".encode()
        if len(self.filling) + len(line) > BATCH:
            self.dropped += 1  # the disk has been stuck for long: memory is bounded, the archive has a gap
        else:
            self.filling += line

    def flush(self) -> bool:
        """Writes what is there. What fails is kept, and written again at the same place."""
        if not self.leaving:
            self.leaving = bytes(self.filling)
            self.filling.clear()
        try:
            cothread.offload(self.write, self.fd, self.leaving, self.end)
        except OSError as error:
            say(f"archive: {error}")
            return False
        self.end += len(self.leaving)
        self.leaving = b""
        if self.dropped:
            say(f"archive: {self.dropped} readings are missing")
            self.dropped = 0
        return True

    def keep(self, sources_end: cothread.Event) -> None:
        """The task: flushes periodically, and what is left at the end."""
        timer = cothread.Timer(FLUSH, retrigger=True)
        while not sources_end:
            cothread.wait([timer, sources_end])
            self.flush()
        while self.leaving or self.filling:
            if not self.flush():
                return
        try:
            cothread.offload(os.fsync, self.fd)
        except OSError as error:
            say(f"archive: {error}")


# ---- A reading: to the archive and to whoever wants it. Never waits, so nothing is locked


class Source:
    def __init__(self, name: str, archive: Archive) -> None:
        self.name = name
        self.archive = archive
        self.state = "away"
        self.readings = 0
        sources[name] = self

    def publish(self, value: float) -> None:
        self.readings += 1
        self.archive.remember(self.name, value)
        for client in clients:
            if self.name in client.wanted:
                client.give(f"{self.name} {value:.9g}\n")


# ---- Instruments


def ask(source: Source, peer: cothread.Connection) -> float:
    until = cothread.AbsTimeout(TIMEOUT)  # of the question and its answer together
    peer.sendall(b"READ\n", until)
    answer = peer.read_until(b"\n", LINE, until)
    try:
        return float(answer)
    except ValueError:
        raise ValueError(f"the answer is no number: {answer!r}") from None


def attend(source: Source, period: float) -> None:
    """The task of an instrument."""
    host, _, port = source.name.rpartition(":")
    delay = FIRST_DELAY
    while not stopping:
        try:
            with cothread.connect((host, port), TIMEOUT) as peer:
                timer = cothread.Timer(period, retrigger=True)
                while not stopping:
                    value = ask(source, peer)
                    source.state = "connected"
                    delay = FIRST_DELAY
                    source.publish(value)
                    cothread.wait([timer, stopping])  # if it is slow: no questions in a burst afterwards
        except (OSError, EOFError, ValueError) as error:
            say(f"{source.name}: {error}; again in {delay * 1000:.0f} ms")
        source.state = "away"
        cothread.wait([stopping], delay)
        delay = min(delay * 2, LONGEST_DELAY)


# ---- The board: a driver calls back on a thread of its own


class Board:
    """Stands for the driver that a vendor delivers."""

    def __init__(self, source: Source) -> None:
        source.state = "connected"
        self.source = source
        self.queue = cothread.CallbackQueue(QUEUE, "refuse")
        self.stops = threading.Event()
        self.thread = threading.Thread(target=self.drive)
        self.thread.start()

    def drive(self) -> None:
        """On the driver's thread, which may use nothing of ours but the queue; publish runs in a task."""
        value = 0.0
        while not self.stops.wait(0.01):
            self.queue(self.source.publish, value)  # refused if it is full: the next value is as good
            value += 1

    def stop(self) -> None:
        self.stops.set()
        cothread.offload(self.thread.join)  # blocks: a thread of the pool does it, and the tasks go on
        while self.queue.depth:
            cothread.Yield()


# ---- Clients: a task reads what each says, another writes what it gets


class Client:
    def __init__(self, connection: cothread.Connection) -> None:
        self.connection = connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ON_THE_WAY)
        self.wanted: set[str] = set()
        self.queue = cothread.EventQueue(QUEUE)  # from publish to the task that writes
        self.lost = 0
        self.task = cothread.Spawn(self.serve)
        clients.add(self)

    def give(self, line: str) -> None:
        if self.queue.Signal(f"lost {self.lost}\n{line}" if self.lost else line):
            self.lost = 0
        else:
            self.lost += 1  # it reads too slowly: the others do not wait for it

    def deliver(self) -> None:
        try:
            for line in self.queue:
                self.connection.sendall(line.encode(), PATIENCE)
        except OSError:
            self.connection.close(0)  # so the other task ends too

    def serve(self) -> None:
        writer = cothread.Spawn(self.deliver)
        with suppress(OSError), self.connection:
            while line := self.connection.readline(LINE):
                self.connection.sendall(self.obey(line).encode(), PATIENCE)
        clients.discard(self)
        self.queue.close()
        writer.Wait()  # the connection is closed, so it ends

    def obey(self, line: bytes) -> str:
        verb, name = [*line.decode(errors="replace").split(), "", ""][:2]
        if verb == "list":
            return "".join(f"{one.name} {one.state} readings {one.readings}\n" for one in sources.values()) + "ok\n"
        names = set(sources) if name == "*" else {name} & set(sources)
        if verb != "subscribe" or not names:
            return "error: list, subscribe NAME or subscribe *\n"
        self.wanted |= names
        return "ok\n"


def welcome(listener: cothread.Listener) -> None:
    told = False
    while not stopping:
        try:
            Client(listener.accept())
            told = False
        except OSError as error:
            if not stopping and not told:
                say(f"clients have to wait: {error}")
                told = True
            cothread.wait([stopping], 0.1)  # until somebody has given something back


def serve(port: int, path: str, period: float, names: list[str]) -> bool:
    with cothread.signals(signal.SIGTERM, signal.SIGINT) as signals, cothread.listen(("127.0.0.1", port)) as listener:
        archive = Archive(path)
        sources_end = cothread.Event(auto_reset=False)
        archiver = cothread.Spawn(archive.keep, sources_end)
        tasks = [cothread.Spawn(attend, Source(name, archive), period) for name in names]
        tasks.append(cothread.Spawn(welcome, listener))
        board = Board(Source("board", archive))
        host, port = listener.getsockname()
        say(f"listening on {host}:{port}")
        cothread.wait([signals])

        # Sources first, the archive last: what was measured is in it.
        say("stopping")
        stopping.Signal()
        board.stop()
        listener.close()
        for client in list(clients):
            client.connection.close(0)
            tasks.append(client.task)
        cothread.WaitForAll(tasks)
        sources_end.Signal()
        try:
            archiver.Wait(PATIENCE)
        except cothread.Timedout:
            say("archive: the disk is stuck")
            return False
        os.close(archive.fd)
    say("stopped")
    return True


def main() -> int:
    if len(sys.argv) < 4 or not sys.argv[1].isdecimal() or not sys.argv[3].isdecimal() or int(sys.argv[3]) == 0:
        print("usage: gateway.py PORT ARCHIVE PERIOD HOST:PORT...", file=sys.stderr)
        return 2
    try:
        return 0 if serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) / 1000, sys.argv[4:]) else 1
    except OSError as error:
        say(f"gateway: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
