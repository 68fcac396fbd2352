# SPDX-License-Identifier: Apache-2.0
"""Other programs: started, waited for, signalled, with pipes to and from them."""

import errno
import os
import signal
from _thread import get_ident
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import FileIO
from typing import Any, Optional, Union, cast

from . import _library, _scheduler
from ._scheduler import Timedout, Timeout, check_thread, forget
from ._timeouts import AbsTimeout
from ._wait import Asked, HasFileno, wait
from .coselect import descriptor

# What the subprocess module calls PIPE, STDOUT and DEVNULL. Importing it takes longer than the rest of the package.
_PIPE = -1
_STDOUT = -2
_DEVNULL = -3

_CHUNK = 65536

Text = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Stream = Union[None, int, HasFileno]


def _word(text: Text) -> bytes:
    word = os.fsencode(text)
    if b"\0" in word:
        raise ValueError(f"{text!r} has a null in it")
    return word


def _variable(name: Text, value: Text) -> bytes:
    if not os.fsencode(name) or b"=" in os.fsencode(name):
        raise ValueError(f"{name!r} is no name of an environment variable")
    return _word(name) + b"=" + _word(value)


class Process(Asked):
    """Another program, a child of this process. It is to be waited for: `wait`, or `cothread.wait` beside other things.

    args: the program, searched in PATH, and its arguments. stdin, stdout, stderr: None (ours), a descriptor or file, or
    one of PIPE, DEVNULL and for stderr STDOUT of the subprocess module. The end of a pipe that stays here is the
    attribute of the same name: a raw file that does not block, so wait for (file, "r") or (file, "w") before each read
    or write, and close it. env, cwd: None for ours. descriptors: others that the child gets, as {number there:
    descriptor or file}; it inherits no more. limits: {resource.RLIMIT_...: (soft, hard)}. new_group, new_session: it
    leads one.

    What keeps the program from being executed is raised here: FileNotFoundError, PermissionError, ... A Process that
    is forgotten runs on, and leaves no zombie.
    """

    __slots__ = ("__weakref__", "_args", "_handle", "_outcome", "_pid", "stderr", "stdin", "stdout")

    stdin: Optional[FileIO]
    stdout: Optional[FileIO]
    stderr: Optional[FileIO]

    def __init__(
        self,
        args: "Iterable[Text]",
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        env: "Optional[Mapping[Text, Text]]" = None,
        cwd: Optional[Text] = None,
        descriptors: "Optional[Mapping[int, Union[int, HasFileno]]]" = None,
        limits: "Optional[Mapping[int, tuple[int, int]]]" = None,
        new_group: bool = False,
        new_session: bool = False,
    ) -> None:
        self._handle = 0
        check_thread()
        self._outcome: Union[int, OSError, None] = None
        self.stdin = self.stdout = self.stderr = None
        if isinstance(args, (str, bytes, os.PathLike)):
            raise TypeError(f"args is {args!r}, not a list of a program and its arguments")
        words = [_word(word) for word in args]
        if not words:
            raise ValueError("args is empty: there is no program")
        self._args = words
        variables = None if env is None else [_variable(name, value) for name, value in env.items()]
        given = {number: descriptor(file) for number, file in (descriptors or {}).items()}
        flags = _library.NEW_GROUP * bool(new_group) | _library.NEW_SESSION * bool(new_session)
        theirs: list[int] = []  # to be closed here
        try:
            for number, (name, stream) in enumerate((("stdin", stdin), ("stdout", stdout), ("stderr", stderr))):
                if stream is None:
                    continue
                if number in given:
                    raise ValueError(f"descriptors has {number}, which {name} says already")
                if stream == _STDOUT and name == "stderr":
                    given[number] = given.get(1, 1)
                elif stream == _PIPE:
                    given[number] = self._pipe(name, theirs)
                elif stream == _DEVNULL:
                    theirs.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
                    given[number] = theirs[-1]
                else:
                    given[number] = descriptor(stream)
            self._handle = _scheduler.core.start_process(
                words, variables, None if cwd is None else _word(cwd), given, dict(limits or {}), flags
            )
            self._pid = _scheduler.core.pid(self._handle)
        except BaseException:
            for file in (self.stdin, self.stdout, self.stderr):
                if file is not None:
                    file.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    def _pipe(self, name: str, theirs: "list[int]") -> int:
        read, write = os.pipe()
        ours, child = (write, read) if name == "stdin" else (read, write)
        theirs.append(child)
        os.set_blocking(ours, False)
        setattr(self, name, FileIO(ours, "wb" if name == "stdin" else "rb"))
        return child

    def __del__(self) -> None:
        if self._handle:
            forget(self._handle)

    def __repr__(self) -> str:
        outcome = self._outcome
        state = "running" if outcome is None else "ended" if isinstance(outcome, OSError) else f"ended with {outcome}"
        return f"<Process {os.fsdecode(self._args[0])} {self._pid} {state}>"

    @property
    def pid(self) -> int:
        """Its number, which is its own until its end has been reported."""
        return self._pid

    @property
    def returncode(self) -> Optional[int]:
        """What it passed to exit, or minus the signal that ended it; None while it runs, or if that is unknown."""
        if self._outcome is None and get_ident() == _scheduler.scheduler_thread_id:
            items = _library.Items()
            items.add(*self._item())
            if _scheduler.core.look(items, _scheduler.requests):
                self._value(*cast("tuple[int, int]", items.fired(0)))
        return self._outcome if isinstance(self._outcome, int) else None

    def wait(self, timeout: Timeout = None) -> int:
        """Waits for its end and returns its returncode. ChildProcessError: it has ended, but its status is unknown."""
        if not wait([self], timeout):
            raise Timedout(f"Timed out waiting for {self!r}")
        outcome: Any = self._outcome
        if isinstance(outcome, int):
            return outcome
        raise outcome

    def communicate(
        self, input: Optional[bytes] = None, timeout: Timeout = None
    ) -> "tuple[Optional[bytes], Optional[bytes]]":
        """Writes `input`, reads stdout and stderr to their ends, and waits; returns what was read from the pipes.

        After a timeout what was read is lost, and how much was written is not told: kill the process.
        """
        if input and self.stdin is None:
            raise ValueError("input is given, but stdin is no PIPE")
        moment = AbsTimeout(timeout)
        left = memoryview(input or b"")
        read: dict[FileIO, list[bytes]] = {file: [] for file in (self.stdout, self.stderr) if file is not None}
        while True:
            if self.stdin is not None and not left and not self.stdin.closed:
                self.stdin.close()
            items: list[Any] = [(file, "r") for file in read if not file.closed]
            if left and self.stdin is not None and not self.stdin.closed:
                items.append((self.stdin, "w"))
            if not items:
                break
            fires = wait(items, moment)
            if not fires:
                raise Timedout(f"Timed out communicating with {self!r}")
            for (file, mode), _ in fires:
                if mode == "r":
                    chunk = file.read(_CHUNK)
                    if chunk:
                        read[file].append(chunk)
                    elif chunk is not None:
                        file.close()
                else:
                    try:
                        left = left[file.write(left) or 0 :]
                    except BrokenPipeError:  # it reads no more
                        left = left[:0]
        self.wait(moment)
        out, err = (None if file is None else b"".join(read[file]) for file in (self.stdout, self.stderr))
        return out, err

    def send_signal(self, number: int, group: bool = False) -> None:
        """Sends a signal to the process, or to the group that it leads. Nothing happens if it has ended."""
        check_thread()
        with suppress(ProcessLookupError):
            _scheduler.core.signal_process(self._handle, number, _library.TO_GROUP * bool(group))

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _item(self) -> "tuple[int, int, int]":
        return _library.ITEM_PROCESS, 0, self._handle

    def _value(self, result: int, value: int) -> "Union[int, OSError]":
        if self._outcome is None:
            if result < 0:
                self._outcome = OSError(errno.ECHILD, f"the status of process {self._pid} is unknown: who took it?")
            else:
                self._outcome = _library.SIGNALLED - result if result > _library.SIGNALLED else result
        return self._outcome
