# SPDX-License-Identifier: Apache-2.0
"""Raises at each place where this Python runs signal handlers, in the package's code, one after the other.

    faults.py SCENARIO [SECOND]

A scenario is run again and again, and the exception comes at its first place, then at its second, until there are no
more. After each all its tasks must have done what they had to, once, and a new task finds a scheduler that works.
SECOND: a second exception comes so many calls or function starts after the first.

Handlers run before nearly every instruction in 3.9, after calls and jumps in 3.10, and since 3.11 at the start of a
function, after calls and at jumps back. A trace function stands for the handler: what it raises comes out there.
"""

import contextlib
import dis
import faulthandler
import os
import socket
import sys
import time
import traceback

WHERE = os.path.join("bindings", "python", "cothread") + os.sep
# After these 3.9 goes on without a look, and before those it does not look.
QUICK = {"LOAD_FAST", "LOAD_CONST", "STORE_FAST", "POP_TOP", "ROT_TWO", "ROT_THREE", "DUP_TOP", "NOP"}
PROTECTED = {"SETUP_FINALLY", "SETUP_WITH"}


class Fault(Exception):
    """What the handler raises."""


class Faults:
    """Counts places, and raises at one."""

    def __init__(self):
        self.armed = False
        self.at = self.count = 0
        self.second = self.left = 0
        self.places = []
        self.last = {}  # by frame, the instruction before
        self.names = {}

    def arm(self, at, second):
        self.at, self.second, self.count, self.left = at, second, 0, 0
        self.places = []
        self.armed = True

    def disarm(self):
        self.armed = False
        self.left = 0
        self.last.clear()
        sys.setprofile(None)
        sys.settrace(self.call)

    def call(self, frame, event, _arg):
        if WHERE not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self.step

    def step(self, frame, event, _arg):
        if event == "opcode":
            if self.armed:
                self.opcode(frame)
            elif self.last:
                self.last.clear()
        elif event == "return" and sys.version_info >= (3, 11):
            self.last[frame.f_back] = ""  # a call of a Python function is no place any more
        return self.step

    def opcode(self, frame):
        code = frame.f_code
        names = self.names.get(code)
        if names is None:
            names = self.names[code] = {i.offset: i.opname for i in dis.get_instructions(code)}
        name = names.get(frame.f_lasti, "")
        before = self.last.get(frame)
        self.last[frame] = name
        if sys.version_info < (3, 10):
            place = before not in QUICK and name not in PROTECTED
        elif sys.version_info < (3, 11):
            place = before is None or "CALL" in before or "JUMP" in before
        else:
            place = before is None or before.startswith(("CALL", "JUMP_BACKWARD"))
        if place:
            self.count += 1
            if self.count == self.at:
                self.raise_in(frame)

    def raise_in(self, frame):
        self.armed = False
        if self.second:
            # What a trace function raises ends the tracing; the profiler takes over, which sees calls.
            self.left = self.second
            sys.setprofile(self.profile)
        self.tell(frame)

    def tell(self, frame):
        code = frame.f_code
        self.places.append(f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_name} at {frame.f_lasti}")
        raise Fault(self.places[-1])

    def profile(self, frame, event, _arg):
        if self.left and WHERE in frame.f_code.co_filename and event in ("call", "c_return", "c_exception"):
            self.left -= 1
            if not self.left:
                self.tell(frame)


faults = Faults()
sys.settrace(faults.call)

import cothread  # noqa: E402
from cothread import _scheduler  # noqa: E402

seen = []


def again(call, *args, **kargs):
    """Does it until it is done."""
    while True:
        try:
            return call(*args, **kargs)
        except Fault as fault:
            seen.append(fault)


def until(condition):
    """In main: lets the tasks go on."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("somebody never went on")
        again(cothread.Sleep, 0.0002)
        revive()


def revive():
    """The exception may come before a function's first line, and is told as the function's then."""
    for entry in spawned[:]:
        job, run, begun = entry
        if job not in cothread.Spawn.Cothreads:
            spawned.remove(entry)
            if not begun:
                made(run, begun)


PATIENCE = float(os.environ.get("PATIENCE", 60))


def spawn(function, *args):
    """A task that is there whatever happens: one that was not begun is made again."""
    begun = []

    def run():
        begun.append(1)
        assert len(begun) == 1, "it ran twice"
        function(*args)

    return made(run, begun)


def made(run, begun):
    before = set(cothread.Spawn.Cothreads)
    while True:
        try:
            job = cothread.Spawn(run)
            break
        except Fault as fault:
            seen.append(fault)
            found = [job for job in cothread.Spawn.Cothreads - before if job._function is run]
            if found:
                job = found[0]
                break
    spawned.append((job, run, begun))
    return job


spawned = []


def event_wait():
    event, got = again(cothread.Event), []

    def waiter():
        for n in range(2):
            while True:
                value = again(event.Wait)
                assert value in (n, n - 1), value
                if value == n:
                    break
            got.append(value)

    others = [0]

    def other():
        for _ in range(3):
            again(cothread.Yield)
            others[0] += 1

    spawn(waiter)
    spawn(other)
    for n in range(2):
        again(cothread.Yield)
        # On 3.9 the exception may come instead of a value that was taken: so it is told again.
        while len(got) == n:
            again(event.Signal, n)
            again(cothread.Yield)
            revive()
    until(lambda: len(got) == 2 and others[0] == 3)
    assert got == [0, 1]


def event_of_many():
    """Each value goes to one; those who wait all get one."""
    event, got = again(cothread.Event), []

    def waiter():
        got.append(again(event.Wait))

    for _ in range(3):
        spawn(waiter)
    again(cothread.Yield)

    def given():
        if not again(bool, event):
            again(event.Signal, 1)
        return len(got) == 3

    until(given)


def event_for_all():
    event, got = again(cothread.Event, auto_reset=False), []

    def waiter():
        got.append(again(event.Wait))

    for _ in range(3):
        spawn(waiter)
    again(cothread.Yield)
    again(event.Signal, 1)
    until(lambda: len(got) == 3)


def timed_wait():
    event, got = again(cothread.Event), []

    def waiter():
        for _ in range(2):
            before = time.monotonic_ns()
            try:
                again(event.Wait, 0.0003)
            except cothread.Timedout:
                assert time.monotonic_ns() - before >= 300_000, "too early"
            got.append(1)

    spawn(waiter)
    again(cothread.Yield)
    again(cothread.Yield)
    until(lambda: len(got) == 2)


def timed_wait_that_is_met():
    event, got = again(cothread.Event), []

    def waiter():
        got.append(again(event.Wait, 30))
        before = time.monotonic_ns()
        again(cothread.Sleep, 0.0002)
        assert time.monotonic_ns() - before >= 200_000, "woken by something else"
        got.append(1)

    spawn(waiter)
    again(cothread.Yield)

    def given():
        if not got and not again(bool, event):
            again(event.Signal, 1)
        return len(got) == 2

    until(given)


def sleep():
    got = []

    def sleeper(n):
        for _ in range(2):
            before = time.monotonic_ns()
            again(cothread.Sleep, n * 0.0002)
            assert time.monotonic_ns() - before >= n * 200_000, "too early"
        got.append(n)

    for n in range(3):
        spawn(sleeper, n)
    until(lambda: len(got) == 3)


def yields():
    got = [0, 0, 0]

    def one(n):
        for _ in range(4):
            again(cothread.Yield)
            got[n] += 1

    for n in range(3):
        spawn(one, n)
    again(cothread.Yield, 0.001)
    until(lambda: got == [4, 4, 4])


def spawn_and_join():
    got = []

    def child(n):
        again(cothread.Yield)
        return n

    def parent():
        for n in range(3):
            job = spawn(child, n)
            again(job.Wait)
            got.append(n)

    jobs = [spawn(parent), spawn(parent)]
    for job in jobs:
        again(job.Wait, 50)
    until(lambda: sorted(got) == [0, 0, 1, 1, 2, 2])


def queue():
    values, got = again(cothread.EventQueue), []

    def taker():
        while True:
            try:
                got.append(again(values.Wait))
            except StopIteration:
                ended.append(1)
                return

    ended = []
    spawn(taker)
    spawn(taker)
    for n in range(6):
        while n not in got and n not in values._values:
            again(values.Signal, n)
        again(cothread.Yield)
    until(lambda: not values._values)
    again(values.close)
    until(lambda: len(ended) == 2)
    assert set(got) >= set(range(6)) if sys.version_info >= (3, 10) else len(set(got)) >= 5, got
    assert got == sorted(got), got


def callback():
    ran, done = [], again(cothread.Event)

    for n in range(3):
        while n not in ran and all(args != (n,) for _, args in cothread.Callback.values):
            again(cothread.Callback, ran.append, n)
        again(cothread.Yield)
    again(cothread.Callback, cothread.Yield)
    again(cothread.Callback, done.Signal)

    def all_ran():
        if not cothread.Callback.values and sys.version_info < (3, 10):
            # It may come before the first line of an action, which has raised then.
            for n in {0, 1, 2} - set(ran):
                again(cothread.Callback, ran.append, n)
        return not cothread.Callback.values and set(ran) == {0, 1, 2}

    until(all_ran)
    again(cothread.Callback, done.Signal)
    again(done.Wait, 50)


def callback_queue():
    ran = []
    posts = again(cothread.CallbackQueue, 2, "block")

    def poster(k):
        for n in range(3):
            again(posts, ran.append, (k, n))

    jobs = {spawn(poster, 0), spawn(poster, 1)}
    wanted = {(k, n) for k in range(2) for n in range(3)}

    def all_ran():
        missing = wanted - set(ran) if sys.version_info < (3, 10) and not cothread.Spawn.Cothreads & jobs else ()
        for pair in missing:  # as in callback
            again(posts, ran.append, pair)
        return set(ran) == wanted

    until(all_ran)


def select_one():
    a, b = socket.socketpair()
    got = []

    def reader():
        while not again(cothread.poll_list, [(a, 1)], 30):
            pass
        got.append(a.recv(10))
        ended.append(1)

    ended = []
    spawn(reader)
    again(cothread.Yield)
    b.send(b"x")
    until(lambda: ended)
    assert got == [b"x"]
    assert again(cothread.poll_list, [(a, 1)], 0.0002) == []
    a.close()
    b.close()


def select_several():
    a, b = socket.socketpair()
    got = []

    def reader():
        while not again(cothread.poll_list, [(a, 1), (b, 1)], 30):
            pass
        got.append(a.recv(10))
        ended.append(1)

    ended = []
    spawn(reader)
    again(cothread.Yield)
    b.send(b"x")
    until(lambda: ended)
    assert got == [b"x"]
    assert again(cothread.poll_list, [(a, 1), (b, 1)], 0.0002) == []
    a.close()
    b.close()


def socket_of_tasks():
    armed, faults.armed = faults.armed, False
    a, b = cothread.socketpair()
    faults.armed = armed
    got = []

    def reader():
        got.append(again(a.recv, 10, socket.MSG_PEEK))  # what it takes, a handler that raises could lose
        got.append(again(a.recv, 10, socket.MSG_PEEK))
        os.read(a.fileno(), 10)
        try:
            again(a.recv, 10, socket.MSG_PEEK)
        except OSError as error:
            got.append(error.errno)

    spawn(reader)
    again(cothread.Yield)
    os.write(b.fileno(), b"x")
    until(lambda: len(got) >= 2)
    again(cothread.Yield)
    while a.fileno() >= 0:
        again(a.close)
    until(lambda: len(got) >= 3)
    assert got == [b"x", b"x", 9]
    again(b.close)


def connection():
    """Each byte arrives once, in order."""
    path = f"\0cothread-faults-{os.getpid()}-{faults.at}"
    armed, faults.armed = faults.armed, False
    listener = cothread.listen(path)
    ends = []
    job = cothread.Spawn(lambda: ends.append(listener.accept(30)))
    client = cothread.connect(path, 30)
    job.Wait()
    server = ends[0]
    faults.armed = armed
    got = bytearray()

    def reader():
        while True:
            chunk = again(server.recv)
            if not chunk:
                ended.append(1)
                return
            got.extend(chunk)

    ended = []
    spawn(reader)
    for n in range(3):
        again_sent(client, b"%d234" % n)
        again(cothread.Yield)
    with contextlib.suppress(BrokenPipeError):  # it was done when the exception came
        again(client.shutdown, 30)
    until(lambda: ended)
    # Before 3.11 the exception may come instead of the result of a call that was over.
    assert bytes(got) == b"023412342234" or (sys.version_info < (3, 11) and bytes(got) in PARTS), got
    again(client.close, 0)
    again(server.close, 0)
    again(listener.close)


PARTS = [b"".join(chunks[:n] + chunks[n + 1 :]) for chunks in ([b"0234", b"1234", b"2234"],) for n in range(3)]


def again_sent(client, data):
    """sendall tells by its `sent` or by the ring whether the bytes were taken."""
    requests = _scheduler.requests
    while True:
        before = len(requests)
        try:
            return client.sendall(data)
        except Fault as fault:
            seen.append(fault)
            if len(requests) != before:
                return None


def wait_over_many():
    event, other, got = again(cothread.Event), again(cothread.EventQueue), []
    timer = again(cothread.Timer, 0.0003)

    def waiter():
        items = [event, other, timer]
        while len(got) < 3:
            for item, value in again(cothread.wait, items, 30):
                if item is not timer:
                    got.append(value)
                else:
                    got.append("timer")
                    items.remove(timer)
        ended.append(1)

    ended = []
    spawn(waiter)
    again(cothread.Yield)

    def given():
        if 1 not in got and not again(bool, event):
            again(event.Signal, 1)
        if 2 not in got and not again(bool, other):
            again(other.Signal, 2)
        return ended

    until(given)
    assert set(got) == {1, 2, "timer"}, got


SCENARIOS = [
    event_wait, event_of_many, event_for_all, timed_wait, timed_wait_that_is_met, sleep, yields, spawn_and_join, queue,
    callback, callback_queue, select_one, select_several, socket_of_tasks, connection, wait_over_many,
]  # fmt: skip


def works():
    """Without faults: a scheduler that has nothing left of what was before, and goes on."""
    there, back = cothread.Event(), cothread.Event()

    def answer():
        for _ in range(3):
            back.Signal(there.Wait(PATIENCE))

    job = cothread.Spawn(answer, raise_on_wait=True)
    for n in range(3):
        there.Signal(n)
        assert back.Wait(PATIENCE) == n
    job.Wait(PATIENCE)
    assert cothread.Spawn(lambda: 42).Wait(PATIENCE) == 42
    for _ in range(3):
        before = time.monotonic_ns()
        cothread.Sleep(0.0001)
        assert time.monotonic_ns() - before >= 100_000, "a Sleep ended early"
    turns = []

    def one(n):
        for _ in range(3):
            turns.append(n)
            cothread.Yield()

    jobs = [cothread.Spawn(one, n) for n in range(3)]
    cothread.WaitForAll(jobs, PATIENCE)
    assert turns == [0, 1, 2] * 3, f"turns {turns}"
    cothread.Yield()
    s = _scheduler
    left = s.ready[s._done() :]
    assert left == [s.hub], f"left in ready {left}"
    assert not (s.yielders or s.expired or s.overdue or s.idlers or s.unstarted or s.errors or s.wakeups)
    idle = [job for job in cothread.Spawn.Cothreads if "serve" not in repr(job._function)]
    assert not idle, f"left over {idle}"
    assert len(set(map(id, s.parked))) == len(s.parked), "parked twice"


def resume_tracing():
    """What a fault ended: frames that began meanwhile are not traced."""
    faults.disarm()
    for task in [_scheduler.hub, *_scheduler.parked]:
        frame = task.gr_frame
        while frame is not None:
            if WHERE in frame.f_code.co_filename:
                frame.f_trace = faults.step
                frame.f_trace_opcodes = True
                frame.f_trace_lines = False
            frame = frame.f_back


def main():
    name = sys.argv[1]
    second = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    (scenario,) = [each for each in SCENARIOS if each.__name__ == name]
    faulthandler.dump_traceback_later(PATIENCE * 10, exit=True)
    cothread.Sleep(0.0001)
    scenario()
    works()
    at = 0
    while faults.places or not at:
        at += 1
        faulthandler.dump_traceback_later(PATIENCE * 2, exit=True)
        del seen[:], spawned[:]
        faults.arm(at, second)
        try:
            scenario()
            resume_tracing()
            again(cothread.Sleep, 0.0002)
            again(cothread.Sleep, 0.0002)
            works()
        except BaseException:
            resume_tracing()
            print(f"place {at} of {name}: {faults.places}", flush=True)
            traceback.print_exc()
            os._exit(1)
    print(f"{name}: {at - 1} places", flush=True)
    os._exit(0)


main()
