# SPDX-License-Identifier: Apache-2.0
import http.server
import socket
import socketserver
import threading
from xmlrpc.server import SimpleXMLRPCRequestHandler

import pytest
import servers
from cothread import Event, Spawn, Yield, coserver, cosocket


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


@pytest.fixture
def serving():
    """Starts a server whose serve_forever is a task, and ends it after the test."""
    running = []

    def serve(kind, handler, **more):
        server = kind(("127.0.0.1", 0), handler, **more)
        running.append((server, Spawn(server.serve_forever, raise_on_wait=True)))
        return server

    yield serve
    for server, task in running:
        server.shutdown()
        task.Wait(60)
        server.server_close()


def ask(server, text=b"hello\n"):
    with cosocket.create_connection(server.server_address, 60) as sock, sock.makefile("rwb") as file:
        file.write(text)
        file.flush()
        return file.readline()


def get(server, path):
    with cosocket.create_connection(server.server_address, 60) as sock, sock.makefile("rb") as file:
        sock.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path)
        return file.read()


def together(count):
    """A gate that opens when so many have come."""
    opened = Event(auto_reset=False)
    come = []

    def gate():
        come.append(1)
        if len(come) == count:
            opened.Signal()
        opened.Wait(60)

    return gate


def test_requests_are_handled_one_after_the_other(serving):
    server = serving(coserver.TCPServer, Echo)
    tasks = [Spawn(ask, server, raise_on_wait=True) for _ in range(5)]
    assert [task.Wait(60) for task in tasks] == [b"HELLO\n"] * 5


def test_the_mix_in_handles_a_hundred_at_a_time(serving):
    class Server(coserver.CoThreadingHTTPServer):
        request_queue_size = 100
        crowd = servers.Crowd(together(100))

    server = serving(Server, servers.HTTPHandler)
    tasks = [Spawn(get, server, b"/%d" % number, raise_on_wait=True) for number in range(100)]
    for number, task in enumerate(tasks):
        assert task.Wait(60).endswith(b"\r\n\r\n" + b"/%d" % number * 1000)
    assert Server.crowd.most == 100


def test_datagrams_are_answered(serving):
    class Answer(socketserver.DatagramRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.read()[::-1])

    server = serving(coserver.CoThreadingUDPServer, Answer)
    with cosocket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(60)
        sock.sendto(b"abc", server.server_address)
        assert sock.recv(100) == b"cba"


def test_xml_rpc_is_served(serving):
    server = serving(coserver.CoThreadingXMLRPCServer, SimpleXMLRPCRequestHandler, logRequests=False)
    server.register_function(lambda a, b: a + b, "add")
    body = (
        b"<?xml version='1.0'?><methodCall><methodName>add</methodName><params>"
        b"<param><value><int>2</int></value></param><param><value><int>3</int></value></param></params></methodCall>"
    )
    with cosocket.create_connection(server.server_address, 60) as sock, sock.makefile("rb") as file:
        sock.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        assert b"<int>5</int>" in file.read()


def test_a_handler_that_raises_is_reported_and_the_server_goes_on(serving, capsys):
    class Failing(socketserver.BaseRequestHandler):
        def handle(self):
            raise ValueError("no")

    server = serving(coserver.CoThreadingTCPServer, Failing)
    assert ask(server, b"") == ask(server, b"") == b""
    assert capsys.readouterr().err.count("ValueError: no") == 2


def test_shutdown_ends_serving_from_a_task_a_handler_or_a_thread():
    class Ending(socketserver.BaseRequestHandler):
        def handle(self):
            self.server.shutdown()

    for kind in (coserver.TCPServer, coserver.CoThreadingTCPServer):
        with kind(("127.0.0.1", 0), Ending) as server:
            task = Spawn(server.serve_forever)
            assert ask(server, b"") == b""
            task.Wait(60)
            task = Spawn(server.serve_forever)
            Yield()
            thread = threading.Thread(target=server.shutdown)
            thread.start()
            task.Wait(60)
            thread.join(60)
            server.shutdown()  # it serves nobody: the next serve_forever ends at once
            server.serve_forever()


def test_one_request_is_handled_or_times_out():
    class Server(coserver.TCPServer):
        timed_out = 0

        def handle_timeout(self):
            self.timed_out += 1

    with Server(("127.0.0.1", 0), Echo) as server:
        task = Spawn(server.handle_request)
        assert ask(server) == b"HELLO\n"
        task.Wait(60)
        server.timeout = 0.001
        server.handle_request()
        assert server.timed_out == 1


def test_service_actions_are_called_while_nobody_comes(serving):
    class Server(coserver.TCPServer):
        def serve_forever(self):
            super().serve_forever(0.001)

        def service_actions(self):
            called.Signal()

    called = Event()
    serving(Server, Echo)
    called.Wait(60)
    called.Wait(60)


def test_the_classes_are_the_standard_librarys_and_failing_to_bind_leaves_nothing_open():
    with coserver.HTTPServer(("127.0.0.1", 0), servers.HTTPHandler) as server:
        assert isinstance(server, http.server.HTTPServer)
        assert type(server.socket) is cosocket.socket
        assert server.server_port == server.socket.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            coserver.TCPServer(server.server_address, Echo)
