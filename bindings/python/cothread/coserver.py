# SPDX-License-Identifier: Apache-2.0
"""The servers of socketserver, http.server and xmlrpc.server, which suspend their task instead of the thread.

serve_forever runs in a task. Requests are handled one after the other in it, or by a task each with CoThreadingMixIn.
"""

import http.server
import socketserver
import xmlrpc.server
from typing import Any, Callable, Optional

from ._callbacks import CallbackResult
from ._events import Event
from ._offload import offload
from ._scheduler import Spawn, current_task
from ._standard import in_task
from ._wait import wait
from .cosocket import socket

__all__ = [
    "BaseServer",
    "CoThreadingHTTPServer",
    "CoThreadingMixIn",
    "CoThreadingTCPServer",
    "CoThreadingUDPServer",
    "CoThreadingXMLRPCServer",
    "HTTPServer",
    "TCPServer",
    "UDPServer",
    "XMLRPCServer",
    "test",
]


class BaseServer(socketserver.BaseServer):
    socket: Any

    def __init__(self, server_address: Any, RequestHandlerClass: Any) -> None:
        super().__init__(server_address, RequestHandlerClass)
        self._stop = Event(auto_reset=False)
        self._ended = Event(auto_reset=False)
        self._ended.Signal()
        self._server: Any = None  # the task that serves

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Handles requests until shutdown. service_actions is called after each, and every poll_interval if somebody
        gave it something to do."""
        idle = type(self).service_actions is socketserver.BaseServer.service_actions
        items: list[Any] = [(self, "r"), self._stop]
        self._ended.Reset()
        self._server = current_task()
        try:
            while not self._stop:
                fired = wait(items, None if idle else poll_interval)
                if self._stop:
                    break
                if fired:
                    self._handle_request_noblock()  # type: ignore[attr-defined]
                self.service_actions()
        finally:
            self._server = None
            self._stop.Reset()
            self._ended.Signal()

    def shutdown(self) -> None:
        """Ends serve_forever, and waits for its end unless it is called by it. From any thread."""
        if not in_task():
            CallbackResult(self.shutdown)
            return
        self._stop.Signal()
        if self._server is not current_task():
            self._ended.Wait()

    def handle_request(self) -> None:
        """Handles one request; after `timeout` of the server or of its socket calls handle_timeout."""
        limits = [limit for limit in (self.timeout, self.socket.gettimeout()) if limit is not None]
        items: list[Any] = [(self, "r")]
        if wait(items, min(limits, default=None)):
            self._handle_request_noblock()  # type: ignore[attr-defined]
        else:
            self.handle_timeout()


class _Bound(BaseServer):
    """What TCPServer and its kind do with their socket."""

    def __init__(self, server_address: Any, RequestHandlerClass: Any, bind_and_activate: bool = True) -> None:
        # Not by super(): that one would bind the standard library's socket.
        BaseServer.__init__(self, server_address, RequestHandlerClass)
        self.socket = socket(self.address_family, self.socket_type)
        if bind_and_activate:
            try:
                self.server_bind()
                self.server_activate()
            except BaseException:
                self.server_close()
                raise

    address_family: int
    socket_type: int
    server_bind: Callable[[], None]


class TCPServer(_Bound, socketserver.TCPServer):
    pass


class UDPServer(_Bound, socketserver.UDPServer):
    pass


class HTTPServer(_Bound, http.server.HTTPServer):
    def server_bind(self) -> None:
        offload(http.server.HTTPServer.server_bind, self)  # looks up the host's full name


class XMLRPCServer(_Bound, xmlrpc.server.SimpleXMLRPCServer):
    def __init__(
        self,
        addr: Any,
        requestHandler: Any = xmlrpc.server.SimpleXMLRPCRequestHandler,
        logRequests: bool = True,
        allow_none: bool = False,
        encoding: Optional[str] = None,
        bind_and_activate: bool = True,
        use_builtin_types: bool = False,
    ) -> None:
        self.logRequests = logRequests
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self, allow_none, encoding, use_builtin_types)
        _Bound.__init__(self, addr, requestHandler, bind_and_activate)


class CoThreadingMixIn:
    """A task for each request."""

    finish_request: Callable[[Any, Any], None]
    handle_error: Callable[[Any, Any], None]
    shutdown_request: Callable[[Any], None]

    def process_request(self, request: Any, client_address: Any) -> None:
        Spawn(self._process_request, request, client_address)

    def _process_request(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class CoThreadingTCPServer(CoThreadingMixIn, TCPServer):
    pass


class CoThreadingUDPServer(CoThreadingMixIn, UDPServer):
    pass


class CoThreadingHTTPServer(CoThreadingMixIn, HTTPServer):
    pass


class CoThreadingXMLRPCServer(CoThreadingMixIn, XMLRPCServer):
    pass


def test(
    HandlerClass: Any = http.server.SimpleHTTPRequestHandler, ServerClass: Any = CoThreadingHTTPServer, port: int = 8000
) -> None:
    """Serves the current directory by HTTP until Ctrl-C."""
    with ServerClass(("", port), HandlerClass) as server:
        print("Serving HTTP on port", server.server_address[1])
        server.serve_forever()
