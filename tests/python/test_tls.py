# SPDX-License-Identifier: Apache-2.0
import errno
import os
import socket as standard
import ssl
import threading

import pytest
import tls
from cothread import Spawn, Yield, cosocket

LARGE = os.urandom(1 << 20)


@pytest.fixture
def contexts():
    server, client = tls.contexts()
    server.sslsocket_class = client.sslsocket_class = cosocket.SSLSocket
    return server, client


@pytest.fixture
def pair(contexts):
    """A client's and a server's end after the handshake."""
    server, client = contexts
    a, b = cosocket.socketpair()
    task = Spawn(server.wrap_socket, b, server_side=True, raise_on_wait=True)
    with client.wrap_socket(a, server_hostname="localhost") as wrapped, task.Wait(60) as accepted:
        yield wrapped, accepted


def spawn(function, *args, **kargs):
    task = Spawn(function, *args, raise_on_wait=True, **kargs)
    Yield()
    return task


def test_both_ends_of_a_handshake_are_tasks_of_one_thread(pair):
    client, server = pair
    assert type(client) is type(server) is cosocket.SSLSocket
    assert isinstance(client, ssl.SSLSocket)
    assert client.version() == server.version() != None  # noqa: E711
    assert client.getpeercert()["subject"] == ((("commonName", "localhost"),),)
    assert client.gettimeout() is None
    assert client.getblocking()


def test_receiving_and_sending_wait(pair):
    client, server = pair
    task = spawn(server.recv, 10)
    assert not task
    client.sendall(b"hello")
    assert task.Wait(60) == b"hello"
    writer = spawn(client.sendall, LARGE)
    assert not writer
    data = bytearray()
    while len(data) < len(LARGE):
        room = bytearray(65536)
        data += room[: server.recv_into(room)]
    assert data == LARGE
    writer.Wait(60)


def test_what_openssl_read_ahead_is_pending_and_received_without_waiting(pair):
    client, server = pair
    client.sendall(b"abcdef")
    assert server.recv(2) == b"ab"
    assert server.pending() == 4
    assert server.recv(10) == b"cdef"


def test_files_read_lines(pair):
    client, server = pair
    with server.makefile("rb") as lines:
        task = spawn(lines.readline)
        client.sendall(b"one\ntwo\n")
        assert task.Wait(60) == b"one\n"
        assert lines.readline() == b"two\n"


def test_timeouts_are_the_standard_librarys(pair):
    client, server = pair
    client.settimeout(0.01)
    with pytest.raises(standard.timeout, match="The read operation timed out"):
        client.recv(1)
    with pytest.raises(standard.timeout, match="The write operation timed out"):
        while True:
            client.sendall(LARGE)
    server.setblocking(False)
    assert server.gettimeout() == 0
    with pytest.raises(ssl.SSLWantReadError):
        while True:
            server.recv(65536)


def test_a_handshake_times_out(contexts):
    _, context = contexts
    a, b = cosocket.socketpair()
    a.settimeout(0.01)
    with b, pytest.raises(standard.timeout, match="The handshake operation timed out"):
        context.wrap_socket(a, server_hostname="localhost")


def test_a_certificate_for_another_name_is_refused_at_both_ends(contexts):
    server, client = contexts
    a, b = cosocket.socketpair()
    task = spawn(server.wrap_socket, b, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        client.wrap_socket(a, server_hostname="example.com")
    with pytest.raises(OSError):
        task.Wait(60)
    assert a.fileno() == b.fileno() == -1


def test_unwrapping_leaves_a_plain_socket_that_waits(pair):
    client, server = pair
    task = spawn(server.unwrap)
    plain = client.unwrap()
    other = task.Wait(60)
    task = spawn(other.recv, 10)
    assert not task
    plain.sendall(b"in the clear")
    assert task.Wait(60) == b"in the cle"


def test_the_end_of_the_peer_is_the_end_of_the_file(pair):
    client, server = pair
    server.send(b"x")
    assert client.recv(1) == b"x"  # and with it all that came before: else closing is a reset
    task = spawn(server.recv, 1)
    client.close()
    assert task.Wait(60) == b""


def test_closing_ends_the_waits_of_other_tasks(pair):
    client, _ = pair
    task = spawn(client.recv, 1)
    client.close()
    with pytest.raises(OSError) as raised:
        task.Wait(60)
    assert raised.value.errno == errno.EBADF


def test_a_socket_is_wrapped_first_and_connected_then(contexts):
    server, client = contexts
    with server.wrap_socket(cosocket.create_server(("127.0.0.1", 0)), server_side=True) as listener:
        task = spawn(listener.accept)
        with client.wrap_socket(cosocket.socket(), server_hostname="127.0.0.1") as sock:
            sock.connect(listener.getsockname())
            accepted, address = task.Wait(60)
            with accepted:
                assert address == sock.getsockname()
                assert type(accepted) is cosocket.SSLSocket
                sock.send(b"x")
                assert accepted.recv(1) == b"x"


def test_a_plain_socket_may_be_wrapped_and_threads_may_talk(contexts):
    server, client = tls.contexts()[0], contexts[1]
    a, b = standard.socketpair()
    a.settimeout(60)
    told = []

    def serve():
        with server.wrap_socket(b, server_side=True) as sock:
            told.append(sock.recv(100))
            sock.sendall(b"from a thread")

    thread = threading.Thread(target=serve)
    thread.start()
    with client.wrap_socket(a, server_hostname="localhost") as sock:
        assert sock.gettimeout() == 60
        sock.sendall(b"from a task")
        assert sock.recv(100) == b"from a thread"
    thread.join()
    assert told == [b"from a task"]


def test_a_hundred_handshakes_at_a_time(contexts):
    server, client = contexts

    def serve(sock):
        with server.wrap_socket(sock, server_side=True) as wrapped:
            for line in wrapped.makefile("rb"):
                wrapped.sendall(line)

    def ask(sock, number):
        with client.wrap_socket(sock, server_hostname="localhost") as wrapped, wrapped.makefile("rwb") as file:
            for turn in range(3):
                file.write(b"%d %d\n" % (number, turn))
                file.flush()
                assert file.readline() == b"%d %d\n" % (number, turn)

    tasks = []
    for number in range(100):
        a, b = cosocket.socketpair()
        tasks += [Spawn(serve, b, raise_on_wait=True), Spawn(ask, a, number, raise_on_wait=True)]
    for task in tasks:
        task.Wait(60)
