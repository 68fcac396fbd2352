# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C. Each program answers every SIGINT with a line, and gets the next one only then."""

import signal
import subprocess
import sys
import textwrap

import pytest

# What main does while the interrupts come: it waits with everybody asleep, beside tasks that yield without end,
# beside tasks that signal each other, or it computes.
MAIN_WAITS = {
    "asleep": ("cothread.Sleep(0.0005)", "cothread.Event().Wait()"),
    "beside tasks that yield": ("cothread.Yield()", "cothread.Sleep(1000)"),
    "beside tasks that compute": (
        "sum(range(2000)); cothread.Yield()",
        "cothread.Sleep(1000)",
    ),
    "in a poll": (
        "cothread.Sleep(0.0005)",
        "cothread.poll_list([(other, cothread.POLLIN)])",
    ),
    "computing": (
        "cothread.Yield()",
        "[n for n in range(1000)]; cothread.Yield() if not turns % 100 else None",
    ),
    "yielding": ("cothread.Yield()", "cothread.Yield()"),
}

PROGRAM = """
import os, sys, cothread

TASKS = 50
other, _write = os.pipe()
stop = []
ended = []
turns = 0

def task(n):
    while not stop:
        {task}
    ended.append(n)

tasks = [cothread.Spawn(task, n) for n in range(TASKS)]
cothread.Sleep(0.01)
told = 0
answer = "ready"
while told < {interrupts}:
    try:
        print(answer, flush=True)  # the next interrupt comes after this line, so it finds us in the try
        while True:
            turns += 1
            {main}
    except KeyboardInterrupt:
        told += 1
        answer = "told"
print(answer, flush=True)
stop.append(1)
cothread.WaitForAll(tasks, 60)
print("ended", len(ended), flush=True)
"""


def start(source):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(program):
    program.send_signal(signal.SIGINT)


def end_of(program):
    # Not communicate(): it would miss what readline() has read ahead.
    out, err = program.stdout.read(), program.stderr.read()
    assert err == ""
    assert program.wait(60) == 0
    return out


@pytest.mark.parametrize("state", MAIN_WAITS)
def test_300_interrupts_lose_no_task(state):
    task, main = MAIN_WAITS[state]
    program = start(PROGRAM.format(task=task, main=main, interrupts=300))
    assert program.stdout.readline() == "ready\n"
    for _ in range(300):
        interrupt(program)
        assert program.stdout.readline() == "told\n"
    assert end_of(program) == "ended 50\n"


def test_an_interrupt_while_a_task_runs_is_told_to_main_and_not_to_the_task():
    """In the original the task printed it, and main went on."""
    program = start(
        """
        import cothread, os, signal

        def task():
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):  # the handler has run, the task goes on
                pass
            cothread.Sleep(0.01)
            return "task unharmed"

        task = cothread.Spawn(task)
        try:
            cothread.Sleep(1000)
        except KeyboardInterrupt:
            print("main was told")
        print(task.Wait())
        """
    )
    assert end_of(program) == "main was told\ntask unharmed\n"


def test_the_second_interrupt_in_a_task_that_spins_is_raised_there_and_reaches_main():
    program = start(
        """
        import cothread, os, signal

        def spin():
            print("spinning", flush=True)
            while cothread._scheduler.interrupted is None:
                pass
            print("the first was kept for main", flush=True)
            while True:
                pass

        cothread.Spawn(spin)
        after = cothread.Spawn(lambda: "others live on")
        try:
            cothread.Sleep(1000)
        except KeyboardInterrupt:
            print("main was told", flush=True)
        print(after.Wait())
        cothread.Sleep(0.001)  # it was told once
        """
    )
    assert program.stdout.readline() == "spinning\n"
    interrupt(program)
    assert program.stdout.readline() == "the first was kept for main\n"
    interrupt(program)
    assert end_of(program) == "main was told\nothers live on\n"


def test_an_interrupt_while_main_computes_is_raised_at_once():
    program = start(
        """
        import cothread
        cothread.Sleep(0)
        try:
            print("computing", flush=True)
            while True:
                pass
        except KeyboardInterrupt:
            print("told")
        """
    )
    assert program.stdout.readline() == "computing\n"
    interrupt(program)
    assert end_of(program) == "told\n"


def test_a_signal_that_comes_just_before_the_poll_is_not_slept_over():
    """The handler's flag is set, but no system call is interrupted: the descriptor for it ends the poll."""
    program = start(
        """
        import cothread, signal, os
        from cothread import _scheduler

        handled = []
        event = cothread.Event()
        def handler(number, frame):
            handled.append(number)
            cothread.Callback(event.Signal)
        signal.signal(signal.SIGUSR1, handler)
        cothread.Sleep(0)

        real = _scheduler.core._wait
        def late():
            # As if it came between Python's last look and the system call: a thread keeps it for itself.
            import threading
            threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)).start()
            return real()
        _scheduler.core._wait = late
        event.Wait()
        _scheduler.core._wait = real
        print(handled == [signal.SIGUSR1])
        """
    )
    assert end_of(program) == "True\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="older Pythons run handlers between any two instructions")
def test_a_signal_that_comes_just_before_the_descriptor_is_set_is_not_slept_over():
    """It writes no byte that would end the poll, and Python runs its handler only in the next call."""
    program = start(
        """
        import _thread, cothread, signal
        from cothread import _scheduler
        cothread.Sleep(0)
        real = _scheduler.before_sleep
        def before_sleep():
            _scheduler.before_sleep = real
            [*map(_thread.interrupt_main, (signal.SIGINT,))]  # no call of Python's: no handler yet
        _scheduler.before_sleep = before_sleep
        try:
            cothread.Sleep(1000)
        except KeyboardInterrupt:
            print("told")
        """
    )
    assert end_of(program) == "told\n"


@pytest.mark.parametrize("taken", ["before the wait", "after a poll", "never"])
def test_a_signal_at_any_place_of_a_wait_ends_it(run_script, taken):
    """Whoever took the wakeup descriptor away meanwhile."""
    done = run_script(
        f"""
        import faulthandler, os, signal, sys
        import cothread
        from cothread import _scheduler

        where = os.path.dirname(cothread.__file__)
        armed = count = at = 0

        def trace(frame, event, arg):
            if os.path.dirname(frame.f_code.co_filename) != where:
                return None
            frame.f_trace_opcodes = True
            return step

        def step(frame, event, arg):
            global armed, count
            if armed and event == "opcode":
                count += 1
                if count == at:
                    armed = 0
                    signal.raise_signal(signal.SIGUSR1)
            return step

        sys._getframe().f_trace_opcodes = True  # before: else 3.12 tells of no instructions
        sys.settrace(trace)
        faulthandler.dump_traceback_later(60, exit=True)
        signal.signal(signal.SIGUSR1, lambda *_: event.Signal(1))
        for deadline in None, 1000:
            count = at = 0
            while count == at:
                at += 1
                event = cothread.Event()
                taken = {taken!r}
                if taken == "before the wait":
                    signal.set_wakeup_fd(-1)
                elif taken == "after a poll":
                    cothread.Sleep(1e-6)
                    signal.set_wakeup_fd(-1)
                count = 0
                armed = 1
                cothread.Timer(0.001, lambda: armed and event.Signal(0))
                event.Wait(deadline)
                armed = 0
            print(at > 100)
        """,
        timeout=120,
    )
    assert done.stdout == "True\nTrue\n"


def test_a_signal_ends_a_wait_that_began_as_the_descriptor_was_taken_away(run_script):
    done = run_script(
        """
        import signal, threading, cothread
        event = cothread.Event()
        signal.signal(signal.SIGUSR1, lambda *_: event.Signal("seen"))
        real = cothread._scheduler.core._wait

        def late():  # a thread keeps it for itself: it interrupts no call of the main thread's
            cothread._scheduler.core._wait = real
            thread = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
            thread.start()
            return real()

        cothread.Sleep(0.002)
        cothread.Sleep(1e-5)
        cothread._scheduler.core._wait = late
        signal.set_wakeup_fd(-1)
        cothread._scheduler._spared_until = cothread._scheduler.core.now() + 10_000_000
        print(event.Wait())
        """
    )
    assert done.stdout == "seen\n"


def test_a_wakeup_descriptor_that_was_there_before_still_gets_its_bytes():
    program = start(
        """
        import cothread, signal, os
        r, w = os.pipe()
        os.set_blocking(w, False)
        signal.set_wakeup_fd(w)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        cothread.Sleep(0)
        os.kill(os.getpid(), signal.SIGUSR1)
        print(cothread.poll_list([(r, cothread.POLLIN)], 20) == [(r, cothread.POLLIN)])
        print(os.read(r, 10) == bytes([signal.SIGUSR1]))
        """
    )
    assert end_of(program) == "True\nTrue\n"


def test_a_handler_of_the_programs_own_is_kept():
    program = start(
        """
        import cothread, signal, os
        def own(number, frame):
            cothread.Callback(quit.Signal, "own handler")
        quit = cothread.Event()
        signal.signal(signal.SIGINT, own)
        cothread.Sleep(0)
        assert signal.getsignal(signal.SIGINT) is own
        os.kill(os.getpid(), signal.SIGINT)
        print(quit.Wait(60))
        """
    )
    assert end_of(program) == "own handler\n"


@pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="older Pythons run handlers between any two instructions",
)
def test_a_handler_that_raises_loses_no_task():
    """Its exception may land in a task, which it then ends, as it would without a scheduler. Nobody else suffers."""
    program = start(
        """
        import cothread, signal
        class Alarm(Exception):
            pass
        def alarm(number, frame):
            raise Alarm
        signal.signal(signal.SIGALRM, alarm)

        stop = []
        def task():
            while not stop:
                cothread.Sleep(0.0005)
        tasks = [cothread.Spawn(task, raise_on_wait=True) for _ in range(100)]
        cothread.Sleep(0.001)
        raised = 0
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        while True:
            try:
                while raised < 200:
                    try:
                        cothread.Event().Wait()
                    except Alarm:
                        raised += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
                cothread.Yield()
                break
            except Alarm:
                pass
        stop.append(1)
        ended = 0
        for task in tasks:
            try:
                task.Wait(60)
            except Alarm:
                pass
            ended += 1
        print("ended", ended)
        """
    )
    assert end_of(program) == "ended 100\n"


def test_what_a_handler_spawns_is_not_lost_whenever_it_runs(run_script):
    done = run_script(
        """
        import signal, time
        import cothread

        spawned = []
        signal.signal(signal.SIGALRM, lambda *_: spawned.append(cothread.Spawn(int)))
        end = time.monotonic() + 1

        def work():
            while time.monotonic() < end:
                cothread.Yield()

        workers = [cothread.Spawn(work) for _ in range(3)]
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        cothread.WaitForAll(workers)
        signal.setitimer(signal.ITIMER_REAL, 0)
        cothread.WaitForAll(spawned, 60)
        print("all of them" if spawned else "none came")
        """
    )
    assert done.stdout == "all of them\n"


def test_an_interrupt_that_nobody_catches_ends_the_program():
    program = start(
        """
        import cothread
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                print("finally", flush=True)
        cothread.Spawn(task)
        cothread.Sleep(0)
        print("ready", flush=True)
        cothread.Sleep(1000)
        """
    )
    assert program.stdout.readline() == "ready\n"
    interrupt(program)
    assert program.stdout.read() == "finally\n"
    assert program.stderr.read().rstrip().endswith("KeyboardInterrupt")
    assert program.wait(60) == -signal.SIGINT


def test_wait_for_quit_ends_with_an_interrupt():
    program = start(
        """
        import cothread
        cothread.Timer(0.01, lambda: print("ready", flush=True))
        cothread.WaitForQuit()
        cothread.WaitForQuit()  # for the rest of the process
        print("quit")
        """
    )
    assert program.stdout.readline() == "ready\n"
    interrupt(program)
    assert end_of(program) == "quit\n"


def test_quit_ends_wait_for_quit():
    program = start(
        """
        import cothread
        cothread.Spawn(lambda: (cothread.Sleep(0.01), cothread.Quit()))
        cothread.WaitForQuit(catch_interrupt=False)
        cothread.WaitForQuit(catch_interrupt=False)
        print("quit")
        """
    )
    assert end_of(program) == "quit\n"


def test_a_first_wait_that_cannot_watch_signals_says_so_once(run_script):
    """With a descriptor table as a program leaves it that closes what it does not know."""
    done = run_script(
        """
        import os, signal, cothread
        from cothread import _signals
        os.close(_signals._pipe._write)
        try:
            cothread.Sleep(0)
        except OSError as error:
            print("told:", type(error).__name__)
        print(cothread.Spawn(lambda: 42).Wait(60))
        """
    )
    assert done.stdout == "told: OSError\n42\n"


def test_a_handler_that_waits_while_everybody_sleeps_is_refused(run_script):
    done = run_script(
        """
        import cothread, os, signal
        lock = cothread.RLock()
        def handler(number, frame):
            for wait in cothread.Yield, lock.acquire, cothread.Event().Wait, lambda: cothread.Sleep(0):
                try:
                    wait()
                    print("it waited")
                except cothread.Misuse:
                    pass
            cothread.Spawn(woken.Signal, 42)
        signal.signal(signal.SIGALRM, handler)
        woken = cothread.Event()
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        print(woken.Wait(60))
        """
    )
    assert done.stdout == "42\n"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="handlers run between any two bytecodes there")
@pytest.mark.parametrize("queue", ["cothread.Callback", "cothread.CallbackQueue(8, 'replace')"])
def test_a_post_that_a_handler_cuts_short_leaves_no_dead_queue(run_script, queue):
    done = run_script(
        f"""
        import cothread, random, signal
        class Alarm(Exception):
            pass
        def alarm(number, frame):
            raise Alarm
        signal.signal(signal.SIGALRM, alarm)
        queue, ran = {queue}, []
        for round in range(500):
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 60e-6))
                while True:
                    queue(ran.append, 0)
            except Alarm:
                pass
            cothread.Sleep(0)
            del ran[:]
            queue(ran.append, 1)
            while 1 not in ran:
                cothread.Sleep(0.001)
        print("all ran")
        """
    )
    assert done.stdout == "all ran\n"


# Interrupts a wait between its beginning and its switch, wherever Python runs handlers there: `at` counts the places.
NESTED = """
import faulthandler, os, sys
import cothread
from cothread import _scheduler
from greenlet import getcurrent

class Places:
    def __init__(self):
        self.at = self.count = 0
        self.call = self.task = None

    def trace(self, frame, event, arg):
        if frame.f_code not in _scheduler.wait_code or frame.f_code.co_name == "_run_jobs":
            return None
        frame.f_trace_opcodes = True
        return self.step

    def step(self, frame, event, arg):
        if event == "opcode" and self.call is not None and getcurrent() is self.task:
            self.count += 1
            if self.count == self.at:
                call, self.call = self.call, None
                call()
        return self.step

places = Places()
sys._getframe().f_trace_opcodes = True  # before: else 3.12 tells of no instructions
sys.settrace(places.trace)
faulthandler.dump_traceback_later(60, exit=True)

def nested(depth):
    other = cothread.Event()
    cothread.Spawn(other.Signal, depth)
    assert other.Wait(30) == depth
    cothread.Yield()
    cothread.Sleep(0.0001)
    try:
        cothread.Event().Wait(0.0001)
    except cothread.Timedout:
        pass
    else:
        raise AssertionError("nobody signalled")
    assert cothread.wait([other], 0.0001) == []
    assert cothread.poll_list([(spare[0], cothread.POLLIN), (spare[1], cothread.POLLERR)], 0.0001) == []
    if depth:
        nested(depth - 1)
    done.append(depth)

def times_out(event):
    try:
        event.Wait(0.0002)
    except cothread.Timedout:
        pass
    assert not event._waiters, "it still stands there"

reading, writing = os.pipe()
mine, theirs = cothread.socketpair()
spare = os.pipe()

def run(event):
    places.task = getcurrent()
    {what}

at = 0
cothread.Sleep(0)
while not at or places.call is None:
    at += 1
    done = []
    event = cothread.Event()
    places.at, places.count = at, 0
    places.call = lambda: nested(1)
    task = cothread.Spawn(run, event, raise_on_wait=True)
    for _ in range({rounds}):
        cothread.Yield()
    {then}
    task.Wait(30)
    while places.call is None and len(done) < 2:  # it was behind the end of the function
        cothread.Yield(0.001)
    assert places.call is not None or done == [0, 1], done
print("at", at > 5, flush=True)
os._exit(0)
"""

WAITS = {
    "an event": ("assert event.Wait() == 1", "event.Signal(1)"),
    "an event, timed": ("assert event.Wait(30) == 1", "event.Signal(1)"),
    "an event that does not come": ("times_out(event)", "pass"),
    "a sleep": ("cothread.Sleep(0.001)", "pass"),
    "a yield": ("cothread.Yield()", "pass"),
    "several": ("assert cothread.wait([event], 30) == [(event, 1)]", "event.Signal(1)"),
    "descriptors": (
        "assert cothread.poll_list([(spare[0], 1), (reading, 1)], 30) == [(reading, 1)]",
        "os.write(writing, b'x')",
    ),
    "a descriptor": ("assert cothread.poll_list([(reading, 1)], 30) == [(reading, 1)]", "os.write(writing, b'x')"),
    "a socket": ("assert mine.recv(1) == b'x'", "theirs.send(b'x')"),
}


@pytest.mark.parametrize(
    "name, rounds",
    [*((name, 1) for name in WAITS), *((name, 60) for name in ("an event, timed", "several", "descriptors"))],
    ids=lambda value: f"woken {'meanwhile' if value == 1 else 'after'}" if isinstance(value, int) else value,
)
def test_a_handler_may_wait_in_the_middle_of_a_wait(run_script, name, rounds):
    what, then = WAITS[name]
    done = run_script(NESTED.format(what=what, then=then, rounds=rounds), timeout=120)
    assert done.stdout == "at True\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="older Pythons run handlers between more instructions")
def test_a_handler_that_signals_in_the_middle_of_a_signal_wakes_somebody_else(run_script):
    done = run_script(
        """
        import dis, faulthandler, os, sys
        import cothread

        where = os.path.dirname(cothread.__file__)
        count = at = 0
        call = before = None
        names = {}

        def trace(frame, event, arg):
            if os.path.dirname(frame.f_code.co_filename) != where:
                return None
            frame.f_trace_opcodes = True
            return step

        def step(frame, event, arg):
            global before, call, count
            code = frame.f_code
            if call is not None and event == "opcode":
                if code not in names:
                    names[code] = {i.offset: i.opname for i in dis.get_instructions(code)}
                place = before is None or before.startswith("CALL")
                before = names[code].get(frame.f_lasti, "")
                if place:
                    count += 1
                    if count == at:
                        handler, call = call, None
                        handler()
            return step

        sys._getframe().f_trace_opcodes = True  # before: else 3.12 tells of no instructions
        sys.settrace(trace)
        faulthandler.dump_traceback_later(60, exit=True)
        for timeout in None, 1000:
            at = 0
            while not at or call is None:
                at += 1
                queue = cothread.EventQueue()
                tasks = [cothread.Spawn(queue.Wait, timeout) for _ in range(3)]
                cothread.Yield()
                count = 0
                call = lambda: queue.Signal(2)
                queue.Signal(1)
                if call is None:
                    cothread.Yield()
                    assert sum(map(bool, tasks)) == 2, at
                done = call
                call = None
                queue.Signal(3)
                queue.Signal(4)
                for task in tasks:
                    assert task.Wait(30) in (1, 2, 3, 4)
                call = done
            print(at > 3)
        """
    )
    assert done.stdout == "True\nTrue\n"


def test_a_finalizer_may_wait_in_the_middle_of_a_wait(run_script):
    done = run_script(
        """
        import gc, cothread
        ended = []
        class Waits:
            def __init__(self):
                self.me = self
            def __del__(self):
                try:
                    cothread.Sleep(0.0001)
                except cothread.Misuse:
                    pass
        gc.set_threshold(1, 1, 1)
        there, back = cothread.Event(), cothread.Event()
        def answer():
            for n in range(300):
                Waits()
                back.Signal(there.Wait(60))
        cothread.Spawn(answer)
        for n in range(300):
            Waits()
            there.Signal(n)
            assert back.Wait(60) == n
        print("all")
        """
    )
    assert done.stdout == "all\n"


def test_asyncio_and_this_package_share_the_wakeup_descriptor(run_script):
    done = run_script(
        """
        import asyncio, os, signal, threading, cothread

        async def main():
            loop = asyncio.get_running_loop()
            came = asyncio.Event()
            loop.add_signal_handler(signal.SIGUSR1, came.set)
            cothread.Sleep(0.001)  # waits, with a descriptor of asyncio's
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.wait_for(came.wait(), 60)
            came.clear()
            cothread.Spawn(os.kill, os.getpid(), signal.SIGUSR1)
            cothread.Sleep(0.001)
            await asyncio.wait_for(came.wait(), 60)
            print("asyncio was told twice")
            loop.remove_signal_handler(signal.SIGUSR1)

        asyncio.run(main())  # which leaves none
        event = cothread.Event()
        signal.signal(signal.SIGUSR1, lambda *_: event.Signal("seen"))

        def other():  # the signal interrupts no call of the main thread's
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        real = cothread._scheduler.core._wait
        def late():
            thread = threading.Thread(target=other)
            thread.start()
            return real()
        cothread._scheduler.core._wait = late
        print(event.Wait())
        """
    )
    assert done.stdout == "asyncio was told twice\nseen\n"


def test_an_exit_in_a_signal_handler_ends_the_program_whatever_it_interrupts(run_script):
    for wait in "sum(range(1000)); cothread.Yield()", "cothread.Sleep(0.001)":
        done = run_script(
            f"""
            import signal, sys, os, cothread
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
            def work():
                try:
                    while True:
                        {wait}
                finally:
                    print("finally")
            for _ in range(3):
                cothread.Spawn(work, raise_on_wait=True)
            cothread.Spawn(os.kill, os.getpid(), signal.SIGTERM)
            cothread.Sleep(1000)
            """,
            code=3,
        )
        assert done.stdout == "finally\n" * 3


def test_a_value_that_was_posted_in_time_is_no_timeout(run_script):
    """Though the thread was busy until after the deadline."""
    done = run_script(
        """
        import threading, time, cothread
        for event in cothread.Event(), cothread.EventQueue():
            task = cothread.Spawn(event.Wait, 0.01)
            cothread.Yield()
            start = time.monotonic()
            thread = threading.Thread(target=cothread.Callback, args=(event.Signal, 7))
            thread.start()
            thread.join()
            while time.monotonic() < start + 0.02:
                pass
            print(task.Wait())
        """
    )
    assert done.stdout == "7\n7\n"
