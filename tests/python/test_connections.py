# SPDX-License-Identifier: Apache-2.0
import contextlib
import errno
import gc
import os
import random
import signal
import socket
import struct
import threading

import pytest
from cothread import Misuse, Sleep, Spawn, Timedout, Yield, _connections, _library, connect, listen

LOOPBACK = ("127.0.0.1", 0)
MORE_THAN_FITS = 32_000_000  # into the buffers of the system, and the ring


@pytest.fixture(params=["tcp", "unix"])
def listener(request, tmp_path):
    with listen(LOOPBACK if request.param == "tcp" else str(tmp_path / "socket")) as listening:
        yield listening


@pytest.fixture
def pair(listener):
    """Both ends as connections."""
    ours = connect(listener.getsockname(), 60)
    theirs = listener.accept(60)
    yield ours, theirs
    for end in ours, theirs:
        end.close(0)
    Yield()


@pytest.fixture
def plain(listener):
    """A connection, and the peer as a plain socket that never suspends."""
    peer = socket.socket(socket.AF_UNIX if isinstance(listener.getsockname(), str) else socket.AF_INET)
    peer.connect(listener.getsockname())
    connection = listener.accept(60)
    yield connection, peer
    connection.close(0)
    peer.close()
    Yield()


def read_all(peer, n):
    """What a plain peer has received, as soon as it is n bytes."""
    peer.settimeout(60)  # the thread's, which lets no task run
    data = b""
    while len(data) < n:
        got = peer.recv(n - len(data))
        assert got, "the end came early"
        data += got
    return data


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


# ---- Receiving


def test_what_is_sent_arrives(pair):
    ours, theirs = pair
    ours.sendall(b"hello")
    assert theirs.recv(timeout=60) == b"hello"
    theirs.sendall(bytearray(b"answer"))
    theirs.sendall(memoryview(b"!"))
    assert ours.recv_exactly(7, 60) == b"answer!"


def test_recv_takes_at_most_n_and_leaves_the_rest(pair):
    ours, theirs = pair
    ours.sendall(b"abcdef")
    assert [theirs.recv(2, 60), theirs.recv(1, 60), theirs.recv(100, 60)] == [b"ab", b"c", b"def"]


def test_the_end_is_told_again_and_again_and_output_goes_on(pair):
    ours, theirs = pair
    ours.sendall(b"last")
    ours.shutdown(60)
    assert theirs.recv(timeout=60) == b"last"
    assert [theirs.recv(timeout=60) for _ in range(3)] == [b""] * 3
    theirs.sendall(b"behind the end")
    assert ours.recv(timeout=60) == b"behind the end"
    with pytest.raises(BrokenPipeError):
        ours.sendall(b"x")


def test_a_task_that_receives_again_and_again_is_told_of_the_end(plain):
    connection, peer = plain
    task = Spawn(lambda: list(iter(connection.recv, b"")))
    for word in (b"one", b"two"):
        peer.sendall(word)
        Sleep(0.001)
    peer.close()
    assert b"".join(task.Wait(60)) == b"onetwo"


def test_exactly_n_bytes_however_they_come(plain):
    connection, peer = plain
    for n in (1, 2, 3, 5, 8):
        task = Spawn(connection.recv_exactly, n, 60)
        for i in range(n):
            assert not task
            peer.send(bytes([i]))
            Sleep(0.001)
        assert task.Wait(60) == bytes(range(n))
    assert connection.recv_exactly(0) == b""


def test_exactly_more_bytes_than_the_buffer_holds(plain):
    connection, peer = plain
    data = os.urandom(1_000_000)
    sender = threading.Thread(target=peer.sendall, args=(data,))
    sender.start()
    assert connection.recv_exactly(len(data), 60) == data
    sender.join()


def test_an_end_before_n_bytes_takes_nothing(plain):
    connection, peer = plain
    peer.sendall(b"abc")
    peer.close()
    with pytest.raises(EOFError, match="3 bytes of 4"):
        connection.recv_exactly(4, 60)
    assert connection.recv_exactly(3, 60) == b"abc"


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n", b"--end--"])
def test_a_delimiter_is_found_wherever_it_is_cut(plain, delimiter):
    connection, peer = plain
    message = b"text" + delimiter
    for cut in range(len(message)):
        task = Spawn(connection.read_until, delimiter, timeout=60)
        peer.sendall(message[:cut])
        Sleep(0.001)
        peer.sendall(message[cut:] + b"rest")
        assert task.Wait(60) == message
        assert connection.recv_exactly(4, 60) == b"rest"


def test_lines_until_the_end_the_last_one_without_its_mark(plain):
    connection, peer = plain
    peer.sendall(b"one\n\ntwo\nthree")
    peer.shutdown(socket.SHUT_WR)
    assert list(connection) == [b"one\n", b"\n", b"two\n", b"three"]
    assert connection.readline() == b""
    with pytest.raises(EOFError):
        connection.read_until(b"\n", timeout=60)


def test_a_line_longer_than_its_limit_is_refused_and_not_taken(plain):
    connection, peer = plain
    peer.sendall(b"12345678\n")
    with pytest.raises(OSError, match="in 8 bytes") as raised:
        connection.readline(8, 60)
    assert raised.value.errno == errno.EMSGSIZE
    assert connection.readline(9, 60) == b"12345678\n"


def test_a_timeout_takes_nothing(plain):
    connection, peer = plain
    with pytest.raises(Timedout):
        connection.recv(timeout=0)
    peer.sendall(b"abc")
    for receive in (lambda: connection.recv_exactly(4, 0.01), lambda: connection.readline(timeout=0.01)):
        with pytest.raises(TimeoutError):  # Timedout is one
            receive()
    assert connection.recv(timeout=60) == b"abc"


@pytest.mark.parametrize("wrong", [0, -1])
def test_numbers_that_are_none_are_refused(pair, wrong):
    ours, theirs = pair
    theirs.sendall(b"x")
    with pytest.raises(ValueError, match=str(wrong)):
        ours.recv(wrong)
    with pytest.raises(ValueError):
        ours.recv_exactly(wrong - 1)
    with pytest.raises(ValueError):
        ours.read_until(b"")
    with pytest.raises(TypeError):
        ours.sendall("text")
    assert ours.recv(timeout=60) == b"x"


def test_only_one_task_receives_at_a_time(pair):
    ours, theirs = pair
    task = Spawn(ours.recv, timeout=60)
    Yield()
    with pytest.raises(Misuse):
        ours.recv()
    theirs.sendall(b"for the first")
    assert task.Wait(60) == b"for the first"


def test_what_nobody_takes_is_bounded(plain):
    connection, peer = plain
    task = Spawn(connection.recv, 1, 60)
    Yield()
    peer.setblocking(False)
    sent = 0
    quiet = 0
    while quiet < 20:  # until the system's buffers are full
        try:
            sent += peer.send(bytes(65536))
            quiet = 0
        except BlockingIOError:
            quiet += 1
        Sleep(0.001)
    assert task.Wait() == b"\0"
    assert 65536 <= len(connection._stream.buffer) <= 2 * 65536 < sent
    peer.setblocking(True)
    closer = threading.Thread(target=peer.shutdown, args=(socket.SHUT_WR,))
    closer.start()
    closer.join()
    left = 0
    while data := connection.recv(timeout=60):
        left += len(data)
    assert left == sent - 1


# ---- Sending


def test_sending_waits_while_the_peer_does_not_read_and_nothing_is_lost(plain):
    connection, peer = plain
    data = os.urandom(MORE_THAN_FITS)
    task = Spawn(connection.sendall, data, 60)
    while not connection.unsent:
        Sleep(0.001)
    assert not task
    assert connection.unsent <= 1 << 20
    received = []
    reader = threading.Thread(target=lambda: received.append(read_all(peer, len(data))))
    reader.start()
    task.Wait(60)
    connection.flush(60)
    reader.join()
    assert received == [data]
    assert connection.unsent == 0


def test_many_small_sends_are_bounded_too(plain):
    connection, _peer = plain
    message = bytes(1000)

    def send():
        while True:
            connection.sendall(message, 0.05)

    task = Spawn(send, raise_on_wait=True)
    with pytest.raises(Timedout) as raised:
        task.Wait(60)
    assert raised.value.sent == 0
    assert 0 < connection.unsent <= 1 << 20


def test_what_was_given_may_be_changed_at_once(pair):
    ours, theirs = pair
    for n in (1, 100, 5000, 50_000, 3_000_000):
        data = bytearray(os.urandom(n))
        sent = bytes(data)
        task = Spawn(theirs.recv_exactly, n, 60)
        ours.sendall(data, 60)
        data[:] = bytes(n)
        ours.sendall(b"", 60)
        assert task.Wait(60) == sent


def test_sends_of_every_size_before_anybody_waits_arrive_in_order(pair):
    ours, theirs = pair
    chance = random.Random(1)
    sizes = [chance.choice((0, 1, 1, 1, 2, 64)) for _ in range(9000)] + [3000, 1, 100_000, 64]
    sent = [os.urandom(n) for n in sizes]
    task = Spawn(theirs.recv_exactly, sum(sizes), 60)
    for n, data in enumerate(sent):
        ours.sendall(data if n % 7 else bytearray(data), 60)
    ours.flush(60)
    assert task.Wait(60) == b"".join(sent)


def test_a_send_that_times_out_tells_how_many_bytes_went_out(plain):
    connection, peer = plain
    data = bytes(MORE_THAN_FITS)
    with pytest.raises(Timedout) as raised:
        connection.sendall(data, 0.05)
    sent, unsent = raised.value.sent, connection.unsent
    assert 0 < sent < sent + unsent <= len(data)
    # What the library holds goes out behind it: the peer gets exactly both.
    reader = threading.Thread(target=read_all, args=(peer, sent + unsent))
    reader.start()
    connection.flush(60)
    reader.join()
    connection.close()
    assert peer.recv(1) == b""


def test_a_send_that_fails_tells_how_many_bytes_went_out(plain):
    connection, peer = plain
    task = Spawn(connection.sendall, bytes(MORE_THAN_FITS), 60, raise_on_wait=True)
    while not connection.unsent:
        Yield(0.001)
    reset(peer)
    with pytest.raises((ConnectionResetError, BrokenPipeError)) as raised:
        task.Wait(60)
    assert 0 < raised.value.sent < MORE_THAN_FITS
    assert connection.unsent > 0
    with pytest.raises((ConnectionResetError, BrokenPipeError)) as raised:
        connection.sendall(b"x")
    assert raised.value.sent == 0


def test_sends_of_several_tasks_go_out_one_after_the_other(plain):
    connection, peer = plain
    size = 1_000_000
    tasks = [Spawn(connection.sendall, bytes([i]) * size, 60) for i in range(4)]
    received = []
    reader = threading.Thread(target=lambda: received.append(read_all(peer, 4 * size)))
    Sleep(0.01)
    reader.start()
    for task in tasks:
        task.Wait(60)
    connection.flush(60)
    reader.join()
    assert received[0] == b"".join(bytes([i]) * size for i in range(4))


def test_receiving_goes_on_while_a_send_is_stuck(plain):
    connection, peer = plain
    task = Spawn(connection.sendall, bytes(MORE_THAN_FITS), 0.2, raise_on_wait=True)
    Yield()
    for i in range(5):
        peer.sendall(bytes([i]))
        assert connection.recv(timeout=60) == bytes([i])
    with pytest.raises(Timedout):
        task.Wait(60)


@pytest.mark.parametrize("room", [1, 2, 3, 7, 64, 1000])
def test_partial_writes_of_every_length(plain, room):
    """The peer takes `room` bytes at a time while the system's buffers are full."""
    connection, peer = plain
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    data = os.urandom(40_000)
    received = []

    def read():
        for _ in range(20):
            received.append(read_all(peer, room))
        received.append(read_all(peer, len(data) - 20 * room))

    reader = threading.Thread(target=read)
    task = Spawn(connection.sendall, data, 60)
    Yield()
    reader.start()
    task.Wait(60)
    connection.flush(60)
    reader.join()
    assert b"".join(received) == data


# ---- The end


def test_close_sends_what_was_given(plain):
    connection, peer = plain
    connection.sendall(b"the last words")
    connection.close()
    assert read_all(peer, 14) == b"the last words"
    assert peer.recv(1) == b""
    connection.close()
    assert connection.fileno() == -1


def test_close_at_once_sends_what_there_is_room_for(plain):
    connection, peer = plain
    with pytest.raises(ZeroDivisionError), connection:
        connection.sendall(b"said before")
        raise ZeroDivisionError
    Yield(0.001)
    Sleep(0.001)
    assert read_all(peer, 11) == b"said before"


def test_close_with_unread_input_does_not_reset(plain):
    connection, peer = plain
    connection.sendall(b"refused")
    peer.sendall(bytes(100_000))
    task = Spawn(connection.close, raise_on_wait=True)
    Sleep(0.01)
    peer.sendall(bytes(100_000))
    assert read_all(peer, 7) == b"refused"
    assert peer.recv(1) == b""
    peer.close()
    task.Wait(60)


def test_close_tells_of_a_peer_that_does_not_read(plain):
    connection, _peer = plain
    with pytest.raises(Timedout):
        connection.sendall(bytes(MORE_THAN_FITS), 0.01)
    with pytest.raises(Timedout, match="unsent"):
        connection.close(0.01)
    assert connection.fileno() == -1
    with pytest.raises(OSError) as raised:
        connection.sendall(b"x")
    assert raised.value.errno == errno.EBADF


@pytest.mark.parametrize("received", [0, 1])
def test_whoever_waits_is_told_that_the_connection_is_closed(plain, received):
    connection, peer = plain
    receiving = Spawn(lambda: [connection.recv() for _ in range(received + 1)], raise_on_wait=True)
    peer.sendall(bytes(received))
    Sleep(0.01)
    sending = Spawn(connection.sendall, bytes(MORE_THAN_FITS), raise_on_wait=True)
    also = Spawn(connection.sendall, b"in line", raise_on_wait=True)
    Sleep(0.01)
    connection.close(0)
    for task in receiving, sending, also:
        with pytest.raises(OSError) as raised:
            task.Wait(60)
        assert raised.value.errno == errno.EBADF


def test_a_reset_is_told_behind_what_was_received(listener):
    if isinstance(listener.getsockname(), str):
        pytest.skip("Unix sockets are not reset so")
    peer = socket.create_connection(listener.getsockname())
    with listener.accept(60) as connection:
        task = Spawn(connection.recv, 2, 60)
        peer.sendall(b"abc")
        assert task.Wait(60) == b"ab"
        reset(peer)
        Sleep(0.01)
        assert connection.recv(timeout=60) == b"c"
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                connection.recv(timeout=60)


def test_a_connection_that_nobody_holds_is_closed_with_a_warning(listener):
    peer = connect(listener.getsockname(), 60)
    connection = listener.accept(60)
    connection.sendall(b"not lost")
    with pytest.warns(ResourceWarning, match="unclosed <Connection"):
        del connection
        gc.collect()
    assert peer.recv(timeout=60) == b"not lost"
    assert peer.recv(timeout=60) == b""
    peer.close()


def test_nothing_is_left_of_what_was_closed(listener):
    Yield()
    descriptors, known = len(os.listdir("/proc/self/fd")), len(_connections.transfers)
    for _ in range(20):
        with connect(listener.getsockname(), 60) as ours, listener.accept(60) as theirs:
            ours.sendall(b"x")
            assert theirs.recv(timeout=60) == b"x"
    Sleep(0.001)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(_connections.transfers) == known


def test_what_was_sent_last_goes_out_at_exit(run_script, tmp_path):
    with socket.create_server(LOOPBACK) as server:
        run_script(
            f"""
            import cothread
            connection = cothread.connect({server.getsockname()!r})
            connection.sendall(b"the last")
            """,
        )
        server.settimeout(60)
        peer, _ = server.accept()
        with peer:
            assert read_all(peer, 8) == b"the last"


# ---- Listening and connecting


def test_a_server_in_a_loop_that_close_ends(listener):
    def serve(connection):
        with connection:
            for line in connection:
                connection.sendall(line.upper())

    def accept():
        for connection in listener:
            Spawn(serve, connection)
        return "ended"

    server = Spawn(accept)
    for _ in range(3):
        with connect(listener.getsockname(), 60) as client:
            client.sendall(b"one\ntwo\n")
            assert [client.readline(timeout=60) for _ in range(2)] == [b"ONE\n", b"TWO\n"]
            client.shutdown()
            assert client.recv(timeout=60) == b""
    listener.close()
    assert server.Wait(60) == "ended"
    with pytest.raises(OSError) as raised:
        listener.accept()
    assert raised.value.errno == errno.EBADF


def test_accept_times_out_and_loses_no_connection(listener):
    with pytest.raises(Timedout):
        listener.accept(0.001)
    peers = [connect(listener.getsockname(), 60) for _ in range(40)]
    Sleep(0.001)
    for number, peer in enumerate(peers):
        peer.sendall(bytes([number]))
    numbers = []
    for _ in peers:
        with listener.accept(60) as connection:
            numbers.append(connection.recv(1, 60)[0])
    assert sorted(numbers) == list(range(40))
    for peer in peers:
        peer.close(0)


def test_connections_that_nobody_took_are_closed_with_the_listener(listener):
    peers = [connect(listener.getsockname(), 60) for _ in range(20)]
    listener.accept(60).close(0)
    Sleep(0.01)
    listener.close()
    for peer in peers:
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(timeout=60) == b""
        peer.close(0)


def test_without_descriptors_accept_says_so_and_goes_on_later(run_script):
    run_script(
        """
        import errno, os, resource, cothread
        listener = cothread.listen(("127.0.0.1", 0))
        client = cothread.connect(listener.getsockname())
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
                if len(taken) == 1:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 3, taken[0] + 3))
        except OSError as error:
            assert error.errno == errno.EMFILE
        for _ in range(3):
            try:
                listener.accept(10)
            except cothread.Timedout:
                raise
            except OSError as error:
                assert error.errno == errno.EMFILE, error
            else:
                raise AssertionError("accepted")
        for number in taken:
            os.close(number)
        listener.accept(10).close()
        """
    )


@pytest.mark.parametrize("code", [_library.ECLOSED, _library.EFULL, _library._ELIMIT, _library._ENOMEM])
def test_what_the_library_refuses_is_an_error_of_the_systems_too(pair, code):
    ours, _ = pair
    task = Spawn(ours.recv, timeout=60, raise_on_wait=True)
    Yield()
    ours._stream.transferred(code & 0xFFFFFFFF, 0)  # as an entry of the batch says it
    with pytest.raises(OSError) as raised:
        task.Wait(60)
    assert raised.value.errno == _library.ERRNOS[code]


def test_a_refused_connection_and_a_missing_path(tmp_path):
    with socket.socket() as unused:
        unused.bind(LOOPBACK)
        with pytest.raises(ConnectionRefusedError, match=str(unused.getsockname()[1])):
            connect(unused.getsockname(), 60)
    with pytest.raises(FileNotFoundError):
        connect(tmp_path / "nothing", 60)


def test_an_address_in_use(listener):
    with pytest.raises(OSError) as raised:
        listen(listener.getsockname())
    assert raised.value.errno == errno.EADDRINUSE


def test_a_path_is_removed_with_its_listener(tmp_path):
    path = tmp_path / "socket"
    for _ in range(2):
        with listen(path):
            assert path.exists()
        assert not path.exists()


def test_the_file_of_a_dead_socket_is_replaced_and_of_a_living_one_kept(tmp_path):
    path = str(tmp_path / "socket")
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as owner:
            owner.bind(path)
            with pytest.raises(OSError) as raised:
                listen(path)
            assert raised.value.errno == errno.EADDRINUSE
        with listen(path), connect(path, 60):  # the owner is gone, as if killed
            pass
    (tmp_path / "socket").write_text("no socket")
    with pytest.raises(OSError) as raised:
        listen(path)
    assert raised.value.errno == errno.EADDRINUSE
    assert (tmp_path / "socket").read_text() == "no socket"


def test_connecting_times_out_while_the_queue_is_full(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(0)
        first = connect(path, 60)
        with pytest.raises(Timedout):
            connect(path, 0.03)
        accepted, _ = server.accept()
        second = connect(path, 60)
        for thing in first, second:
            thing.close(0)
        accepted.close()


def test_a_name_is_looked_up(listener):
    if isinstance(listener.getsockname(), str):
        pytest.skip("paths are not looked up")
    port = listener.getsockname()[1]
    for host, service in ("localhost", port), ("localhost", str(port)), (b"127.0.0.1", port), ("", port), (None, port):
        with connect((host, service), 60) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def rounds(n):
    for _ in range(n):
        Sleep(0.001)


def descriptors():
    return sorted(os.listdir("/proc/self/fd"))


def test_a_connect_that_is_thrown_out_leaves_nothing(tmp_path):
    class Thrown(Exception):
        pass

    def throw(*_):
        raise Thrown

    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(path)
        server.listen(0)
        waiting.connect(path)  # the queue is full
        before = descriptors()
        former = signal.signal(signal.SIGALRM, throw)
        try:
            for delay in 0.001, 0.01, 0.03:
                signal.setitimer(signal.ITIMER_REAL, delay)
                with pytest.raises(Thrown):
                    connect(path)
        finally:
            signal.signal(signal.SIGALRM, former)
        rounds(3)  # the library is told, and its task ends
        assert descriptors() == before


def test_a_connection_that_nobody_can_take_is_closed(listener, monkeypatch):
    class Thrown(Exception):
        pass

    def throw(*_, **__):
        raise Thrown

    address = listener.getsockname()
    before = descriptors()
    monkeypatch.setattr(_connections.socket, "socket", throw)
    with pytest.raises(Thrown):
        connect(address, 60)
    monkeypatch.undo()
    rounds(3)
    assert descriptors() == before


def test_a_name_that_does_not_resolve():
    with pytest.raises(socket.gaierror):
        connect(("name.invalid", 1), 60)
    with pytest.raises(TypeError, match="host, port"):
        connect(("a", 1, 2))
    with pytest.raises(TypeError, match="host is"):
        connect((1, "a"))
    with pytest.raises(ValueError, match="null"):
        connect(("localhost\0.example", 1))
    with pytest.raises(ValueError, match="null"):
        connect("path\0more")
    with pytest.raises(OSError) as raised:
        connect("x" * 108)
    assert raised.value.errno == errno.ENAMETOOLONG


def test_an_abstract_path():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0cothread-{os.getpid()}")
        server.listen()
        with connect(f"\0cothread-{os.getpid()}", 60) as connection:
            assert connection.getpeername() == f"\0cothread-{os.getpid()}".encode()


def test_another_thread_is_refused(pair):
    ours, _ = pair
    raised = []

    def misuse():
        for call in (ours.recv, ours.flush, ours.close, lambda: connect(LOOPBACK)):
            try:
                call()
            except Misuse as error:
                raised.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    assert len(raised) == 4


# ---- A model


@pytest.mark.parametrize("seed", range(4))
def test_random_streams_arrive_as_they_were_sent(seed, listener):
    """Both directions at once, by pieces of all sizes, through waits that time out; compared byte by byte."""
    dice = random.Random(seed)
    sizes = [1, 2, 10, 100, 5_000, 70_000, 300_000]

    def text(n):
        return bytes(dice.choices(b"ab\n", k=min(n, 1000))) * (n // 1000 + 1)

    streams = [b"".join(text(dice.choice(sizes)) for _ in range(30)) for _ in range(2)]
    ends = [connect(listener.getsockname(), 60), listener.accept(60)]

    def send(connection, data):
        at = 0
        while at < len(data):
            size = dice.choice(sizes)
            connection.sendall(data[at : at + size], 60)
            at += size
            if dice.random() < 0.1:
                Yield(0.0001)
        connection.shutdown(60)

    def receive(connection):
        parts = []
        while True:
            how = dice.randrange(4)
            try:
                if how == 0:
                    part = connection.recv(dice.choice(sizes), dice.choice([0, 0.0001, 60]))
                elif how == 1:
                    part = connection.recv_exactly(dice.choice(sizes), dice.choice([0, 0.0001, 60]))
                else:
                    part = connection.readline(dice.choice([5, 100, 65536]), dice.choice([0, 0.0001, 60]))
            except EOFError:
                part = connection.recv(timeout=60)
            except Timedout:
                continue
            except OSError as error:
                assert error.errno == errno.EMSGSIZE
                part = connection.recv(5, 60)
            if not part:
                return b"".join(parts)
            parts.append(part)

    tasks = [Spawn(send, end, data, raise_on_wait=True) for end, data in zip(ends, streams)]
    results = [Spawn(receive, end, raise_on_wait=True) for end in ends]
    for task in tasks:
        task.Wait(60)
    assert results[1].Wait(60) == streams[0]
    assert results[0].Wait(60) == streams[1]
    for end in ends:
        end.close()
