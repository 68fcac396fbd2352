# SPDX-License-Identifier: Apache-2.0
"""Running a program of bindings/c/examples or bindings/python/examples, and waiting for what it says."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, ClassVar, TypeVar

BOUND = 60.0  # seconds; against a hang
ROOT = pathlib.Path(__file__).parents[2]
DIRECTORY = os.environ.get("COTHREAD_SERVICES", "build/services")
Self = TypeVar("Self", bound="Program")
PR_SET_CHILD_SUBREAPER = 36


def children() -> list[int]:
    found = []
    for path in glob.glob("/proc/self/task/*/children"):
        with contextlib.suppress(OSError), open(path) as file:  # a thread of the test may end
            found += [int(pid) for pid in file.read().split()]
    return found


class Hang(AssertionError):
    pass


class Program:
    """A program whose standard output is read by line. What it leaves behind becomes our child."""

    language: ClassVar[str]  # "c" or "python", see conftest.py

    @classmethod
    def command(cls, name: str) -> list[str]:
        if cls.language == "c":
            return [os.path.join(DIRECTORY, name)]
        return [sys.executable, str(ROOT / "bindings/python/examples" / (name + ".py"))]

    def __init__(self, name: str, *arguments: object, descriptors: int = 0) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

        def limit() -> None:
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.process = subprocess.Popen(
            [*self.command(name), *map(str, arguments)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "bindings/python")},
            preexec_fn=limit,
        )
        self.said: list[str] = []
        self.rest = b""
        self.seen = 0

    def wait_for(self, *words: str) -> str:
        """The next line, after the last that was found, that has all the words."""
        assert self.process.stdout is not None
        until = time.monotonic() + BOUND
        while True:
            while self.seen < len(self.said):
                line = self.said[self.seen]
                self.seen += 1
                if all(word in line for word in words):
                    return line
            fd = self.process.stdout.fileno()
            if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                raise Hang(f"no line with {words} in {self.said}")
            data = os.read(fd, 65536)
            if not data:
                raise AssertionError(f"it ended without a line with {words}: {self.said}")
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.said += [line.decode() for line in lines]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self, status: int) -> None:
        assert self.process.wait(BOUND) == status, self.said

    def ends_cleanly(self) -> None:
        """SIGTERM: status 0. Its children have ended and were waited for, and theirs end too."""
        self.signal(signal.SIGTERM)
        self.wait_for("stopped")
        self.ends(0)
        started = {line.split()[-1] for line in self.said if ": started as " in line}
        for pid in children():
            assert str(pid) not in started, "it did not wait for a child"
            fd = os.pidfd_open(pid)  # an orphan, which got SIGKILL and may need a moment
            ended = select.select([fd], [], [], BOUND)[0]
            os.close(fd)
            assert ended, f"process {pid} is left"
            os.waitpid(pid, 0)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Peer:
    """A client of a line protocol."""

    def __init__(self, address: str | int) -> None:
        if isinstance(address, int):
            self.socket = socket.create_connection(("127.0.0.1", address), BOUND)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(BOUND)
            self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode() + b"\n")

    def line(self) -> str:
        line: bytes = self.file.readline()
        if not line:
            raise EOFError
        return line.decode().rstrip("\n")

    def ask(self, text: str) -> list[str]:
        """The lines of an answer; the last is "ok" or an error."""
        self.send(text)
        lines = [self.line()]
        while lines[-1] != "ok" and not lines[-1].startswith("error: "):
            lines.append(self.line())
        return lines

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def side_by_side(count: int, work: Any) -> None:
    """Calls work(i) in so many threads, and fails as one of them does."""
    failures: list[BaseException] = []

    def run(i: int) -> None:
        try:
            work(i)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
