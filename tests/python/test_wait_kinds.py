# SPDX-License-Identifier: Apache-2.0
"""Each kind of thing that `wait` takes keeps the same rules."""

import contextlib
import ctypes
import errno
import gc
import os
import random
import signal
import socket
import threading
import weakref
from subprocess import PIPE
from typing import Any, NamedTuple

import cothread
import pytest
from cothread import (
    CallbackQueue,
    Event,
    EventQueue,
    FileChange,
    FileWatch,
    Job,
    Misuse,
    Process,
    Sleep,
    Spawn,
    Timer,
    Yield,
    _scheduler,
    connect,
    listen,
    signals,
    wait,
)

POLLIN, POLLOUT, POLLERR, POLLNVAL = 1, 4, 8, 32
LOOPBACK = ("127.0.0.1", 0)


class Kind(NamedTuple):
    item: Any
    fire: Any  # makes it hold, if only after a while
    value: Any
    takes: bool = False


@contextlib.contextmanager
def an_event(_directory):
    event = Event()
    yield Kind(event, lambda: event.Signal("value"), "value", True)


@contextlib.contextmanager
def a_manual_event(_directory):
    event = Event(auto_reset=False)
    yield Kind(event, lambda: event.Signal("value"), "value")


@contextlib.contextmanager
def a_queue(_directory):
    queue = EventQueue()
    yield Kind(queue, lambda: queue.Signal("value"), "value", True)


@contextlib.contextmanager
def a_task(_directory):
    gate = Event()
    yield Kind(Spawn(gate.Wait), lambda: gate.Signal("value"), "value")
    gate.Signal()
    Yield()


@contextlib.contextmanager
def room(_directory):
    queue, gate = CallbackQueue(1), Event()
    queue(gate.Wait)
    Yield()  # its task waits in there
    queue(int)
    yield Kind(queue, gate.Signal, 1)
    gate.Signal()
    Yield()


@contextlib.contextmanager
def a_file(_directory):
    read, write = os.pipe()
    yield Kind((read, "r"), lambda: os.write(write, b"x"), POLLIN)
    os.close(read)
    os.close(write)


@contextlib.contextmanager
def a_file_to_write(_directory):
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, bytes(4096))
    yield Kind((write, "w"), lambda: os.read(read, 1 << 20), POLLOUT)
    os.close(read)
    os.close(write)


@contextlib.contextmanager
def plain_pair():
    with listen(LOOPBACK) as listener, socket.create_connection(listener.getsockname()) as peer:
        connection = listener.accept(60)
        yield connection, peer
        connection.close(0)


@contextlib.contextmanager
def a_connection(_directory):
    with plain_pair() as (connection, peer):
        yield Kind((connection, "r"), lambda: peer.sendall(b"x"), POLLIN)


@contextlib.contextmanager
def a_connection_to_write(_directory):
    with plain_pair() as (connection, peer):
        with pytest.raises(TimeoutError):
            connection.sendall(bytes(32_000_000), 0.01)

        def drain():
            with contextlib.suppress(OSError):
                while peer.recv(1 << 20):
                    pass

        reader = threading.Thread(target=drain)
        yield Kind((connection, "w"), reader.start, POLLOUT)
        peer.shutdown(socket.SHUT_RDWR)
        if reader.is_alive():
            reader.join()


@contextlib.contextmanager
def a_listener(directory):
    with listen(directory / "socket") as listener, socket.socket(socket.AF_UNIX) as peer:
        yield Kind((listener, "r"), lambda: peer.connect(listener.getsockname()), POLLIN)


@contextlib.contextmanager
def a_process(_directory):
    process = Process(["cat"], stdin=PIPE)
    yield Kind(process, process.stdin.close, 0)
    process.stdin.close()
    process.wait(60)


@contextlib.contextmanager
def a_signal(_directory):
    with signals(signal.SIGHUP) as caught:
        yield Kind(caught, lambda: signal.raise_signal(signal.SIGHUP), {signal.SIGHUP: (1, os.getpid())}, True)


@contextlib.contextmanager
def a_timer(_directory):
    timer = Timer(None)
    yield Kind(timer, lambda: timer.reset(0), 1)


@contextlib.contextmanager
def a_thread(_directory):
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    try:
        wait([thread], 0)
    except OSError:
        gate.set()
        pytest.skip("this kernel does not watch threads")
    yield Kind(thread, gate.set, None)
    gate.set()
    thread.join()


@contextlib.contextmanager
def a_job(_directory):
    gate = threading.Event()
    yield Kind(Job(gate.wait), gate.set, True)
    gate.set()


@contextlib.contextmanager
def a_job_of_ctypes(_directory):
    read, write = os.pipe()
    job = Job(ctypes.CDLL(None).read, read, ctypes.create_string_buffer(1), 1)
    yield Kind(job, lambda: os.write(write, b"x"), 1)
    os.close(write)
    job.Wait(60)
    os.close(read)


@contextlib.contextmanager
def a_file_watch(directory):
    with FileWatch(directory, "created") as watch:
        yield Kind(watch, (directory / "made").touch, FileChange("made", frozenset({"created"})), True)


KINDS = [
    an_event,
    a_manual_event,
    a_queue,
    a_task,
    room,
    a_file,
    a_file_to_write,
    a_connection,
    a_connection_to_write,
    a_listener,
    a_process,
    a_signal,
    a_timer,
    a_thread,
    a_job,
    a_job_of_ctypes,
    a_file_watch,
]


@pytest.fixture(params=KINDS, ids=[make.__name__ for make in KINDS])
def make(request, tmp_path):
    return lambda: request.param(tmp_path)


@pytest.fixture
def kind(make):
    with make() as made:
        yield made


def again(kind):
    """What a wait finds from now on: a timer tells each expiry once."""
    if isinstance(kind.item, Timer):
        kind.fire()


# ---- The same for all


def test_it_fires_while_it_is_waited_for(kind):
    task = Spawn(wait, [Event(), kind.item], 60)
    Sleep(0.001)
    assert not task
    kind.fire()
    assert task.Wait() == [(kind.item, kind.value)]


def test_it_fires_if_it_holds_when_the_wait_begins(kind):
    kind.fire()
    if kind.takes:
        assert wait([kind.item, Event()], 0) == [(kind.item, kind.value)]
        assert wait([kind.item, Event()], 0) == []
    else:
        wait([kind.item, Event()], 60)
        for _ in range(2):
            again(kind)
            assert wait([kind.item, Event()], 0) == [(kind.item, kind.value)]


@pytest.mark.parametrize("timeout", [0, 0.001])
def test_a_timeout_takes_nothing_and_leaves_nothing_behind(kind, timeout):
    others = [Event(), EventQueue()]
    wait([*others, kind.item], timeout)
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        assert wait([*others, kind.item, others[0]], timeout) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not any(other._line() for other in others)
    kind.fire()
    assert wait([*others, kind.item], 60) == [(kind.item, kind.value)]


def test_an_exception_in_the_wait_takes_nothing(kind):
    class Thrown(Exception):
        pass

    leaving = Spawn(wait, [kind.item, Event()], 60, raise_on_wait=True)
    Sleep(0.001)
    staying = Spawn(wait, [kind.item, Event()], 60)
    Yield()
    _scheduler.throw(leaving._task, Thrown())
    kind.fire()
    with pytest.raises(Thrown):
        leaving.Wait()
    assert staying.Wait() == [(kind.item, kind.value)]


def test_the_same_thing_twice(kind):
    task = Spawn(wait, [kind.item, kind.item], 60)
    Sleep(0.001)
    kind.fire()
    fires = task.Wait()
    # What the library tells is told of one item first; the other may be seen by the look behind it.
    assert fires in ([(kind.item, kind.value)], [(kind.item, kind.value)] * 2)
    if kind.takes:
        assert len(fires) == 1
        assert wait([kind.item, kind.item], 0) == []
    else:
        again(kind)
        assert wait([kind.item, kind.item], 60) == [(kind.item, kind.value)] * 2


def test_all_who_wait_for_a_condition_are_told_and_one_of_those_who_wait_for_what_takes(kind):
    stop = Event(auto_reset=False)
    tasks = [Spawn(wait, [kind.item, stop], 60) for _ in range(3)]
    Sleep(0.001)
    kind.fire()
    told = [(kind.item, kind.value)]
    # By number, each report goes to one: see docs/python.md.
    if kind.takes or (isinstance(kind.item, tuple) and isinstance(kind.item[0], int)):
        while not any(tasks):
            Sleep(0.001)
        stop.Signal("stop")
        fired = [task.Wait() for task in tasks]
        assert told in [fires[:1] for fires in fired]
        if kind.takes:
            assert fired.count([(stop, "stop")]) == 2
    else:
        assert [task.Wait() for task in tasks] == [told] * 3


def test_of_it_and_of_an_event_at_most_one_is_taken(kind):
    event = Event()
    event.Signal("event")
    kind.fire()
    if kind.takes:
        both = wait([kind.item, event], 60) + wait([event, kind.item], 60)
        assert len(both) == 2
        assert (event, "event") in both
        assert (kind.item, kind.value) in both
    else:
        wait([kind.item], 60)
        again(kind)
        assert wait([kind.item, event], 60) == [(kind.item, kind.value), (event, "event")]


def test_nothing_keeps_it_alive_after_a_timeout(make):
    """No cycle does. Nor what was beside it in the list, also where others still wait."""
    staying, stop = Event(), Event()
    waiting = Spawn(wait, [staying, stop])
    beside = Event()
    reference = weakref.ref(beside)
    gc.disable()
    try:
        with make() as kind:
            wait([kind.item, staying, beside], 0.001)
            behind = Spawn(wait, [staying, stop])
            Yield()
            wait([kind.item, beside, staying], 0)
            del beside
            assert reference() is None
            thing = kind.item[0] if isinstance(kind.item, tuple) else kind.item
            if not isinstance(thing, int):
                reference = weakref.ref(thing)
            del thing, kind
    finally:
        gc.enable()
    for task in (waiting, behind):
        stop.Signal()
        task.Wait()
    for _ in range(60_000):
        if reference() is None or isinstance(reference(), CallbackQueue):  # its task stays
            break
        Sleep(0.001)  # a thread of a pool lets go of its job
    else:
        raise AssertionError(f"{reference()!r} is kept alive")
    assert _scheduler._left == {}


def test_a_list_of_as_many_as_there_may_be(kind):
    items = [kind.item, *[Event()] * 65535]
    if not isinstance(kind.item, threading.Thread):
        assert wait(items, 0) == []
    kind.fire()
    fires = wait(items, 60)
    assert fires == [(kind.item, kind.value)]
    with pytest.raises(ValueError, match="more than 65536"):
        wait([*items, Event()])


def test_one_of_each_kind_at_once(tmp_path):
    with contextlib.ExitStack() as stack:
        made = []
        for number, make in enumerate(KINDS):
            directory = tmp_path / str(number)
            directory.mkdir()
            made.append(stack.enter_context(make(directory)))
        items = [kind.item for kind in made]
        assert wait(items, 0) == []
        left = {id(kind.item): kind for kind in made}
        for kind in made:
            kind.fire()
        seen = []
        while left:
            fires = wait([kind.item for kind in left.values()], 60)
            assert fires
            assert sum(left[id(item)].takes for item, _ in fires) <= 1
            for item, value in fires:
                kind = left.pop(id(item))
                assert value == kind.value
                seen.append(kind)
        assert len(seen) == len(made)


# ---- Connections and listeners


@pytest.fixture
def pair():
    with plain_pair() as both:
        yield both


def test_readable_means_that_receiving_does_not_wait(pair):
    connection, peer = pair
    assert wait([(connection, "r")], 0) == []
    peer.sendall(b"abc")
    assert wait([(connection, "r")], 0) == [((connection, "r"), POLLIN)]
    assert connection.recv(1, timeout=0) == b"a"
    assert wait([(connection, "r")], 0) == [((connection, "r"), POLLIN)]  # what is left here
    assert connection.recv(timeout=0) == b"bc"
    assert wait([(connection, "r")], 0) == []
    peer.close()
    assert wait([(connection, "r")], 60) == [((connection, "r"), POLLIN)]  # the end
    assert connection.recv(timeout=0) == b""
    assert wait([(connection, "r")], 0) == [((connection, "r"), POLLIN)]


def test_a_reset_is_an_error_that_is_reported(pair):
    connection, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    assert wait([(connection, "r")], 60) == [((connection, "r"), POLLIN | POLLERR)]
    with pytest.raises(ConnectionResetError):
        connection.recv(timeout=0)


def test_writable_means_that_sending_does_not_wait(pair):
    connection, _peer = pair
    assert wait([(connection, "w")], 0) == [((connection, "w"), POLLOUT)]
    connection.shutdown(60)
    assert wait([(connection, "w")], 0) == [((connection, "w"), POLLOUT | POLLERR)]
    with pytest.raises(BrokenPipeError):
        connection.sendall(b"x")


def test_of_what_another_task_receives_the_rest_is_reported(pair):
    connection, peer = pair
    watching = Spawn(wait, [(connection, "r"), Event()], 60)
    receiving = Spawn(connection.recv_exactly, 4, 60)
    Sleep(0.001)
    peer.sendall(b"abcdef")
    assert receiving.Wait() == b"abcd"
    assert watching.Wait() == [((connection, "r"), POLLIN)]
    assert connection.recv(timeout=0) == b"ef"


@pytest.mark.parametrize("mode", ["r", "w"])
def test_closed_while_it_is_waited_for_and_before(pair, mode):
    connection, _peer = pair
    if mode == "w":
        with pytest.raises(TimeoutError):
            connection.sendall(bytes(32_000_000), 0.01)
    task = Spawn(wait, [(connection, mode), Event()], 60)
    Sleep(0.001)
    connection.close(0)
    assert task.Wait() == [((connection, mode), POLLNVAL)]
    event = Event()
    event.Signal("kept")
    with pytest.raises(OSError, match="item 1: <Connection, closed>") as raised:
        wait([event, (connection, mode)])
    assert raised.value.errno == errno.EBADF
    assert event.Wait() == "kept"


def test_accepting_does_not_wait_where_a_listener_is_readable(tmp_path):
    with listen(tmp_path / "socket") as listener:
        assert wait([(listener, "r")], 0) == []
        peers = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for peer in peers:
            peer.connect(listener.getsockname())
        taken = 0
        while taken < len(peers):
            assert wait([(listener, "r"), Event()], 0) == [((listener, "r"), POLLIN)]
            listener.accept(timeout=0).close(0)
            taken += 1
        assert wait([(listener, "r")], 0) == []
        with pytest.raises(ValueError, match=r"item 0 .*listener"):
            wait([(listener, "w")])
        task = Spawn(wait, [(listener, "r"), Event()], 60)
        Sleep(0.001)
        listener.close()
        assert task.Wait() == [((listener, "r"), POLLNVAL)]
        for peer in peers:
            peer.close()


def test_a_server_of_one_task(tmp_path):
    """It accepts, answers lines, and stops, by one wait for everything."""
    stop = Event()

    def serve():
        with listen(tmp_path / "socket") as listener, contextlib.ExitStack() as stack:
            ready.Signal(listener.getsockname())
            items = [(listener, "r"), stop]
            while True:
                for item, _ in wait(items, 60):
                    if item is stop:
                        return
                    thing, _ = item
                    if thing is listener:
                        items.append((stack.enter_context(listener.accept(0)), "r"))
                    elif data := thing.recv(timeout=0):
                        thing.sendall(data.upper())
                    else:
                        items.remove(item)
                        thing.close()

    ready = Event()
    server = Spawn(serve, raise_on_wait=True)
    clients = [connect(address, 60) for address in [ready.Wait(60)] * 20]
    for number, client in enumerate(clients):
        client.sendall(b"line %d\n" % number)
    for number, client in enumerate(clients):
        assert client.readline(timeout=60) == b"LINE %d\n" % number
        client.shutdown()
        assert client.recv(timeout=60) == b""
        client.close()
    stop.Signal()
    server.Wait(60)


# ---- File watches


def test_changes_come_in_order_one_at_a_time(tmp_path):
    with FileWatch(tmp_path) as watch:
        file = tmp_path / "file"
        with file.open("wb") as written:
            written.write(b"x")
        file.rename(tmp_path / "other")
        (tmp_path / "directory").mkdir()
        changes = []
        while found := wait([watch, Event()], 0):
            changes.append(found[0][1])
        assert changes == [
            FileChange(name, frozenset(what))
            for name, what in [
                ("file", {"created"}),
                ("file", {"modified"}),
                ("file", {"written"}),
                ("file", {"moved_out"}),
                ("other", {"moved_in"}),
                ("directory", {"created", "directory"}),
            ]
        ]


def test_only_the_kinds_that_were_asked_for_are_told(tmp_path):
    with FileWatch(os.fsencode(tmp_path), "deleted", "moved_in") as watch:
        (tmp_path / "file").touch()
        (tmp_path / "file").unlink()
        assert wait([watch]) == [(watch, FileChange("file", frozenset({"deleted"})))]
        assert wait([watch], 0) == []


def test_each_of_those_who_wait_for_one_watch_gets_a_change_of_its_own(tmp_path):
    with FileWatch(tmp_path, "created") as watch:
        tasks = [Spawn(wait, [watch, Event()], 60) for _ in range(5)]
        Sleep(0.001)
        for number in range(5):
            (tmp_path / str(number)).touch()
        names = [task.Wait()[0][1].name for task in tasks]
        assert sorted(names) == list("01234")
        assert wait([watch], 0) == []


def test_what_nobody_takes_is_bounded_and_its_loss_is_told(tmp_path):
    with FileWatch(tmp_path, "created") as watch:
        for number in range(1030):
            (tmp_path / str(number)).touch()
        names = []
        while found := wait([watch], 0):
            names.append(found[0][1].name)
            last = found[0][1].what
        assert names[:-1] == [str(number) for number in range(len(names) - 1)]
        assert 1024 <= len(names) <= 1026
        assert last == {"lost"}


def test_the_end_of_what_is_watched_is_its_last_change(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with FileWatch(file, "deleted") as watch:
        tasks = [Spawn(wait, [watch], 60) for _ in range(3)]
        Sleep(0.001)
        file.unlink()
        values = []
        for task in tasks:
            ((_, value),) = task.Wait()
            values.append(value)
        changes = [value for value in values if isinstance(value, FileChange)]
        assert {kind for change in changes for kind in change.what} == {"deleted", "gone"}
        for value in values:
            assert isinstance(value, (FileChange, FileNotFoundError))
        with pytest.raises(FileNotFoundError, match="file"):
            wait([watch])


def test_a_watch_closed_while_it_is_waited_for_and_before(tmp_path):
    watch = FileWatch(tmp_path)
    tasks = [Spawn(wait, [watch, Event()], 60) for _ in range(2)]
    Sleep(0.001)
    watch.close()
    watch.close()
    for task in tasks:
        ((_, value),) = task.Wait()
        assert isinstance(value, OSError)
        assert value.errno == errno.EBADF
    with pytest.raises(OSError, match="closed") as raised:
        wait([watch])
    assert raised.value.errno == errno.EBADF
    assert "closed" in repr(watch)


def test_a_watch_closed_at_once_or_forgotten_leaves_nothing(tmp_path):
    Sleep(0)
    descriptors, tokens = len(os.listdir("/proc/self/fd")), len(_scheduler.by_token) - len(_scheduler.free_tokens)
    for _ in range(3):
        with FileWatch(tmp_path) as watch:
            assert wait([watch], 0) == []  # its wait in the library has begun
        watch = FileWatch(tmp_path)
        assert wait([watch], 0.001) == []
        with pytest.warns(ResourceWarning, match="unclosed <FileWatch"):
            del watch
        Sleep(0.001)
    FileWatch(tmp_path).close()
    Sleep(0.001)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(_scheduler.by_token) - len(_scheduler.free_tokens) == tokens


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("/nowhere/at/all",), FileNotFoundError, "nowhere"),
        ((7,), TypeError, "path is 7"),
        (("a\0b",), ValueError, "null"),
        ((".", "changed"), ValueError, "'changed'"),
        ((".", ["created"]), ValueError, "'created'"),
    ],
)
def test_what_cannot_be_watched_is_named(arguments, error, said):
    with pytest.raises(error, match=said):
        FileWatch(*arguments)


def test_other_threads_make_no_watch(tmp_path):
    with pytest.raises(Misuse):
        cothread.offload(FileWatch, tmp_path)


# ---- What is no item


@pytest.mark.parametrize(
    ("items", "error", "said"),
    [
        ([Event(), None], TypeError, "item 1 is None"),
        ([7], TypeError, "item 0 is 7"),
        ([Event], TypeError, "item 0 is <class"),
        ([(7, "x")], ValueError, r"item 0 is \(7, 'x'\)"),
        ([(7, ["r"])], ValueError, "item 0 is"),
        ([(7,)], ValueError, "item 0 is"),
        ([(-1, "r")], ValueError, "item 0: descriptor is -1"),
        ([Event(), ("name", "r")], TypeError, "item 1: 'name' is neither"),
        ([], ValueError, "items is empty"),
        (7, TypeError, "items is 7"),
        (None, TypeError, "items is None"),
        (Event(), TypeError, "items is <"),
        (EventQueue(), TypeError, "items is <"),
        (Timer(None), TypeError, "items is <"),
    ],
)
def test_what_is_no_item_is_named_with_its_place(items, error, said):
    with pytest.raises(error, match=said):
        wait(items)


def test_what_could_be_iterated_over_is_not_taken_for_a_list_of_items(pair, tmp_path):
    """It would be emptied, or waited for without end."""
    queue = EventQueue()
    queue.Signal(Event())
    connection, peer = pair
    peer.sendall(b"line\n")
    with listen(tmp_path / "socket") as listener:
        for thing in (queue, connection, listener):
            with pytest.raises(TypeError, match="items is <"):
                wait(thing)
    assert len(queue) == 1
    assert connection.recv(timeout=60) == b"line\n"


@pytest.mark.parametrize("timeout", ["soon", (1, 2), [1], float("nan"), object()])
def test_a_timeout_that_is_none_is_named_and_nothing_is_taken(timeout):
    event = Event()
    event.Signal("kept")
    with pytest.raises((TypeError, ValueError), match="timeout is"):
        wait([event], timeout)
    assert event.Wait() == "kept"


def test_a_file_closed_while_it_is_waited_for_is_told_beside_what_else_fires():
    read, write = os.pipe()
    event = Event()
    task = Spawn(wait, [(read, "r"), event], 60)
    Sleep(0.001)
    os.close(read)
    event.Signal("event")
    assert task.Wait() == [((read, "r"), POLLNVAL), (event, "event")]
    os.close(write)


# ---- A model that knows the right answer


@pytest.mark.parametrize("seed", range(6))
def test_random_waits_for_all_kinds_lose_nothing_and_take_nothing_twice(seed, tmp_path):
    """Producers make every kind fire, each with something that can be told apart; consumers wait for some of them at a
    time, with and without timeouts, and are thrown out of waits. All that was sent is taken, once."""
    chance = random.Random(seed)
    number = signal.SIGRTMIN

    class Thrown(Exception):
        pass

    sent: dict[str, list[Any]] = {}
    taken: dict[str, list[Any]] = {}

    def note(where, name, values):
        where.setdefault(name, []).extend(values)

    with contextlib.ExitStack() as stack:
        event, stop = Event(), Event(auto_reset=False)
        queues = [EventQueue() for _ in range(2)]
        caught = stack.enter_context(signals(number))
        watches = [stack.enter_context(FileWatch(tmp_path, "created")) for _ in range(2)]
        listener = stack.enter_context(listen(("127.0.0.1", 0)))
        pairs = [stack.enter_context(plain_pair()) for _ in range(2)]
        clock = Timer(0.001, retrigger=True)
        stack.callback(clock.cancel)
        ended = Spawn(lambda: "ended")
        job = Job(lambda: "done")
        process = Process(["true"])
        peers: list[socket.socket] = []
        items = [event, *queues, caught, *watches, (listener, "r"), *((ours, "r") for ours, _ in pairs)]
        items += [(pairs[0][0], "w"), clock, ended, job, process]

        def serve(item, value):
            if item in queues or item is event:
                note(taken, "values", [value])
            elif item is caught:
                note(taken, "signals", [None] * value[number].times)
            elif isinstance(item, FileWatch):
                assert isinstance(value, FileChange)
                note(taken, f"changes {watches.index(item)}", [value.name])
            elif isinstance(item, tuple):
                thing, mode = item
                with contextlib.suppress(cothread.Timedout, Misuse):  # another task was first, or is at it
                    if thing is listener:
                        with listener.accept(timeout=0) as accepted:
                            data = b""
                            while not data:
                                with contextlib.suppress(Thrown):
                                    data = accepted.recv_exactly(2, 60)
                            note(taken, "connections", [data])
                    elif mode == "r":
                        index = [ours for ours, _ in pairs].index(thing)
                        note(taken, f"bytes {index}", thing.recv(chance.choice([1, 3, 100]), timeout=0))
            else:
                assert value == {ended: "ended", job: "done", process: 0}.get(item, value)

        def consumer():
            while True:
                try:
                    some = [*chance.choices(items, k=chance.randint(1, 10)), stop]
                    fires = wait(some, chance.choice([None, None, 0, 0.001]))
                except Thrown:
                    continue
                if any(item is stop for item, _ in fires):
                    return
                assert all(any(item is one for one in some) for item, _ in fires)
                takers = [item for item, _ in fires if item in (event, caught, *queues, *watches)]
                assert len(takers) <= 1
                # What waits, and may be ended by an exception, comes last.
                for item, value in sorted(fires, key=lambda pair: isinstance(pair[0], tuple)):
                    with contextlib.suppress(Thrown):
                        serve(item, value)
                with contextlib.suppress(Thrown):
                    Yield()

        consumers = [Spawn(consumer, raise_on_wait=True) for _ in range(6)]

        def throw():
            victim = chance.choice(consumers)._task
            if victim is not None and isinstance(victim.queue, cothread._wait.Choice):
                _scheduler.throw(victim, Thrown())

        names = iter(range(100_000))
        for _ in range(1500):
            action, value = chance.random(), next(names)
            if action < 0.2:
                chance.choice(queues).Signal(value)
                note(sent, "values", [value])
            elif action < 0.3:
                if not event:
                    event.Signal(value)
                    note(sent, "values", [value])
            elif action < 0.4:
                signal.raise_signal(number)
                note(sent, "signals", [None])
            elif action < 0.5:
                (tmp_path / str(value)).touch()
                for index in range(len(watches)):
                    note(sent, f"changes {index}", [str(value)])
            elif action < 0.65:
                index = chance.randrange(len(pairs))
                data = value.to_bytes(4, "big")
                pairs[index][1].sendall(data)
                note(sent, f"bytes {index}", data)
            elif action < 0.68:
                peers.append(socket.create_connection(listener.getsockname()))
                peers[-1].sendall(value.to_bytes(2, "big"))
                note(sent, "connections", [value.to_bytes(2, "big")])
            elif action < 0.72:
                throw()
            elif action < 0.97:
                Yield()
            else:
                Sleep(0.001)
        for _ in range(60_000):
            if all(len(taken.get(name, ())) >= len(values) for name, values in sent.items()):
                break
            throw()
            Sleep(0.001)
        stop.Signal()
        for task in consumers:
            task.Wait(60)
        for peer in peers:
            peer.close()
        for name, values in sent.items():
            # The order of bytes and changes is kept, too, but several tasks note them.
            assert sorted(taken.get(name, ()), key=repr) == sorted(values, key=repr), name
        assert taken.keys() == sent.keys()
        process.wait(60)
