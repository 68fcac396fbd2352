# SPDX-License-Identifier: Apache-2.0
"""Keeps programs running: starts them, restarts them with back-off, keeps the last lines they wrote, and is told what
to do over TCP and a Unix socket.

    python supervisor.py CONFIG PORT SOCKET        PORT is one of 127.0.0.1; 0: any that is free

CONFIG has a line for each program: a name, then the program and its arguments, split at blanks; what needs more is a
script. SIGHUP has it read again: programs that are new start, those that are gone end, those whose line changed are
restarted, the others do not notice. SIGTERM and SIGINT end everything; a program that ignores SIGTERM is killed after
GRACE.

A client writes lines "list", "start NAME", "stop NAME" and "log NAME". Each answer ends with a line "ok" or "error:
REASON". One that says nothing for PATIENCE is sent away.

Of a supervisor that was killed (SIGKILL) the programs run on, each leading a process group of its own, and get SIGPIPE
when they write. SOCKET stays, and the next supervisor replaces it. It does not know the programs that still run: end
them before it starts them a second time.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

import cothread

NAME, LINE, LINES = 31, 255, 64
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0  # doubled by each failure
STEADY = 10.0  # who ran for so long fails for the first time again
GRACE = 2.0
PATIENCE = 60.0  # with clients

PIECE = re.compile(rb"[^\n]{0,%d}\n|[^\n]{%d}" % (LINE - 1, LINE))  # a line, or as much of a long one

stopping = cothread.Event(auto_reset=False)
services: dict[str, Service] = {}
clients: dict[cothread.Connection, cothread.Spawn] = {}


def say(text: str) -> None:
    with suppress(BrokenPipeError):  # the end of a reader of our standard output is not ours
        os.write(1, f"{text}\n".encode())


class Service:
    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self.words = words
        self.listed = True  # CONFIG has it
        self.wanted = True  # it is to run
        self.changed = cothread.Event()  # one of the three above
        self.idle = cothread.Event(auto_reset=False)  # signalled while no process runs
        self.idle.Signal()
        self.state = "waiting"
        self.pid = self.starts = 0
        self.log: deque[bytes] = deque(maxlen=LINES)
        self.task = cothread.Spawn(self.keep)

    def is_to_run(self, words: list[str]) -> bool:
        return self.wanted and self.listed and self.words is words and not stopping

    def keep(self) -> None:
        """The task of a service: runs its program again and again, as long as it is wanted."""
        delay = FIRST_DELAY
        while self.listed and not stopping:
            self.changed.Reset()  # what it told is looked at now
            if not self.wanted:
                self.state = "stopped"
                cothread.wait([self.changed, stopping])
                delay = FIRST_DELAY
                continue
            began, words = time.monotonic(), self.words
            try:
                self.run_once(words)
            except OSError as error:
                say(f"{self.name}: {error}")
            if self.is_to_run(words):
                if time.monotonic() - began >= STEADY:
                    delay = FIRST_DELAY
                self.state = "waiting"
                say(f"{self.name}: again in {delay * 1000:.0f} ms")
                cothread.wait([self.changed, stopping], delay)  # or when told to
                delay = min(delay * 2, LONGEST_DELAY)
        del services[self.name]

    def run_once(self, words: list[str]) -> None:
        """Runs the program: until it ends, or is to."""
        process = cothread.Process(words, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, new_group=True)
        self.pid = process.pid
        self.starts += 1
        self.state = "running"
        self.idle.Reset()
        say(f"{self.name}: started as {process.pid}")
        collector = cothread.Spawn(self.collect, process)
        while self.is_to_run(words):
            fired = dict(cothread.wait([process, self.changed, stopping]))
            if process in fired:
                break
        self.state = "stopping"
        if not cothread.wait([process], 0):
            process.send_signal(signal.SIGTERM, group=True)
            cothread.wait([process], GRACE)
        process.send_signal(signal.SIGKILL, group=True)  # if it runs still; and what it left in its group
        try:
            code = process.wait()
            say(f"{self.name}: " + (f"ended by signal {-code}" if code < 0 else f"exit status {code}"))
        except ChildProcessError as error:
            say(f"{self.name}: {error}")
        collector.Wait()
        self.pid = 0
        self.idle.Signal()

    def collect(self, process: cothread.Process) -> None:
        """Keeps what the program writes, until nobody can write any more. What has left its group may keep the pipe
        open: GRACE after the program's end it is not ours any more, and gets SIGPIPE when it writes."""
        assert process.stdout is not None
        text = b""
        with process.stdout as output:
            items: list[Any] = [process, (output, "r")]
            until = None
            chunk: bytes | None = None
            while chunk != b"" and (fired := cothread.wait(items, until)):
                if any(item is process for item, _ in fired):
                    items.remove(process)  # its end would be reported again and again
                    until = cothread.AbsTimeout(GRACE)
                chunk = output.read(65536)  # None: there is nothing yet
                text += chunk or b""
                pieces = PIECE.findall(text)
                self.log.extend(piece.rstrip(b"\n") for piece in pieces)
                text = text[sum(map(len, pieces)) :]
        if text:
            self.log.append(text)  # the last line has no end


# ---- The configuration


def read_entries(path: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    with open(path) as file:  # blocks for as long as a local disk does
        for number, line in enumerate(file, 1):
            name, *words = line.split() or ["#"]
            if name.startswith("#"):
                continue
            if not words:
                raise ValueError(f"line {number}: a line is a name and a program")
            if len(line) > LINE or len(name) > NAME:
                raise ValueError(f"line {number}: too much")
            if name in entries:
                raise ValueError(f"line {number}: the name is taken")
            entries[name] = words
    return entries


def reload(path: str) -> bool:
    """Makes the services those of the file, or leaves all as it is and returns False."""
    try:
        entries = read_entries(path)
    except (OSError, ValueError) as error:
        say(f"{path}: {error}; nothing is changed")
        return False
    for name, service in services.items():
        if name not in entries:  # its task ends the program, and then itself
            service.listed = False
            service.changed.Signal()
    for name, words in entries.items():
        if name not in services:
            services[name] = Service(name, words)
            continue
        service = services[name]
        if not service.listed:  # it was gone, and is ending still
            service.listed = service.wanted = True
        if service.words != words:
            service.words = words
            service.changed.Signal()
    say(f"{path}: {len(entries)} programs")
    return True


# ---- Clients


def obey(line: bytes) -> list[bytes]:
    verb, name = [*line.decode(errors="replace").split(), "", ""][:2]
    if verb == "list":
        each = services.values()
        return [f"{one.name} {one.state} pid {one.pid} starts {one.starts}".encode() for one in each] + [b"ok"]
    if verb not in ("start", "stop", "log"):
        return [b"error: list, start NAME, stop NAME or log NAME"]
    service = services.get(name)
    if service is None:
        return [b"error: there is no such program"]
    if verb == "log":
        return [*service.log, b"ok"]
    service.wanted = verb == "start"
    service.changed.Signal()
    if not service.wanted:
        try:
            service.idle.Wait(PATIENCE)
        except cothread.Timedout:
            return [b"error: it has not ended yet"]
    return [b"ok"]


def serve(client: cothread.Connection) -> None:
    try:
        with suppress(OSError), client:
            while line := client.readline(LINE, PATIENCE):
                client.sendall(b"\n".join(obey(line)) + b"\n", PATIENCE)
    finally:
        del clients[client]


def welcome(listener: cothread.Listener) -> None:
    told = False
    while not stopping:
        try:
            client = listener.accept()
            clients[client] = cothread.Spawn(serve, client)
            told = False
        except OSError as error:
            if not stopping and not told:
                say(f"clients have to wait: {error}")
                told = True
            cothread.wait([stopping], 0.1)  # until somebody has given something back


def supervise(config: str, port: int, path: str) -> bool:
    # The signals first: before there is anything to clean up.
    with cothread.signals(signal.SIGHUP, signal.SIGTERM, signal.SIGINT) as signals, cothread.listen(
        ("127.0.0.1", port)
    ) as tcp, cothread.listen(path) as local:
        welcomes = [cothread.Spawn(welcome, listener) for listener in (tcp, local)]
        good = reload(config)
        host, port = tcp.getsockname()
        say(f"listening on {host}:{port} and {path}")
        while good:
            [(_, counts)] = cothread.wait([signals])
            if isinstance(counts, ValueError) or counts.keys() != {signal.SIGHUP}:
                break
            reload(config)

        say("stopping")
        stopping.Signal()
        tcp.close()
        local.close()
        cothread.WaitForAll(welcomes)
        keepers, serving = [service.task for service in services.values()], list(clients.values())
        for client in list(clients):
            client.close(0)
        cothread.WaitForAll(keepers + serving)
    say("stopped")
    return good


def main() -> int:
    if len(sys.argv) != 4 or not sys.argv[2].isdecimal():
        print("usage: supervisor.py CONFIG PORT SOCKET", file=sys.stderr)
        return 2
    try:
        return 0 if supervise(sys.argv[1], int(sys.argv[2]), sys.argv[3]) else 1
    except OSError as error:
        say(f"supervisor: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
