# SPDX-License-Identifier: Apache-2.0
"""The standard library's TLS sockets, whose calls suspend the calling task instead of the thread."""

import _socket
import socket as _standard_socket
import ssl
from typing import Any, Optional

from ._scheduler import deadline_after
from .cosocket import _POLLIN, _POLLOUT, socket


class SSLSocket(ssl.SSLSocket, socket):  # type: ignore[misc]
    """What wrap_socket of a context makes whose `sslsocket_class` this is."""

    def _took_timeout(self) -> None:
        self._timeout = _socket.socket.gettimeout(self)
        if self._timeout != 0:  # also without one: OpenSSL asks the descriptor whether it may wait
            _socket.socket.settimeout(self, 0.0)

    def _finish(self, text: str, waits: bool, timeout: Optional[float], call: Any, *arguments: Any) -> Any:
        """Makes a call of OpenSSL's until it does not have to wait."""
        deadline = None
        begun = False
        while True:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                if not waits:
                    raise
                events = _POLLIN
            except ssl.SSLWantWriteError:
                if not waits:
                    raise
                events = _POLLOUT
            if not begun:
                deadline = deadline_after(timeout)
                begun = True
            self._wait(events, deadline, text)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        text = "The read operation timed out"
        return self._finish(text, self._timeout != 0, self._timeout, super().read, len, buffer)

    def write(self, data: Any) -> int:
        text = "The write operation timed out"
        return int(self._finish(text, self._timeout != 0, self._timeout, super().write, data))

    def send(self, data: Any, flags: int = 0) -> int:
        text = "The write operation timed out"
        return int(self._finish(text, self._timeout != 0, self._timeout, super().send, data, flags))

    def do_handshake(self, block: bool = False) -> None:
        self._check_connected()  # type: ignore[attr-defined]
        waits = block or self._timeout != 0
        timeout = self._timeout or None
        handshake = self._sslobj.do_handshake  # type: ignore[attr-defined]
        self._finish("The handshake operation timed out", waits, timeout, handshake)

    def unwrap(self) -> _standard_socket.socket:
        text = "The read operation timed out"
        return self._finish(text, self._timeout != 0, self._timeout, super().unwrap)  # type: ignore[no-any-return]


def ssl_hook() -> None:
    """Has ssl.SSLContext.wrap_socket make sockets that suspend tasks, whatever socket it is given."""
    ssl.SSLContext.sslsocket_class = SSLSocket
