# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import select as standard_select
import socket

import cothread
import pytest
from cothread import (
    Event,
    SelectError,
    Sleep,
    Spawn,
    WaitForAll,
    Yield,
    _library,
    _scheduler,
    coselect,
    poll_list,
    select,
)
from cothread.coselect import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDNORM,
)


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    yield a, b
    a.close()
    b.close()


@pytest.fixture
def pipe():
    r, w = os.pipe()
    yield r, w
    for fd in r, w:
        with contextlib.suppress(OSError):
            os.close(fd)


def test_a_task_waits_for_data(pipe):
    r, w = pipe
    task = Spawn(poll_list, [(r, POLLIN)])
    Yield()
    assert not task
    os.write(w, b"x")
    assert task.Wait(60) == [(r, POLLIN)]


def test_files_are_accepted_and_numbers_are_returned(pair):
    a, b = pair
    b.send(b"x")
    assert poll_list([(a, POLLIN)], 60) == [(a.fileno(), POLLIN)]


def test_duplicates_are_merged(pair):
    a, b = pair
    b.send(b"x")
    assert poll_list([(a, POLLIN), (a.fileno(), POLLOUT)], 60) == [(a.fileno(), POLLIN | POLLOUT)]


def test_timeout_gives_an_empty_list(pipe):
    r, w = pipe
    assert poll_list([(r, POLLIN)], 0.001) == []
    assert poll_list([(r, POLLIN)], 0) == []
    assert poll_list([(r, POLLIN), (w, POLLIN)], 0.001) == []
    assert poll_list([], 0.001) == []


def test_a_look_without_waiting_sees_what_is_ready_and_suspends_once(pair):
    a, b = pair
    b.send(b"x")
    ran = []
    task = Spawn(ran.append, 1)
    assert poll_list([(a, POLLIN), (b, POLLOUT)], 0) == [
        (a.fileno(), POLLIN),
        (b.fileno(), POLLOUT),
    ]
    assert ran == [1]
    task.Wait()


def test_of_many_descriptors_all_that_are_ready_are_told():
    pairs = [socket.socketpair() for _ in range(50)]
    for _, b in pairs[::2]:
        b.send(b"x")
    found = poll_list([(a, POLLIN) for a, _ in pairs], 60)
    assert sorted(found) == sorted((a.fileno(), POLLIN) for a, _ in pairs[::2])
    for a, _ in pairs[::2]:
        a.recv(1)
    # The handles and registrations of the first poll serve the second.
    task = Spawn(poll_list, [(a, POLLIN) for a, _ in pairs], 60)
    Yield()
    pairs[7][1].send(b"x")
    assert task.Wait() == [(pairs[7][0].fileno(), POLLIN)]
    for a, b in pairs:
        a.close()
        b.close()


def test_level_triggered_what_was_not_read_is_reported_again(pipe):
    r, w = pipe
    os.write(w, b"xx")
    for _ in range(3):
        assert poll_list([(r, POLLIN)], 60) == [(r, POLLIN)]


def test_hangup_is_reported_unasked(pipe):
    r, w = pipe
    os.close(w)
    assert poll_list([(r, POLLIN)], 60) == [(r, POLLHUP)]
    assert poll_list([(r, 0)], 60) == [(r, POLLHUP)]


def test_a_broken_pipe_is_reported_unasked(pipe):
    r, w = pipe
    os.close(r)
    assert poll_list([(w, POLLOUT)], 60) == [(w, POLLOUT | POLLERR)]


def test_a_closed_descriptor_is_invalid(pipe):
    r, w = pipe
    os.close(r)
    assert poll_list([(r, POLLIN)], 60) == [(r, POLLNVAL)]
    assert poll_list([(r, POLLIN)], 0) == [(r, POLLNVAL)]
    assert (r, POLLNVAL) in poll_list([(r, POLLIN), (w, POLLIN)], 60)


def test_a_closed_file_is_refused_at_once(pair):
    a, _ = pair
    a.close()
    with pytest.raises(ValueError, match="closed"):
        poll_list([(a, POLLIN)], 60)


def test_a_number_used_again_is_another_descriptor(pipe):
    r, _w = pipe
    assert poll_list([(r, POLLIN)], 0.001) == []
    os.close(r)
    a, b = socket.socketpair()
    number = os.dup2(a.fileno(), r)
    b.send(b"x")
    assert poll_list([(number, POLLIN)], 60) == [(number, POLLIN)]
    a.close()
    b.close()


def test_a_regular_file_is_always_ready(tmp_path):
    with open(tmp_path / "file", "w+") as file:
        assert poll_list([(file, POLLIN)], 60) == [(file.fileno(), POLLIN)]


def test_nothing_is_reported_that_was_not_asked_for(tmp_path, pipe):
    r, w = pipe
    with open(tmp_path / "file", "w+") as file:
        assert poll_list([(file, 0)], 0.01) == []
        assert poll_list([(file, 0), (r, 0)], 0.01) == []
    os.close(w)
    assert poll_list([(r, 0)], 60) == [(r, POLLHUP)]


@pytest.mark.parametrize("number", [-1, 2**31, 2**70])
def test_a_number_that_no_descriptor_has_is_refused_in_the_task(number):
    task = Spawn(poll_list, [(number, POLLIN)], raise_on_wait=True)
    with pytest.raises(ValueError, match=str(number)):
        task.Wait(60)


def test_several_tasks_may_wait_for_one_descriptor(pair):
    a, b = pair
    tasks = [Spawn(poll_list, [(a, POLLIN)], 60) for _ in range(3)]
    Yield()
    b.send(b"x")
    assert WaitForAll(tasks) == [[(a.fileno(), POLLIN)]] * 3


def test_of_several_tasks_one_is_woken_by_what_one_can_read(pipe):
    r, w = pipe
    taken = []

    def reader(n):
        if poll_list([(r, POLLIN)], 60):
            taken.append((n, os.read(r, 1)))  # would block, if another had been faster

    tasks = [Spawn(reader, n) for n in range(3)]
    Yield()
    for byte in b"xyz":
        os.write(w, bytes([byte]))
        while len(taken) < b"xyz".index(byte) + 1:
            Sleep(0.001)
    WaitForAll(tasks)
    assert taken == [(0, b"x"), (1, b"y"), (2, b"z")]


def test_a_crowd_on_one_descriptor_costs_a_wake_for_each_byte(pipe):
    r, w = pipe
    os.set_blocking(r, False)
    wakes, got, stop = [], [], []

    def reader():
        while not stop:
            if poll_list([(r, POLLIN)]) and not stop:
                wakes.append(1)
                with contextlib.suppress(BlockingIOError):
                    got.append(os.read(r, 1))

    tasks = [Spawn(reader) for _ in range(50)]
    Sleep(0)
    for n in range(20):
        os.write(w, b"x")
        while len(got) <= n:
            Sleep(0.001)
    assert len(wakes) == 20
    stop.append(1)
    os.write(w, b"x")  # which nobody reads: all are told, one after the other
    WaitForAll(tasks)


def test_of_several_acceptors_one_is_woken_by_a_client():
    server = socket.create_server(("127.0.0.1", 0))
    accepted = Event()

    def acceptor(n):
        if poll_list([(server, POLLIN)]):
            server.accept()[0].close()  # would block
            accepted.Signal(n)

    tasks = [Spawn(acceptor, n) for n in range(3)]
    Yield()
    for n in range(3):
        client = socket.create_connection(server.getsockname())
        assert accepted.Wait(60) == n
        client.close()
    WaitForAll(tasks)
    server.close()


def test_reader_and_writer_of_one_descriptor(pair):
    a, b = pair
    reader = Spawn(poll_list, [(a, POLLIN)], 60)
    assert poll_list([(a, POLLOUT)], 60) == [(a.fileno(), POLLOUT)]
    assert not reader
    b.send(b"x")
    assert reader.Wait() == [(a.fileno(), POLLIN)]


def test_poll_bits_with_two_names_come_back_as_asked(pair):
    a, b = pair
    b.send(b"x")
    assert poll_list([(a, POLLRDNORM)], 60) == [(a.fileno(), POLLRDNORM)]


@pytest.mark.parametrize("readable", [True, False])
def test_each_bit_alone_is_reported_as_the_system_reports_it(pair, readable):
    a, b = pair
    if readable:
        b.send(b"x")
    for name in coselect.__all__:
        if name.startswith("POLL") and name not in ("POLLEXTRA", "POLLMSG"):
            bit = getattr(coselect, name)
            look = standard_select.poll()
            look.register(a, bit)
            assert poll_list([(a, bit)], 0.001) == look.poll(0), name
            assert poll_list([(a, bit)], 0) == look.poll(0), name


def test_urgent_data():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    peer.send(b"!", socket.MSG_OOB)
    assert poll_list([(client, POLLPRI)], 60) == [(client.fileno(), POLLPRI)]
    for each in server, client, peer:
        each.close()


def test_select_returns_the_objects_it_was_given(pair):
    a, b = pair
    b.send(b"x")
    assert select([a], [a, b.fileno()], [], 60) == ([a], [a, b.fileno()], [])
    a.recv(1)
    assert select([a], [], [], 0.001) == ([], [], [])


def test_select_raises_on_hangup(pipe):
    r, w = pipe
    os.close(w)
    with pytest.raises(SelectError, match="POLLHUP") as caught:
        select([r], [], [], 60)
    assert caught.value.flags == POLLHUP


def test_the_poll_object(pair):
    a, b = pair
    poller = coselect.poll()
    poller.register(a, POLLIN)
    assert poller.poll(1) == []
    b.send(b"x")
    assert poller.poll() == [(a.fileno(), POLLIN)]  # the original's default raised TypeError
    poller.modify(a, POLLOUT)
    assert poller.poll(-1) == [(a.fileno(), POLLOUT)]
    poller.unregister(a)
    with pytest.raises(KeyError):
        poller.unregister(a)
    assert poller.poll(1) == []


def test_the_hook_makes_select_and_poll_suspend_tasks_and_leaves_threads_alone(run_script):
    done = run_script(
        """
        import os, select, threading
        import cothread
        cothread.coselect.select_hook()
        cothread.select_hook()
        r, w = os.pipe()
        def look():
            assert select.select([r], [], [], 60) == ([r], [], [])
            poller = select.poll()
            poller.register(r, select.POLLIN)
            return poller.poll(60_000)
        task = cothread.Spawn(look)
        cothread.Spawn(os.write, w, b"x")
        assert task.Wait(60) == cothread.poll_block([(r, 1)], 60) == [(r, select.POLLIN)]
        assert cothread.poll_list([(r, 1)], 0) == [(r, select.POLLIN)]
        thread = threading.Thread(target=lambda: print(look() == [(r, select.POLLIN)]))
        thread.start()
        thread.join()
        """
    )
    assert done.stdout == "True\n"


def test_poll_block_needs_no_scheduler(pair):
    a, b = pair
    b.send(b"x")
    assert coselect.poll_block([(a, POLLIN)], 60) == [(a.fileno(), POLLIN)]


def test_the_constants_are_the_systems():
    for name in coselect.__all__:
        if name.startswith("POLL") and name != "POLLEXTRA":
            assert getattr(cothread, name) == getattr(standard_select, name)


class Watched(_scheduler.Watch):
    __slots__ = ("told",)

    def __init__(self):
        super().__init__()
        self.told = []

    def watch(self, fd, deadline):
        handle = self.handle or _scheduler.attach(self)
        self.armed = _scheduler.requests.add(handle, _library.wait_descriptor(fd), deadline, POLLIN)

    def completed(self, what):
        self.armed = 0
        self.told.append(_scheduler.outcome(what))


def test_a_watch_with_a_deadline_is_told_that_it_has_passed_once(pipe):
    r, w = pipe
    watch = Watched()
    watch.watch(r, _scheduler.core.now() + 1_000_000)
    while not watch.told:
        Sleep(0.001)
    assert watch.told == [0]
    watch.watch(r, _scheduler.core.now() + 60_000_000_000)
    os.write(w, b"x")
    while len(watch.told) < 2:
        Sleep(0.001)
    assert watch.told == [0, POLLIN]
    _scheduler.detach(watch)
    Yield()


def test_a_watch_and_tasks_that_are_due_together_are_all_told(core):
    watch, order = Watched(), []
    watch.watch(5, core.now() + 1_000_000_000)
    tasks = [Spawn(lambda n=n: (Sleep(1), order.append(n))) for n in range(3)]
    WaitForAll(tasks)
    assert (watch.told, order) == ([0], [0, 1, 2])
    _scheduler.detach(watch)
    Sleep(0)


def test_an_error_thrown_into_a_poll_of_many_withdraws_all(core):
    """The next wait of the same task must not get what the last one asked for."""
    task = cothread._scheduler.current_task()
    cothread._scheduler.throw(task, KeyError("thrown"))
    with pytest.raises(KeyError):
        poll_list([(5, POLLIN), (6, POLLIN), (7, POLLIN)], 10)
    started = core.now()
    core.ready_descriptors.update({5: 1, 6: 1})
    Sleep(1)
    assert core.now() - started == 1_000_000_000
    assert core.waits == {}
