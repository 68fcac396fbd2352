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
