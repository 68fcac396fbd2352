# SPDX-License-Identifier: Apache-2.0
"""The standard library's sockets, whose calls suspend the calling task instead of the thread.

A call tries without waiting, then waits for the descriptor and tries again. Nothing is read ahead, and the descriptor
blocks or not as the standard library would have it: so fileno, dup, detach, MSG_PEEK, select and ssl see what they
expect. In other threads these sockets block, as the standard library's do.
"""

import _socket
import errno
import os
import socket as _standard_socket
from _thread import get_ident
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from ._offload import Pool, offload
from ._scheduler import (
    NOWHERE,
    Task,
    current_task,
    deadline_after,
    disarm,
    inside,
    ready,
    rouse,
    scheduler_thread_id,
    settle,
    wait_descriptor,
)
from ._standard import block, in_task, replace

if TYPE_CHECKING:
    from ._tls import SSLSocket as SSLSocket

__all__ = ["create_connection", "create_server", "fromfd", "socket", "socket_hook", "socketpair"]

_POLLIN = 1
_POLLOUT = 4
_POLLNVAL = 32

# With these flags a socket without a timeout does not wait.
_NEVER_WAITS = _socket.MSG_DONTWAIT | _socket.MSG_ERRQUEUE | _socket.MSG_OOB
_DONTWAIT = _socket.MSG_DONTWAIT

timeout = _socket.timeout


# ---- Names


_names = Pool()  # its own: names that are not found for long delay nothing else


def _numeric(host: Any) -> bool:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
        except (OSError, TypeError, ValueError):
            continue
        return True
    return False


def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
    """socket.getaddrinfo, on a thread unless it is a task that does not call, or there is no name to look up."""
    if host is None or not in_task() or _numeric(host):
        return _getaddrinfo(host, port, family, type, proto, flags)
    return offload(_getaddrinfo, host, port, family, type, proto, flags, pool=_names)


def gethostbyname(hostname: Any) -> str:
    return _look_up(_socket.gethostbyname, hostname)  # type: ignore[no-any-return]


def gethostbyname_ex(hostname: Any) -> Any:
    return _look_up(_socket.gethostbyname_ex, hostname)


def gethostbyaddr(ip_address: Any) -> Any:
    return _look_up(_socket.gethostbyaddr, ip_address)


def getnameinfo(sockaddr: Any, flags: int) -> Any:
    return _look_up(_socket.getnameinfo, sockaddr, flags)


_getaddrinfo = _standard_socket.getaddrinfo


def _look_up(function: Any, *arguments: Any) -> Any:
    return offload(function, *arguments, pool=_names) if in_task() else function(*arguments)


# ---- Sockets


def _wait_in_task(me: Task, sock: "socket", fd: int, events: int, deadline: Optional[int]) -> int:
    if me.queue is not None and not settle(me):
        return int(inside(me, _wait_in_task, sock, fd, events, deadline))
    try:
        sock._waiters.append(me)
        return wait_descriptor(me, fd, events, deadline)
    finally:
        while me in sock._waiters:
            sock._waiters.remove(me)


class socket(_standard_socket.socket):
    """socket.socket for tasks. What it waits for ends with OSError (EBADF) when another task closes it."""

    # The socket's own timeout is None or 0, as the descriptor's O_NONBLOCK: it never waits itself. This is the user's.
    _timeout: Optional[float]
    _waiters: "list[Task]"

    def __init__(
        self,
        family: int = -1,
        type: int = -1,
        proto: int = -1,
        fileno: Optional[int] = None,
        _sock: "Optional[_standard_socket.socket]" = None,
    ) -> None:
        self._waiters = []
        if _sock is not None:
            super().__init__(_sock.family, _sock.type, _sock.proto, _sock.fileno())
            self.settimeout(_sock.gettimeout())
            _sock.detach()
            return
        super().__init__(family, type, proto, fileno)
        self._took_timeout()

    def _took_timeout(self) -> None:
        self._timeout = _socket.socket.gettimeout(self)
        if self._timeout:
            _socket.socket.settimeout(self, 0.0)

    def settimeout(self, value: Optional[float], /) -> None:
        _socket.socket.settimeout(self, value)
        self._took_timeout()

    def setblocking(self, flag: bool, /) -> None:
        _socket.socket.setblocking(self, flag)
        self._took_timeout()

    def gettimeout(self) -> Optional[float]:
        return self._timeout

    def getblocking(self) -> bool:
        return self._timeout != 0

    @property
    def timeout(self) -> Optional[float]:
        return self._timeout

    # -- Waiting

    def _waits(self, flags: int) -> bool:
        """Whether a call with these flags waits."""
        return self._timeout != 0 and not (self._timeout is None and flags & _NEVER_WAITS)

    def _wait(self, events: int, deadline: Optional[int], text: str = "timed out") -> None:
        """Waits for the descriptor. After the deadline: TimeoutError; if it was closed meanwhile, OSError."""
        fd = self.fileno()
        found = _wait_in_task(current_task(), self, fd, events, deadline) if in_task() else block(fd, events, deadline)
        if self.fileno() < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not found:
            raise timeout(text)

    def _start(self) -> None:
        """The descriptor goes: ends the waits for it."""
        for task in self._waiters:
            if task.armed and task.queue is NOWHERE:  # it waits for a descriptor
                task.events = _POLLNVAL
                ready.append(task)
                disarm(task)

    def _gone(self) -> None:
        if self._waiters:
            if get_ident() == scheduler_thread_id:
                self._start()
            else:
                rouse(self)

    # Before and after: a signal handler that raises in between leaves nobody who waits on, and what another thread
    # closes is waited for again until it is closed.

    def _real_close(self) -> None:
        self._gone()
        super()._real_close()  # type: ignore[misc]
        self._gone()

    def detach(self) -> int:
        self._gone()
        fd = super().detach()
        self._gone()
        return fd

    def _try(self, events: int, flags: int, call: Any, *arguments: Any) -> Any:
        """Makes a call of the standard socket's until it does not have to wait."""
        try:
            return call(self, *arguments)
        except BlockingIOError:
            if not self._waits(flags):
                raise
        deadline = deadline_after(self._timeout)
        while True:
            self._wait(events, deadline)
            try:
                return call(self, *arguments)
            except BlockingIOError:
                pass

    # -- Receiving

    def _waits_for_all(self, flags: int) -> bool:
        return (
            bool(flags & _socket.MSG_WAITALL)
            and self._timeout is None
            and not flags & (_NEVER_WAITS | _socket.MSG_PEEK)
            and self.type == _socket.SOCK_STREAM
        )

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if flags and self._waits_for_all(flags):
            data = bytearray(bufsize)
            del data[self.recv_into(data, bufsize, flags) :]
            return bytes(data)
        return self._try(_POLLIN, flags, _recv, bufsize, flags | _DONTWAIT)  # type: ignore[no-any-return]

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if not (flags and self._waits_for_all(flags)):
            return self._try(_POLLIN, flags, _recv_into, buffer, nbytes, flags | _DONTWAIT)  # type: ignore[no-any-return]
        flags &= ~_socket.MSG_WAITALL
        received = 0
        with memoryview(buffer) as view, view.cast("B") as room:
            wanted = nbytes or len(room)
            while True:
                try:
                    more = self.recv_into(room[received:], wanted - received, flags)
                except OSError:
                    if received:
                        break  # what came is told first, and the error by the next call
                    raise
                received += more
                if not more or received == wanted:
                    break
        return received

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> Any:
        return self._try(_POLLIN, flags, _recvfrom, bufsize, flags | _DONTWAIT)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
        return self._try(_POLLIN, flags, _recvfrom_into, buffer, nbytes, flags | _DONTWAIT)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        return self._try(_POLLIN, flags, _recvmsg, bufsize, ancbufsize, flags | _DONTWAIT)

    def recvmsg_into(self, buffers: "Iterable[Any]", ancbufsize: int = 0, flags: int = 0, /) -> Any:
        buffers = list(buffers)
        return self._try(_POLLIN, flags, _recvmsg_into, buffers, ancbufsize, flags | _DONTWAIT)

    # -- Sending

    def _send_rest(self, data: Any, sent: int, flags: int, deadline: Optional[int]) -> int:
        """Sends what comes after the first `sent` bytes."""
        with memoryview(data) as view, view.cast("B") as octets:
            while sent < len(octets):
                try:
                    with octets[sent:] as rest:
                        sent += _send(self, rest, flags | _DONTWAIT)
                except BlockingIOError:
                    if not self._waits(flags):
                        raise
                    self._wait(_POLLOUT, deadline)
        return sent

    def _whole(self, data: Any, sent: int, flags: int) -> int:
        """A call on a stream that blocks returns when everything was taken, or an error comes after a part of it."""
        with memoryview(data) as view:
            total = view.nbytes
        if sent < total and self._timeout is None and self._waits(flags):
            try:
                self._send_rest(data, sent, flags, None)
            except OSError:
                return sent
            return total
        return sent

    def send(self, data: Any, flags: int = 0, /) -> int:
        return self._whole(data, self._try(_POLLOUT, flags, _send, data, flags | _DONTWAIT), flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        deadline = deadline_after(self._timeout)
        sent = 0
        while True:  # an empty datagram is sent, too
            try:
                sent = _send(self, data, flags | _DONTWAIT)
                break
            except BlockingIOError:
                if not self._waits(flags):
                    raise
            self._wait(_POLLOUT, deadline)
        self._send_rest(data, sent, flags, deadline)

    def sendto(self, data: Any, *where: Any) -> int:
        flags = where[0] if len(where) == 2 else 0
        if not where or len(where) > 2 or not isinstance(flags, int):
            return int(_sendto(self, data, *where))  # which says what is wrong
        address = self._resolved(where[-1])
        return self._whole(data, self._try(_POLLOUT, flags, _sendto, data, flags | _DONTWAIT, address), flags)

    def sendmsg(
        self, buffers: "Iterable[Any]", ancdata: "Iterable[Any]" = (), flags: int = 0, address: Any = None, /
    ) -> int:
        buffers = list(buffers)
        if address is not None:
            address = self._resolved(address)
        sent: int = self._try(_POLLOUT, flags, _sendmsg, buffers, list(ancdata), flags | _DONTWAIT, address)
        if self._timeout is None and self._waits(flags):
            return self._whole(b"".join(buffers) if len(buffers) != 1 else buffers[0], sent, flags)
        return sent

    def sendmsg_afalg(
        self, msg: "Iterable[Any]" = (), *, op: int, iv: Any = None, assoclen: Any = None, flags: int = 0
    ) -> int:
        more = {name: value for name, value in (("iv", iv), ("assoclen", assoclen)) if value is not None}
        msg = list(msg)

        def call(me: socket) -> int:
            return _socket.socket.sendmsg_afalg(me, msg, op=op, flags=flags | _DONTWAIT, **more)

        return self._try(_POLLOUT, flags, call)  # type: ignore[no-any-return]

    def sendfile(self, file: Any, offset: int = 0, count: Optional[int] = None) -> int:
        return self._sendfile_use_send(file, offset, count)  # type: ignore[attr-defined,no-any-return]

    # -- Connecting

    def _without_blocking(self, call: Any, *arguments: Any) -> Any:
        """For calls that have no MSG_DONTWAIT."""
        if _socket.socket.gettimeout(self) is not None:
            return call(self, *arguments)
        _socket.socket.settimeout(self, 0.0)
        try:
            return call(self, *arguments)
        finally:
            if self.fileno() >= 0:
                _socket.socket.settimeout(self, None)

    def accept(self) -> "tuple[socket, Any]":
        fd, address = self._try(_POLLIN, 0, _try_accept)
        accepted = socket(self.family, self.type, self.proto, fd)
        if _standard_socket.getdefaulttimeout() is None and self._timeout:
            accepted.setblocking(True)  # as the standard library: whatever the listener's timeout
        return accepted, address

    def bind(self, address: Any, /) -> None:
        super().bind(self._resolved(address))

    def connect(self, address: Any, /) -> None:
        code = self._connect(address)
        if code:
            raise OSError(code, os.strerror(code))

    def connect_ex(self, address: Any, /) -> int:
        try:
            return self._connect(address)
        except timeout:
            return errno.EAGAIN

    def _connect(self, address: Any) -> int:
        address = self._resolved(address)
        code: int = self._without_blocking(_connect_ex, address)
        if code == errno.EAGAIN and self._timeout is None and in_task():
            # The backlog of a Unix socket is full, and nothing reports when it has room: a thread waits.
            return offload(_connect_ex, self, address)
        if code != errno.EINPROGRESS or self._timeout == 0:
            return code
        self._wait(_POLLOUT, deadline_after(self._timeout))
        code = self.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        return 0 if code == errno.EISCONN else code

    def _resolved(self, address: Any) -> Any:
        """The address with its host looked up by another thread."""
        family = self.family
        if (
            family not in (_socket.AF_INET, _socket.AF_INET6)
            or not isinstance(address, tuple)
            or len(address) < 2
            or not isinstance(address[0], (str, bytes, bytearray))
            or address[0] in ("", b"", "<broadcast>", b"<broadcast>")
            or _numeric(address[0])
            or not in_task()
        ):
            return address
        found = offload(_getaddrinfo, address[0], None, family, pool=_names)
        return (str(found[0][4][0]).partition("%")[0], *address[1:])


cosocket = socket

_recv = _socket.socket.recv
_recv_into = _socket.socket.recv_into
_recvfrom = _socket.socket.recvfrom
_recvfrom_into = _socket.socket.recvfrom_into
_recvmsg = _socket.socket.recvmsg
_recvmsg_into = _socket.socket.recvmsg_into
_send = _socket.socket.send
_sendto: Any = _socket.socket.sendto
_sendmsg = _socket.socket.sendmsg
_accept: Any = _socket.socket._accept  # type: ignore[attr-defined]
_connect_ex = _socket.socket.connect_ex


def _try_accept(me: socket) -> Any:
    return me._without_blocking(_accept)


def socketpair(
    family: Optional[int] = None, type: int = _socket.SOCK_STREAM, proto: int = 0
) -> "tuple[socket, socket]":
    a, b = _standard_socket.socketpair(family, type, proto)
    return socket(_sock=a), socket(_sock=b)


def fromfd(fd: int, family: int, type: int, proto: int = 0) -> socket:
    return socket(family, type, proto, _socket.dup(fd))


def create_server(address: Any, **options: Any) -> socket:
    """socket.create_server: family, backlog, reuse_port, dualstack_ipv6."""
    return socket(_sock=_standard_socket.create_server(address, **options))


_DEFAULT: Any = object()


def create_connection(
    address: "tuple[Any, Any]",
    timeout: Optional[float] = _DEFAULT,
    source_address: Any = None,
    *,
    all_errors: bool = False,
) -> socket:
    """socket.create_connection: tries the host's addresses, one after the other."""
    host, port = address
    errors: list[Exception] = []
    for family, type, proto, _, to in getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        made = None
        try:
            made = socket(family, type, proto)
            if timeout is not _DEFAULT:
                made.settimeout(timeout)
            if source_address:
                made.bind(source_address)
            made.connect(to)
            errors.clear()  # their tracebacks hold this frame
            return made
        except BaseException as error:
            if made is not None:
                made.close()
            if not isinstance(error, OSError):
                raise
            if not all_errors:
                errors.clear()
            errors.append(error)
    try:
        if not errors:
            raise OSError("getaddrinfo returns an empty list")
        if all_errors:
            raise ExceptionGroup("create_connection failed", errors)  # type: ignore[name-defined,unused-ignore]  # noqa: F821
        raise errors[0]
    finally:
        errors.clear()


def socket_hook() -> None:
    """Puts these sockets in the place of socket.socket, and with it of all that the module socket makes."""
    replace("socket_hook", _standard_socket, {"socket": socket}, also=("ssl",))


def __getattr__(name: str) -> Any:
    if name == "SSLSocket":  # ssl is a large module, and not everybody needs it
        from ._tls import SSLSocket

        return SSLSocket
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
