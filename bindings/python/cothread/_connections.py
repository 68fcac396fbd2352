# SPDX-License-Identifier: Apache-2.0
"""Connections: streams of bytes between a task and a peer.

The library reads and writes: a connection is an adopted descriptor with a request to read until paused, and what came
lies in the batch; what is to be sent lies in the ring and goes out with the next look, that of all tasks at once. So a
task that receives or sends makes neither a system call nor a foreign one. Sending by the task's own system call would
tell at once how many bytes went out, but wakes the peer for each message: it took 4.9 us of CPU a message where this
took 4.2, and a bare loop on epoll 2.9 (echo of 64 bytes, 100 connections, minima of four runs in turn).

Bounds. What was received and not taken: reading pauses when no task waits for it and 64 KiB are there; one more batch
may be on its way then, with at most as much. What was sent and not taken by the system: 1 MiB, the ring's room; while
anything is left, sendall waits.
"""

import errno
import os
import socket
import stat
import warnings
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Optional, Union, cast

from greenlet import getcurrent

from . import _library, _scheduler
from ._offload import Job, Pool
from ._scheduler import (
    NOWHERE,
    UNTIMED,
    Misuse,
    Sleep,
    Source,
    Task,
    Timedout,
    Timeout,
    Watch,
    another_round,
    attach,
    check_thread,
    current_task,
    deadline_after,
    disarm,
    go_on,
    inside,
    requests,
    settle,
    shown,
    transfers,
    wait,
    wait_code,
    wake_all,
    wake_first,
    withdraw,
)
from ._wait import Adopted
from .coselect import POLLERR, POLLIN, POLLNVAL, POLLOUT

__all__ = ["Connection", "Listener", "connect", "listen"]

Address = Union["tuple[str, Union[int, str]]", str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Buffer = Union[bytes, bytearray, memoryview]

_hub = _scheduler.hub
_ready = _scheduler.ready
_library_core = cast(_library.Library, _scheduler.core)
_writes = requests.writes
_OUTPUT_SIZE = _library_core.output_size

_BUFFER_MOST = 65536
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_S = 0.01  # before a task is told of these that would try again at once
_PENDING_MOST = 16  # connections accepted and not taken
_CLOSE_S = 2.0
_REASON = 0xFFFFFFFF  # of a batch entry's second word; the bytes, or errno, are above it


def _failure(code: int) -> Exception:
    """The exception for an errno, or, below 0, for a code of the library's."""
    code = _library.ERRNOS.get(code, code)
    return OSError(code, os.strerror(code)) if code > 0 else _scheduler.core.error(code)


_last_token = 0


class _Transfer:
    """What the library tells of one adopted descriptor. It knows nothing of the object that the program holds, which
    may so be collected: see _drop."""

    __slots__ = ("asked", "failed", "handle", "seen", "token", "waiters", "watchers")

    operation: int  # what is asked for

    def __init__(self, handle: int) -> None:
        global _last_token
        _last_token -= 1
        self.token = _last_token  # used once: entries of a closed descriptor find nobody
        self.handle = handle
        self.asked = False  # there is a request to read or accept
        self.failed = 0  # what ended that: errno, or a code of the library's
        self.seen = 0  # the look whose entry has been taken
        self.waiters: Any = []
        self.watchers: Any = None  # those who wait for several things: all are woken by whatever happens
        transfers[self.token] = self

    def ask(self) -> None:
        requests.add(self.handle, self.operation, 0, self.token)
        self.asked = True

    def pause(self) -> None:
        requests.add(self.handle, _library.PAUSE, 0, self.token)
        self.asked = False

    def close(self) -> None:
        """Whoever waits is told EBADF."""
        if transfers.pop(self.token, None) is not None:
            self.asked = False
            self.failed = errno.EBADF
            if requests or _writes:
                _library_core.submit(requests)  # what is to be written is
            _library_core.close(self.handle)
            wake_all(self.waiters)
            self.tell()

    def tell(self) -> None:
        """Those who wait for several things are to look again."""
        if self.watchers:
            wake_all(self.watchers)

    def line(self) -> "deque[Any]":
        """The queue of those who wait for several things."""
        if self.watchers is None:
            self.watchers = deque()
        return self.watchers  # type: ignore[no-any-return]

    def readable(self) -> bool:
        """Whether receiving, or accepting, would not wait."""
        raise NotImplementedError


def _code(what: int) -> int:
    """Why an entry says that something failed: errno, or a code of the library's."""
    return what >> 32 or (what & _REASON) - (1 << 32)


class _Stream(_Transfer):
    """What was received and not taken, and what was sent and the system has not taken."""

    __slots__ = (
        "blocked",
        "broken",
        "buffer",
        "ended",
        "need",
        "receiver",
        "senders",
        "sending",
        "size",
        "unsent",
        "write",
    )

    operation = _library.READ

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self.buffer: Union[bytes, bytearray] = b""
        self.ended = False
        self.receiver: Any = None  # a task that waits for anything to come, for ever; others are in `waiters`
        self.need = 1  # so many bytes wake the task in `waiters`
        self.write = b""  # the request to write `size` bytes
        self.size = -1  # -1 while `blocked`
        self.blocked = False  # sendall has to look further: one of the next three
        self.unsent = 0
        self.broken = 0  # as `failed`, of sending
        self.sending = False  # a task is in the middle of a sendall
        self.senders: Any = []

    # Data is dealt with in _scheduler._deliver.
    def transferred(self, what: int, value: int) -> None:
        reason = what & _REASON
        if reason == _library.WRITTEN:
            self.unsent = value
            self.settle()
        elif value:  # so many bytes could not be written; of what was put behind them, there are entries of their own
            self.unsent = self.unsent + value if self.broken else value
            self.broken = _code(what)
            self.settle()
        else:
            self.asked = False
            if reason == _library.END:
                self.ended = True
            else:
                self.failed = _code(what)
            self.wake()
            self.tell()

    def wake(self) -> None:
        """Nothing more will come."""
        task = self.receiver
        if task is not None:
            _ready.append(task)
            task.armed = 0
            self.receiver = None
        wake_all(self.waiters)

    def settle(self) -> None:
        """Something about sending has changed."""
        self.blocked = bool(self.unsent or self.broken or self.sending)
        self.size = -1
        if not self.unsent or self.broken:
            wake_all(self.senders)
            self.tell()

    def append(self, data: bytes) -> None:
        joined = self.buffer
        if not isinstance(joined, bytearray):
            joined = bytearray(joined)
        joined += data
        self.buffer = joined

    def bound(self) -> None:
        """Nobody waits for what has come."""
        if self.asked and len(self.buffer) >= _BUFFER_MOST:
            self.pause()

    def arrived(self) -> bool:
        return len(self.buffer) >= self.need or self.ended or self.failed != 0

    def readable(self) -> bool:
        return bool(self.buffer) or self.ended or self.failed != 0

    def wait(self, need: int, deadline: Optional[int]) -> None:
        """Suspends until `need` bytes are there or no more will come."""
        me = current_task()
        waiters = self.waiters
        if waiters or self.receiver is not None:
            raise Misuse("Another task is receiving from this connection")
        self.need = need
        if not self.asked:
            if self.ended or self.failed:
                return
            self.ask()
        if wait(me, waiters, deadline, self.arrived) and not self.arrived():
            raise Timedout("Timed out receiving")

    def take(self, n: int) -> bytes:
        """At most `n` of the bytes that are there."""
        buffer = self.buffer
        if len(buffer) <= n:
            data = bytes(buffer)  # first: a signal handler may raise after a call
            self.buffer = b""
            return data
        if not isinstance(buffer, bytearray):
            buffer = self.buffer = bytearray(buffer)
        data = bytes(buffer[:n])
        del buffer[:n]
        return data

    def check(self) -> None:
        """Nothing is there any more: raises what ended the input, if it did not simply end."""
        if self.failed:
            raise _failure(self.failed)

    def check_output(self) -> None:
        if self.broken:
            raise _failure(self.broken)

    def close(self) -> None:
        super().close()
        self.wake()
        self.buffer = b""
        self.broken = errno.EBADF
        self.settle()

    # ---- Sending

    def put(self, piece: "Union[bytes, memoryview[Any]]") -> None:
        """Has a piece that there is room for written by the next look."""
        size = len(piece)
        write = _library.write(self.handle, self.token, size)
        requests.written += size
        writes = _writes
        writes += (write, piece)

    def asks_for(self, size: int) -> None:
        """So many bytes are written by `write` from now on."""
        self.write = _library.write(self.handle, self.token, size)
        self.size = size

    def send(self, data: Buffer, deadline: Optional[int]) -> None:
        """Sends piece by piece, the next when the system has taken the last. Waits its turn."""
        source = memoryview(data).cast("B")
        me = current_task()
        mine = False
        given = 0
        try:
            while self.sending:
                self.check_output()
                if wait(me, self.senders, deadline) and self.sending:
                    raise Timedout("Timed out waiting for another task's sendall")
            mine = self.sending = self.blocked = True
            while True:
                self.wait_sent(me, deadline)
                if given == len(source):
                    return
                room = min(len(source) - given, _OUTPUT_SIZE - requests.written)
                if room:
                    piece = source[given : given + room]
                    if data.__class__ is bytes:
                        self.put(piece)
                    elif room < 8 * _library.COPY_ONCE:
                        self.put(bytes(piece))  # the caller may change it
                    else:
                        self.put(piece)
                        _library_core.hand_over(requests)  # which copies it
                    given += room
                    if given == len(source):
                        return
                _next_batch(me)
        except BaseException as error:
            error.sent = max(0, given - self.unsent)  # type: ignore[attr-defined]
            raise
        finally:
            if mine:
                self.sending = False
            if not self.sending:
                self.settle()

    def wait_sent(self, me: Task, deadline: Optional[int]) -> None:
        """Until the system has taken all that a look has told of."""
        while self.unsent or self.broken:
            self.check_output()
            if wait(me, self.senders, deadline) and self.unsent:
                raise Timedout(f"Timed out sending: {self.unsent} bytes are unsent")

    def flush(self, deadline: Optional[int]) -> None:
        me = current_task()
        while self.sending:
            self.check_output()
            if wait(me, self.senders, deadline) and self.sending:
                raise Timedout("Timed out waiting for another task's sendall")
        _next_batch(me)
        self.wait_sent(me, deadline)


def _next_batch(me: Task) -> None:
    """Suspends until the library has taken all requests so far, and has told what became of them."""
    if me.queue is not None and not settle(me):
        inside(me, _next_batch)
        return
    try:
        me.armed = UNTIMED
        me.queue = NOWHERE
        me.expired = False
        handle = me.handle or attach(me)
        me.armed = requests.end
        requests.add(handle, _library.WAIT_DEADLINE, _library.NOW, 0)
        for entry in _scheduler.turns:
            break
        if entry is _hub and another_round():
            for entry in _scheduler.turns:
                break
        entry.switch()
        if me.armed:
            go_on(me)
        me.queue = None
    except BaseException:
        withdraw(me)
        raise


wait_code.add(_next_batch.__code__)


class _Readable(Source):
    """What a connection or a listener has, as one of several things to wait for."""

    __slots__ = ("_transfer",)

    def __init__(self, transfer: _Transfer) -> None:
        self._transfer = transfer

    def _holds(self) -> bool:
        return self._transfer.readable()

    def _take(self) -> int:
        return _bits(POLLIN, self._transfer.failed)

    def _line(self) -> "deque[Any]":
        transfer = self._transfer
        if not (transfer.asked or transfer.readable()):
            transfer.ask()
        return transfer.line()

    def _comes_late(self) -> bool:
        return True


class _Writable(Source):
    """Room for what a connection is to send, likewise."""

    __slots__ = ("_stream",)

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def _holds(self) -> bool:
        return not self._stream.blocked or self._stream.broken != 0

    def _take(self) -> int:
        return _bits(POLLOUT, self._stream.broken)

    def _line(self) -> "deque[Any]":
        return self._stream.line()

    def _comes_late(self) -> bool:
        return True


def _bits(bit: int, failed: int) -> int:
    if failed == errno.EBADF:
        return POLLNVAL  # closed
    return bit | POLLERR if failed else bit


class _Dropped:
    """Closes what the program let go of without closing it, on the scheduler's thread."""

    def __init__(self) -> None:
        self.transfers: deque[_Transfer] = deque()

    def _start(self) -> None:
        while self.transfers:
            self.transfers.popleft().close()


_dropped = _Dropped()


def _drop(transfer: _Transfer) -> None:
    _dropped.transfers.append(transfer)
    _scheduler.rouse(_dropped)


class _Adopted(Adopted):
    """A socket whose descriptor is the library's."""

    __slots__ = ("__weakref__", "_socket", "_transfer")

    def __init__(self, adopted: socket.socket, transfer: _Transfer) -> None:
        self._socket = adopted
        self._transfer = transfer

    def __del__(self) -> None:
        if hasattr(self, "_transfer") and self._socket.fileno() >= 0:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._socket.detach()
            _drop(self._transfer)

    def __repr__(self) -> str:
        number = self._socket.fileno()
        return f"<{type(self).__name__}, {f'descriptor {number}' if number >= 0 else 'closed'}>"

    def fileno(self) -> int:
        """The descriptor's number; -1 once it is closed."""
        return self._socket.fileno()

    def getsockname(self) -> Any:
        return self._socket.getsockname()

    def _side(self, mode: str) -> Optional[Source]:
        return _Readable(self._transfer) if mode == "r" else None


class Connection(_Adopted):
    """A stream of bytes to and from a peer. Close it, or use it in a `with`.

    One task may receive while others send; each sendall goes out whole before the next one begins. What fails raises
    the OSError of its errno; what is done with a closed connection, EBADF.
    """

    __slots__ = ("_stream",)

    def __init__(self, connected: socket.socket, handle: int) -> None:
        self._stream = _Stream(handle)
        super().__init__(connected, self._stream)

    # ---- Receiving

    def recv(self, n: int = 65536, timeout: Timeout = None) -> bytes:
        """What has come, at most `n` bytes, as soon as there is anything; b"" once the peer has sent its last."""
        me: Any = getcurrent()
        try:
            me.armed  # noqa: B018  # current_task(), written out
        except AttributeError:
            current_task()
        stream = self._stream
        if not stream.buffer and timeout is None and stream.asked and stream.receiver is None and not stream.waiters:
            if me.queue is not None:
                settle(me)
            if me.queue is None:
                try:  # wait(), written out
                    me.armed = UNTIMED
                    me.queue = NOWHERE
                    stream.receiver = me
                    for entry in _scheduler.turns:
                        break
                    if entry is _hub and another_round():
                        for entry in _scheduler.turns:
                            break
                    entry.switch()
                    if me.armed:
                        go_on(me)
                    me.queue = None
                except BaseException:
                    if stream.receiver is me:
                        stream.receiver = None
                    withdraw(me)
                    raise
        data = stream.buffer
        if data.__class__ is bytes and 0 < len(data) <= n:
            stream.buffer = b""
            return data
        return self._recv(n, timeout)

    def _recv(self, n: int, timeout: Timeout) -> bytes:
        if n < 1:
            raise ValueError(f"n is {n}, not a number of bytes to receive")
        stream = self._stream
        deadline = None if stream.buffer else deadline_after(timeout)
        while not stream.buffer:
            stream.wait(1, deadline)
            if (stream.ended or stream.failed) and not stream.buffer:
                stream.check()
                return b""
        return stream.take(n)

    def recv_exactly(self, n: int, timeout: Timeout = None) -> bytes:
        """Exactly `n` bytes. EOFError: the peer's last came before; as after a timeout, nothing was taken."""
        check_thread()
        stream = self._stream
        if n < 0:
            raise ValueError(f"n is {n}, not a number of bytes to receive")
        deadline = deadline_after(timeout)
        while len(stream.buffer) < n:
            stream.wait(n, deadline)
            if (stream.ended or stream.failed) and len(stream.buffer) < n:
                stream.check()
                raise EOFError(f"the peer sent its last after {len(stream.buffer)} bytes of {n}")
        return stream.take(n)

    def read_until(self, delimiter: bytes, limit: int = 65536, timeout: Timeout = None) -> bytes:
        """The bytes up to and with the delimiter, at most `limit`.

        EOFError: the peer's last came before. OSError with EMSGSIZE: there is none in `limit` bytes. As after a
        timeout, nothing was taken.
        """
        found = self._find(delimiter, limit, deadline_after(timeout))
        if not found:
            raise EOFError(f"the peer sent its last without {delimiter!r}")
        return self._stream.take(found)

    def readline(self, limit: int = 65536, timeout: Timeout = None) -> bytes:
        """A line with its b"\\n"; the last one may be without; b"" once there are no more. Else as read_until."""
        found = self._find(b"\n", limit, deadline_after(timeout))
        return self._stream.take(found or limit)

    def _find(self, delimiter: bytes, limit: int, deadline: Optional[int]) -> int:
        """How many bytes end with the first delimiter; 0: there is none, and no more will come."""
        check_thread()
        if not delimiter or limit < len(delimiter):
            raise ValueError(f"delimiter is {delimiter!r} and limit {limit}: it has to fit, and be something")
        stream = self._stream
        start = 0
        while True:
            buffer = stream.buffer
            found = buffer.find(delimiter, start, limit)
            if found >= 0:
                return found + len(delimiter)
            have = len(buffer)
            if have >= limit:
                raise OSError(errno.EMSGSIZE, f"there is no {delimiter!r} in {limit} bytes")
            start = max(0, have - len(delimiter) + 1)
            stream.wait(have + 1, deadline)
            if len(stream.buffer) <= have:
                if len(stream.buffer) < have:  # another task received
                    start = 0
                elif stream.ended or stream.failed:
                    stream.check()
                    return 0

    def __iter__(self) -> "Iterator[bytes]":
        """The lines until the peer's last, as readline."""
        return iter(self.readline, b"")

    # ---- Sending

    def sendall(self, data: Buffer, timeout: Timeout = None) -> None:
        """Hands all the bytes over; waits while earlier ones are unsent, or more are given than there is room for.

        They go out when a task waits next: `flush` makes sure of it. So what went wrong may be raised by a later
        sendall, flush or close. Whatever this raises, a timeout too, has as attribute `sent` how many of its bytes the
        system took; `unsent` says how many are left.
        """
        try:
            getcurrent().armed  # type: ignore[attr-defined]  # noqa: B018  # check_thread(), written out
        except AttributeError:
            check_thread()
        stream = self._stream
        size = len(data)
        if size != stream.size or requests.written + size > _OUTPUT_SIZE or data.__class__ is not bytes:
            if stream.blocked or requests.written + size > _OUTPUT_SIZE or data.__class__ is not bytes:
                stream.send(data, deadline_after(timeout))
                return
            stream.asks_for(size)
        requests.written += size  # _Stream.put(), written out
        writes = _writes
        writes += (stream.write, data)

    @property
    def unsent(self) -> int:
        """How many bytes were given to sendall and not taken by the system, when that was last looked at. After an
        error: how many never will."""
        return self._stream.unsent

    def flush(self, timeout: Timeout = None) -> None:
        """Waits until the system has taken all that was sent."""
        self._stream.flush(deadline_after(timeout))

    def shutdown(self, timeout: Timeout = None) -> None:
        """Flushes, and no more will be sent: the peer finds the end. Receiving goes on."""
        stream = self._stream
        stream.flush(deadline_after(timeout))
        self._socket.shutdown(socket.SHUT_WR)
        stream.broken = errno.EPIPE
        stream.settle()

    # ---- The end

    def close(self, timeout: Timeout = _CLOSE_S) -> None:
        """Flushes and closes, and raises what keeps it from flushing. The second time it does nothing.

        Closed with input unread, a connection is reset, and the peer may lose what was sent last. So if there is any,
        the output is shut down first, and what comes is dropped until the peer's last. All this takes `timeout` at
        most. With 0 it is closed at once, after one try to write what was sent.
        """
        check_thread()
        if self._socket.fileno() < 0:
            return
        stream = self._stream
        try:
            if timeout != 0:
                deadline = deadline_after(timeout)
                if stream.broken != errno.EPIPE or stream.unsent:
                    stream.flush(deadline)
                if not stream.waiters and stream.receiver is None and self._has_unread():
                    self._drop_input(deadline)
        finally:
            self._socket.detach()
            stream.close()

    def _has_unread(self) -> bool:
        stream = self._stream
        if stream.buffer or stream.ended or stream.failed:
            return not (stream.ended or stream.failed)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    def _drop_input(self, deadline: Optional[int]) -> None:
        stream = self._stream
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while not (stream.ended or stream.failed):
                stream.buffer = b""
                stream.wait(1, deadline)
        except (OSError, Misuse):
            pass  # the peer's last is not to be had

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        self.close(0 if kind else _CLOSE_S)

    def _side(self, mode: str) -> Source:
        return _Readable(self._stream) if mode == "r" else _Writable(self._stream)

    # ---- Its socket

    def getpeername(self) -> Any:
        return self._socket.getpeername()

    def setsockopt(self, level: int, option: int, value: Union[int, bytes]) -> None:
        self._socket.setsockopt(level, option, value)


wait_code.add(Connection.recv.__code__)


# ---- Listening


class _Arrivals(_Transfer):
    """Connections that were accepted and not taken."""

    __slots__ = ("pending",)

    operation = _library.ACCEPT

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self.pending: deque[int] = deque()

    def transferred(self, what: int, value: int) -> None:
        if what & _REASON == _library.ACCEPTED:
            if self.seen != _scheduler.looks:
                self.pending += (value,)
                self.seen = _scheduler.looks
        else:
            self.asked = False
            self.failed = _code(what)
        if self.waiters:
            wake_first(self.waiters)
        elif self.asked and len(self.pending) >= _PENDING_MOST:
            self.pause()
        self.tell()

    def readable(self) -> bool:
        return bool(self.pending) or self.failed != 0

    def close(self) -> None:
        super().close()
        while self.pending:
            _library_core.close(self.pending.popleft())


class Listener(_Adopted):
    """Accepts connections. Close it, or use it in a `with`; iterating gives connections until it is closed."""

    __slots__ = ("_arrivals", "_path")

    def __init__(self, listening: socket.socket) -> None:
        self._arrivals = _Arrivals(_library_core.adopt(listening.fileno()))
        super().__init__(listening, self._arrivals)
        self._path: Any = None  # to be removed, with its inode
        if listening.family == socket.AF_UNIX:
            path = listening.getsockname()
            if path and path[0] not in ("\0", 0):
                self._path = path, os.stat(path).st_ino

    def accept(self, timeout: Timeout = None) -> Connection:
        """The next connection. Waiting for the next one goes on behind an error, such as EMFILE. That takes 10 ms to
        be told, so that a loop which tries again does not spin."""
        arrivals = self._arrivals
        me = current_task()
        if not arrivals.pending:
            deadline = deadline_after(timeout)
            try:
                while not arrivals.pending:
                    if arrivals.failed:
                        failed = arrivals.failed
                        if failed != errno.EBADF:
                            arrivals.failed = 0
                        if failed in _EXHAUSTED:
                            Sleep(_PAUSE_S)
                        raise _failure(failed)
                    if not arrivals.asked:
                        arrivals.ask()
                    if wait(me, arrivals.waiters, deadline, arrivals.readable) and not arrivals.pending:
                        raise Timedout("Timed out waiting for a connection")
            except BaseException:
                if arrivals.waiters and arrivals.readable():
                    wake_first(arrivals.waiters)
                raise
        handle = arrivals.pending.popleft()
        try:
            number = _library_core.descriptor(handle)
            return Connection(socket.socket(self._socket.family, socket.SOCK_STREAM, 0, fileno=number), handle)
        except BaseException:
            _library_core.close(handle)
            raise

    def __iter__(self) -> "Iterator[Connection]":
        return self

    def __next__(self) -> Connection:
        if self._socket.fileno() < 0:
            raise StopIteration
        try:
            return self.accept()
        except OSError:
            if self._socket.fileno() < 0:
                raise StopIteration from None
            raise

    def close(self) -> None:
        """Closes, with the connections that nobody took. Loops over the listener end, accept raises EBADF."""
        check_thread()
        if self._socket.fileno() >= 0:
            self._socket.detach()
            self._arrivals.close()
            if self._path is not None:
                path, inode = self._path
                try:
                    if os.stat(path).st_ino == inode:
                        os.unlink(path)
                except OSError:
                    pass  # somebody else removed it

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _remove_dead(path: Any) -> bool:
    """Removes the file of a Unix socket that no process has any more."""
    if path[:1] in ("\0", b"\0") or not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    # A socket for datagrams asks: a stream has another type, so that nobody gets a connection to accept.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asks:
        asks.setblocking(False)
        if asks.connect_ex(path) != errno.ECONNREFUSED:
            return False
    os.unlink(path)
    return True


def listen(address: Address, backlog: int = 1024) -> Listener:
    """Listens at (host, port), or at a path. Host "" is every address, port 0 one that the system chooses.

    Addresses may be used again at once. A path is removed by close; the file of a socket that no process has any more,
    as a killed program leaves it, is replaced.
    """
    check_thread()
    family, kind, protocol, where = _own_address(address)
    listening = socket.socket(family, kind, protocol)
    try:
        if family != socket.AF_UNIX:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # for those it accepts
        try:
            try:
                listening.bind(where)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or family != socket.AF_UNIX or not _remove_dead(where):
                    raise
                listening.bind(where)
        except OSError as error:
            raise _at(error.errno, where) from None
        listening.listen(backlog)
        return Listener(listening)
    except BaseException:
        listening.close()
        raise


def _own_address(address: Address) -> "tuple[int, int, int, Any]":
    """Family, type, protocol and address to listen at."""
    if not isinstance(address, tuple):
        return socket.AF_UNIX, socket.SOCK_STREAM, 0, os.fspath(address)
    host, port = _host_and_port(address)
    try:
        numeric = socket.AI_PASSIVE | socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=numeric)
    except socket.gaierror:
        job = Job(socket.getaddrinfo, host, port, pool=_names, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            found = job.Wait()
        finally:
            job.AbortWait()
    family, kind, protocol, _, where = found[0]
    return family, kind, protocol, where


_names = Pool(threads=8)  # of its own: look-ups that hang delay no other calls


def _host_and_port(address: "tuple[Any, ...]") -> "tuple[Any, Any]":
    if len(address) != 2:
        raise TypeError(f"address is {shown(address)}, not (host, port) or a path")
    return address


def _at(code: Optional[int], where: Any) -> OSError:
    return OSError(code, f"{os.strerror(code or 0)}: {where!r}")


# ---- Connecting


class _Attempt(Watch):
    """A connection that the library is making. It has a handle of its own there: finished, that takes back what nobody
    has taken, whatever was thrown into the task that waited."""

    __slots__ = ("failed", "made", "waiters")

    def __init__(self) -> None:
        global _last_token
        super().__init__()
        _last_token -= 1
        self.token = _last_token
        self.made = 0  # the handle of its adopted descriptor
        self.failed = 0  # errno, or a code of the library's
        self.waiters: Any = []
        self.handle = _library_core.create(self.token)
        transfers[self.token] = self

    def transferred(self, what: int, value: int) -> None:
        self.armed = 0
        if what & _REASON:
            self.failed = _code(what)
        else:
            self.made = value
        wake_all(self.waiters)

    def arrived(self) -> bool:
        return bool(self.made or self.failed)

    def end(self) -> None:
        del transfers[self.token]
        if self.armed:
            disarm(self)
        requests.add(self.handle, _library.FINISH, 0, 0)
        if self.made:
            _library_core.close(self.made)


def connect(address: Address, timeout: Timeout = None) -> Connection:
    """Connects to (host, port), or to a path.

    The library looks a name up, in a thread of its own. If it has several addresses they are tried 250 ms apart, or as
    soon as the one before fails, and the first that answers is taken.
    """
    me = current_task()
    deadline = deadline_after(timeout)
    host, service = _texts(address)
    attempt = _Attempt()
    try:
        attempt.armed = requests.add_connect(
            attempt.handle, host, service, _library.FOREVER if deadline is None else deadline
        )
        wait(me, attempt.waiters, None, attempt.arrived)
        if attempt.failed:
            raise _not_connected(attempt.failed, address)
        connected = socket.socket(fileno=_library_core.descriptor(attempt.made))
        connection = Connection(connected, attempt.made)
        attempt.made = 0
        return connection
    finally:
        attempt.end()


def _texts(address: Address) -> "tuple[bytes, Optional[bytes]]":
    """A host and its service, or a path, as the library wants them."""
    if isinstance(address, tuple):
        host, port = _host_and_port(address)
        if not isinstance(host, (str, bytes, type(None))) or not isinstance(port, (int, str, bytes)):
            raise TypeError(f"address is {address!r}: a host is a str or bytes, a port a number or a service's name")
        texts = (host.encode("idna") if isinstance(host, str) else host) or b"localhost", _service(port)
        if 0 in texts[0] or 0 in texts[1]:
            raise ValueError(f"address is {address!r}, with a null character")
        return texts
    path = os.fsencode(address)
    if path[:1] == b"\0":
        path = b"@" + path[1:]  # an abstract name
    elif path[:1] == b"@":
        path = b"./" + path
    if 0 in path:
        raise ValueError(f"address is {address!r}, with a null character")
    return path, None


def _service(port: Union[int, str, bytes]) -> bytes:
    return port if isinstance(port, bytes) else str(port).encode()


def _not_connected(code: int, address: Address) -> Exception:
    if code == _library.ETIMEDOUT:
        return Timedout(f"Timed out connecting to {address!r}")
    if code == _library.ENAME:
        return socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {address!r}")
    if code == errno.EAGAIN and isinstance(address, tuple):
        return socket.gaierror(socket.EAI_AGAIN, f"Temporary failure in name resolution: {address!r}")
    if code == _library.EINVAL and not isinstance(address, tuple):
        return _at(errno.ENAMETOOLONG if address else errno.EINVAL, address)
    return _at(code, address) if code > 0 else _failure(code)
