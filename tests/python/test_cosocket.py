# SPDX-License-Identifier: Apache-2.0
import array
import contextlib
import errno
import io
import os
import select
import socket as standard
import threading

import cothread
import pytest
from cothread import Event, Sleep, Spawn, WaitForAll, Yield, cosocket

LOOPBACK = ("127.0.0.1", 0)
LARGE = os.urandom(1 << 20)  # more than the buffers of a socket hold


@pytest.fixture
def pair():
    a, b = cosocket.socketpair()
    with a, b:
        yield a, b


@pytest.fixture
def listener():
    with cosocket.create_server(LOOPBACK) as made:
        yield made


@pytest.fixture
def tcp(listener):
    task = Spawn(listener.accept)
    with cosocket.create_connection(listener.getsockname(), timeout=60) as client:
        client.settimeout(None)
        server, _ = task.Wait(60)
        with server:
            yield client, server


def spawn(function, *args):
    """A task that has come to its first wait."""
    task = Spawn(function, *args, raise_on_wait=True)
    Yield()
    return task


def received(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more
        data += more
    return data


# ---- What waits


def test_it_is_a_socket_of_the_standard_library(pair):
    a, _ = pair
    assert cothread.socket is cosocket.socket is cosocket.cosocket
    assert isinstance(a, standard.socket)
    assert repr(a).startswith("<cothread.cosocket.socket fd=")


def test_recv_suspends_its_task_only(pair):
    a, b = pair
    task = spawn(a.recv, 10)
    assert not task
    b.send(b"hello")
    assert task.Wait(60) == b"hello"


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (lambda s: s.recv(9), b"data"),
        (lambda s: s.recvfrom(9)[0], b"data"),
        (lambda s: (lambda room: (s.recv_into(room), bytes(room)))(bytearray(4)), (4, b"data")),
        (lambda s: (lambda room: (s.recv_into(room, 2), bytes(room)))(bytearray(4)), (2, b"da\0\0")),
        (lambda s: (lambda room: (s.recvfrom_into(room)[0], bytes(room)))(bytearray(4)), (4, b"data")),
        (lambda s: s.recvmsg(9)[0], b"data"),
        (lambda s: (lambda room: (s.recvmsg_into(iter([room]))[0], bytes(room)))(bytearray(4)), (4, b"data")),
        (lambda s: s.recv(9, standard.MSG_PEEK) + s.recv(9), b"datadata"),
        (lambda s: s.makefile("rb").read(4), b"data"),
    ],
)
def test_each_way_to_receive_waits(pair, call, result):
    a, b = pair
    task = spawn(call, a)
    assert not task
    b.sendall(b"data")
    assert task.Wait(60) == result


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.sendall(LARGE),
        lambda s: s.send(LARGE),
        lambda s: s.sendmsg(iter([LARGE[:5], LARGE[5:]])),
        lambda s: s.sendfile(io.BytesIO(LARGE)),
        lambda s: s.makefile("wb").write(LARGE),
    ],
)
@pytest.mark.parametrize("timeout", [None, 60])
def test_each_way_to_send_waits_for_room(pair, call, timeout):
    a, b = pair
    a.settimeout(timeout)
    task = spawn(call, a)
    sent = task.Wait(60) if task else None
    if sent is None:  # it waits: nobody has read
        data = received(b, len(LARGE))
        assert data == LARGE
        assert task.Wait(60) in (None, len(LARGE))
    else:
        assert timeout and 0 < sent < len(LARGE)  # send and sendmsg with a timeout may take a part


def test_sendfile_counts_and_moves_the_file(pair, tmp_path):
    a, b = pair
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    with open(path, "rb") as file:
        task = spawn(a.sendfile, file, 10, 300_000)
        assert received(b, 300_000) == LARGE[10:300_010]
        assert task.Wait(60) == 300_000
        assert file.tell() == 300_010


def test_waitall_fills_the_buffer_although_it_comes_in_parts(pair):
    a, b = pair
    task = spawn(a.recv, 6, standard.MSG_WAITALL)
    b.send(b"abc")
    Sleep(0.001)
    assert not task
    b.send(b"def")
    assert task.Wait(60) == b"abcdef"
    b.send(b"gh")
    task = spawn(a.recv, 6, standard.MSG_WAITALL)
    b.close()
    assert task.Wait(60) == b"gh"


def test_ancillary_data_and_flags_come_through(pair):
    a, b = pair
    r, w = os.pipe()
    task = spawn(a.recvmsg, 10, standard.CMSG_SPACE(4))
    b.sendmsg([b"fd"], [(standard.SOL_SOCKET, standard.SCM_RIGHTS, array.array("i", [r]))])
    data, ancillary, flags, _ = task.Wait(60)
    ((level, kind, numbers),) = ancillary
    assert (data, level, kind, flags & standard.MSG_CTRUNC) == (b"fd", standard.SOL_SOCKET, standard.SCM_RIGHTS, 0)
    (copy,) = array.array("i", numbers)
    os.write(w, b"x")
    assert os.read(copy, 1) == b"x"
    for fd in (r, w, copy):
        os.close(fd)


def test_datagrams_keep_their_borders_and_senders():
    with cosocket.socket(type=standard.SOCK_DGRAM) as a, cosocket.socket(type=standard.SOCK_DGRAM) as b:
        a.bind(LOOPBACK)
        b.bind(LOOPBACK)
        task = spawn(lambda: [a.recvfrom(100) for _ in range(3)])
        b.sendto(b"one", a.getsockname())
        b.sendto(b"", 0, a.getsockname())
        b.sendmsg([b"th", b"ree"], [], 0, a.getsockname())
        sender = b.getsockname()
        assert task.Wait(60) == [(b"one", sender), (b"", sender), (b"three", sender)]
        with pytest.raises(TypeError):
            b.sendto(b"x")


# ---- Connecting


def test_accept_and_connect_wait(listener):
    task = spawn(listener.accept)
    assert not task
    with cosocket.socket() as client:
        client.connect(listener.getsockname())
        server, address = task.Wait(60)
        with server:
            assert type(server) is cosocket.socket
            assert address == client.getsockname()
            assert server.gettimeout() is None


def test_a_refused_connection_raises_and_connect_ex_returns():
    with cosocket.socket() as free:
        free.bind(LOOPBACK)  # and does not listen
        with cosocket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(free.getsockname())
        with cosocket.socket() as client:
            assert client.connect_ex(free.getsockname()) == errno.ECONNREFUSED
        with pytest.raises(ConnectionRefusedError):
            cosocket.create_connection(free.getsockname())


def test_a_full_backlog_of_a_unix_socket_is_waited_for(tmp_path):
    path = str(tmp_path / "socket")
    with cosocket.socket(standard.AF_UNIX) as server:
        server.bind(path)
        server.listen(0)

        def client():
            with cosocket.socket(standard.AF_UNIX) as sock:
                sock.connect(path)
                return sock.recv(1)

        clients = [spawn(client) for _ in range(5)]
        for _ in clients:
            with server.accept()[0] as accepted:
                accepted.send(b"x")
        assert [task.Wait(60) for task in clients] == [b"x"] * 5


def test_names_are_looked_up_by_other_threads(listener, monkeypatch):
    here = threading.get_ident()
    asked = []
    answer = Event()

    def look_up(host, *arguments):
        asked.append((host, threading.get_ident() == here))
        cothread.Callback(answer.Signal)
        return real("127.0.0.1", *arguments)

    real = standard.getaddrinfo
    monkeypatch.setattr(cosocket, "_getaddrinfo", look_up)
    host, port = listener.getsockname()
    task = spawn(listener.accept)
    with cosocket.socket() as client:
        client.connect(("name.invalid", port))
    task.Wait(60)[0].close()
    with cosocket.socket() as numeric:
        numeric.connect((host, port))
    listener.accept()[0].close()
    assert asked == [("name.invalid", False)]
    answer.Wait(60)


def test_a_name_that_is_not_known_raises_as_the_standard_library():
    with cosocket.socket() as client, pytest.raises(standard.gaierror):
        client.connect(("name.invalid", 1))
    assert cosocket.getaddrinfo("127.0.0.1", 80, type=standard.SOCK_STREAM) == standard.getaddrinfo(
        "127.0.0.1", 80, type=standard.SOCK_STREAM
    )


# ---- Timeouts


def test_timeouts_are_told_as_they_were_set_and_as_the_standard_library_does():
    for value in (None, 0, 0.0, 5, 2.5):
        with cosocket.socket() as ours, standard.socket() as theirs:
            for sock in (ours, theirs):
                sock.settimeout(value)
            assert (ours.gettimeout(), ours.getblocking(), ours.timeout) == (
                theirs.gettimeout(),
                theirs.getblocking(),
                theirs.timeout,
            )
            assert os.get_blocking(ours.fileno()) == os.get_blocking(theirs.fileno())
            for flag in (True, False):
                for sock in (ours, theirs):
                    sock.setblocking(flag)
                assert (ours.gettimeout(), ours.getblocking()) == (theirs.gettimeout(), theirs.getblocking())
    with cosocket.socket() as ours:
        for wrong, error in ((-1, ValueError), ("x", TypeError)):
            with pytest.raises(error):
                ours.settimeout(wrong)


def test_the_default_timeout_is_taken():
    standard.setdefaulttimeout(7)
    try:
        with cosocket.socket() as sock:
            assert sock.gettimeout() == 7
    finally:
        standard.setdefaulttimeout(None)


def test_the_timeout_raises_what_the_standard_library_raises(tcp):
    client, _ = tcp
    client.settimeout(0.01)
    for call in (lambda: client.recv(1), lambda: client.sendall(LARGE * 20)):
        with pytest.raises(standard.timeout, match=r"^timed out$"):
            call()
    client.settimeout(0)
    with pytest.raises(BlockingIOError):
        client.recv(1)
    with pytest.raises(BlockingIOError):
        client.sendall(LARGE)
    client.settimeout(None)
    with pytest.raises(BlockingIOError):
        client.recv(1, standard.MSG_DONTWAIT)


def test_accept_times_out_or_does_not_block(listener):
    listener.settimeout(0.01)
    with pytest.raises(standard.timeout):
        listener.accept()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_connection_without_blocking_is_in_progress(listener):
    with cosocket.socket() as client:
        client.setblocking(False)
        assert client.connect_ex(listener.getsockname()) in (0, errno.EINPROGRESS)


def test_a_file_made_of_a_socket_times_out_once_and_for_all(pair):
    a, _ = pair
    a.settimeout(0.01)
    with a.makefile("rb") as file:
        with pytest.raises(standard.timeout):
            file.read(1)
        with pytest.raises(OSError, match="cannot read from timed out object"):
            file.read(1)


# ---- The descriptor tells the truth


def test_nothing_is_read_ahead(pair):
    a, b = pair
    b.send(b"abcdef")
    assert a.recv(2) == b"ab"
    assert a.recv(1, standard.MSG_PEEK) == b"c"
    assert select.select([a], [], [], 0) == ([a], [], [])
    with a.dup() as copy:
        assert type(copy) is cosocket.socket
        assert copy.recv(1) == b"c"
    assert os.read(a.fileno(), 1) == b"d"
    fd = a.detach()
    assert a.fileno() == -1
    assert os.get_blocking(fd)
    assert os.read(fd, 9) == b"ef"
    os.close(fd)


def test_fromfd_copies_and_sock_is_taken_over(pair):
    a, b = pair
    with cosocket.fromfd(a.fileno(), standard.AF_UNIX, standard.SOCK_STREAM) as copy:
        b.send(b"x")
        assert copy.recv(1) == b"x"
    plain, other = standard.socketpair()
    plain.settimeout(3)
    with other, cosocket.socket(_sock=plain) as taken:
        assert plain.fileno() == -1
        assert taken.gettimeout() == 3
        other.send(b"y")
        assert taken.recv(1) == b"y"


# ---- Closing


@pytest.mark.parametrize("wait", [lambda s: s.recv(1), lambda s: s.sendall(LARGE), lambda s: s.recvmsg(1)])
@pytest.mark.parametrize("end", [lambda s: s.close(), lambda s: os.close(s.detach())])
def test_closing_ends_the_waits_of_other_tasks(pair, wait, end):
    a, _ = pair
    tasks = [spawn(wait, a) for _ in range(3)]
    end(a)
    for task in tasks:
        with pytest.raises(OSError) as raised:
            task.Wait(60)
        assert raised.value.errno == errno.EBADF


def test_another_thread_that_closes_ends_the_waits_too(pair):
    a, _ = pair
    task = spawn(a.recv, 1)
    thread = threading.Thread(target=a.close)
    thread.start()
    with pytest.raises(OSError) as raised:
        task.Wait(60)
    assert raised.value.errno == errno.EBADF
    thread.join()


def test_a_wait_is_not_taken_over_by_the_next_owner_of_the_number(pair):
    a, _ = pair
    number = a.fileno()
    task = spawn(a.recv, 1)
    a.close()
    c, d = cosocket.socketpair()
    with c, d:
        assert number in (c.fileno(), d.fileno())
        other = spawn(c.recv, 1)
        with pytest.raises(OSError):
            task.Wait(60)
        d.send(b"x")
        if other:
            assert other.Wait() == b"x"
        else:
            assert other.Wait(60) == b"x"


def test_shutdown_ends_reading_and_a_reset_is_an_error(tcp):
    client, server = tcp
    task = spawn(server.recv, 1)
    client.shutdown(standard.SHUT_WR)
    assert task.Wait(60) == b""
    client.setsockopt(standard.SOL_SOCKET, standard.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.send(b"unread")
    client.close()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        while True:
            server.sendall(LARGE)


def test_a_task_that_is_thrown_out_of_its_wait_leaves_the_socket_usable(pair):
    a, b = pair
    a.settimeout(0.001)
    with pytest.raises(standard.timeout):
        a.recv(1)
    a.settimeout(None)
    task = spawn(a.recv, 1)
    b.send(b"x")
    assert task.Wait(60) == b"x"


# ---- Several tasks and threads


def test_of_several_readers_each_gets_its_part(pair):
    a, b = pair
    tasks = [spawn(a.recv, 1) for _ in range(10)]
    b.send(b"0123456789")
    assert b"".join(sorted(task.Wait(60) for task in tasks)) == b"0123456789"


def test_one_task_reads_while_another_writes(pair):
    a, b = pair
    reader = spawn(received, a, 1)
    writer = spawn(a.sendall, LARGE)
    assert received(b, len(LARGE)) == LARGE
    b.send(b"!")
    assert reader.Wait(60) == b"!"
    writer.Wait(60)


def test_several_acceptors_share_the_connections(listener):
    acceptors = [spawn(lambda: listener.accept()[0].close()) for _ in range(5)]
    clients = [cosocket.create_connection(listener.getsockname()) for _ in range(5)]
    WaitForAll(acceptors, 60)
    for client in clients:
        client.close()


def test_a_hundred_echoes_at_a_time(listener):
    echoes = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                echoes.append(Spawn(echo, listener.accept()[0], raise_on_wait=True))

    def echo(sock):
        with sock, sock.makefile("rb") as lines:
            for line in lines:
                sock.sendall(line)

    def ask(number):
        with cosocket.create_connection(listener.getsockname(), 60) as sock, sock.makefile("rwb") as file:
            for turn in range(10):
                file.write(b"%d %d\n" % (number, turn))
                file.flush()
                assert file.readline() == b"%d %d\n" % (number, turn)

    server = Spawn(serve)
    clients = [Spawn(ask, number, raise_on_wait=True) for number in range(100)]
    for client in clients:
        client.Wait(60)
    listener.close()
    server.Wait(60)
    assert len(echoes) == 100
    for task in echoes:
        task.Wait(60)


def test_a_thread_uses_the_same_sockets_and_blocks_itself_only(tcp):
    client, server = tcp
    client.settimeout(60)
    told = []

    def talk():
        client.sendall(b"from a thread")
        told.append(client.recv(100))
        client.settimeout(0.01)
        try:
            client.recv(1)
        except standard.timeout as error:
            told.append(str(error))
        cothread.Callback(done.Signal)

    done = Event()
    thread = threading.Thread(target=talk)
    thread.start()
    assert received(server, 13) == b"from a thread"
    server.sendall(b"from a task")
    done.Wait(60)
    thread.join()
    assert told == [b"from a task", "timed out"]
