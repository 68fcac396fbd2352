# SPDX-License-Identifier: Apache-2.0
"""subprocess for tasks: Popen.wait, and the pipes to a child."""

import io
import os
import select
import subprocess
from typing import Any, Optional

from ._scheduler import current_task, deadline_after, wait_descriptor
from ._standard import in_task

_POLLIN = 1
_POLLOUT = 4


class _Pipe(io.FileIO):
    """A pipe's end, which is waited for before it is used. It blocks as the child's end does."""

    def _wait(self, events: int) -> None:
        if in_task():
            wait_descriptor(current_task(), self.fileno(), events, None)

    def readinto(self, buffer: Any, /) -> Optional[int]:
        self._wait(_POLLIN)
        return super().readinto(buffer)

    def read(self, size: Optional[int] = -1, /) -> Any:
        if size is None or size < 0:
            return self.readall()
        self._wait(_POLLIN)
        return super().read(size)

    def readall(self) -> bytes:
        parts: list[bytes] = []
        while True:
            part = self.read(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)

    def write(self, data: Any, /) -> Any:
        if not in_task():
            return super().write(data)
        with memoryview(data) as view, view.cast("B") as octets:
            written = 0
            # A pipe that is ready takes PIPE_BUF bytes without blocking.
            while written < len(octets):
                self._wait(_POLLOUT)
                with octets[written : written + select.PIPE_BUF] as chunk:
                    written += super().write(chunk)
            return written


def _open(fd: int, mode: str, bufsize: int) -> Any:
    pipe = _Pipe(fd, mode)
    if bufsize == 0:
        return pipe
    size = bufsize if bufsize > 1 else io.DEFAULT_BUFFER_SIZE
    return io.BufferedReader(pipe, size) if mode == "rb" else io.BufferedWriter(pipe, size)


class _IO:
    """What the module subprocess finds in the place of io."""

    open = staticmethod(_open)

    def __getattr__(self, name: str) -> Any:
        return getattr(io, name)


_system_wait: Any = subprocess.Popen._wait  # type: ignore[attr-defined]


def _wait(self: "subprocess.Popen[Any]", timeout: Optional[float]) -> Any:
    """Popen._wait: a task waits for the descriptor of the process, and then there is nothing to wait for."""
    if in_task() and self.returncode is None:
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:  # somebody else collected the child, or no descriptor is left
            return _system_wait(self, timeout)
        try:
            ended = wait_descriptor(current_task(), fd, _POLLIN, deadline_after(timeout))
        finally:
            os.close(fd)
        if not ended:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
    return _system_wait(self, timeout)


def subprocess_hook() -> None:
    """Puts them in their place."""
    subprocess.Popen._wait = _wait  # type: ignore[attr-defined]
    subprocess.io = _IO()  # type: ignore[attr-defined]
