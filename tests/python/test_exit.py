# SPDX-License-Identifier: Apache-2.0
"""The end of the process: what every living task still gets to do."""
import signal

import pytest


def lines(done):
    return sorted(done.stdout.splitlines())


TASKS = """
    import cothread, os, sys, threading

    def task(name, function):
        try:
            function()
        finally:
            print(name, flush=True)

    def spin():
        while True:
            cothread.Yield()

    for name, function in {
        "sleeping": lambda: cothread.Sleep(1000),
        "waiting": lambda: cothread.Event().Wait(),
        "waiting with a timeout": lambda: cothread.Event().Wait(1000),
        "polling": lambda: cothread.poll_list([(os.pipe()[0], 1)]),
        "polling many": lambda: cothread.poll_list([(os.pipe()[0], 1), (os.pipe()[0], 1)]),
        "yielding": spin,
        "idling": lambda: cothread.Yield(None),
        "in a callback": None,
    }.items():
        if function:
            cothread.Spawn(task, name, function)
    cothread.Callback(task, "in a callback", lambda: cothread.Sleep(1000))
    cothread.Sleep(0.01)
"""

ALL = sorted(
    [
        "sleeping",
        "waiting",
        "waiting with a timeout",
        "polling",
        "polling many",
        "yielding",
        "idling",
        "in a callback",
    ]
)


def test_every_living_task_runs_its_finally(run_script):
    done = run_script(TASKS)
    assert lines(done) == ALL
    assert done.stderr == ""


def test_after_sys_exit_too(run_script):
    assert lines(run_script(TASKS + "    sys.exit(3)\n", code=3)) == ALL


def test_after_an_exception_in_main_too(run_script):
    done = run_script(TASKS + "    raise ValueError('end')\n", code=1)
    assert lines(done) == ALL
    assert "ValueError: end" in done.stderr


def test_a_finally_may_wait(run_script):
    done = run_script(
        """
        import cothread
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                cothread.Sleep(0.01)
                print("after a wait")
        cothread.Spawn(task)
        cothread.Yield()
        """
    )
    assert done.stdout == "after a wait\n"


def test_a_task_that_has_not_begun_never_begins(run_script):
    done = run_script(
        """
        import cothread
        cothread.Spawn(cothread.Yield).Wait()
        cothread.Spawn(print, "begun on a greenlet that was there")
        for _ in range(3):
            cothread.Spawn(print, "begun")
        """
    )
    assert done.stdout == ""


def test_a_task_that_does_not_end_is_named(run_script):
    done = run_script(
        """
        import cothread
        from cothread import _scheduler
        _scheduler._EXIT_GRACE_S = 0.01
        def stubborn():
            while True:
                try:
                    cothread.Sleep(1000)
                except BaseException:
                    pass
        cothread.Spawn(stubborn)
        cothread.Yield()
        """
    )
    assert "1 tasks did not end at exit: stubborn" in done.stderr


def test_a_forked_child_does_not_run_its_parents_finally(run_script):
    done = run_script(
        """
        import cothread, os, sys
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                print("finally in", "parent" if os.getpid() == parent else "child", flush=True)
        parent = os.getpid()
        tasks = [cothread.Spawn(task)]
        cothread.Sleep(0.01)
        child = os.fork()
        if child == 0:
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """
    )
    assert done.stdout == "finally in parent\n"


def test_a_child_that_waits_is_told_that_it_was_forked(run_script):
    done = run_script(
        """
        import cothread, os, sys
        cothread.Sleep(0.001)
        child = os.fork()
        if child == 0:
            try:
                cothread.Sleep(0.001)
            except cothread.LibraryError as error:
                print(error, flush=True)
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """
    )
    assert "COTHREAD_EFORKED" in done.stdout


def test_a_thread_that_posts_after_the_end_does_no_harm(run_script):
    run_script(
        """
        import cothread, threading
        queue = cothread.CallbackQueue(policy="refuse")
        def flood():
            while True:
                queue(int)
        threading.Thread(target=flood, daemon=True).start()
        cothread.Sleep(0.05)
        """
    )


def test_a_thread_that_waits_for_room_does_not_keep_the_program_from_ending(run_script):
    done = run_script(
        """
        import cothread, threading
        queue = cothread.CallbackQueue(bound=2)
        full = threading.Event()
        def post():
            queue(print, "first")
            queue(print, "second")
            full.set()
            try:
                queue(print, "third")
            except cothread.CallbackFull as error:
                print(error)
        threading.Thread(target=post).start()
        full.wait()
        """
    )
    assert done.stdout.splitlines()[-1] == "The main thread has ended: nothing runs callbacks any more"


def test_a_thread_that_waits_for_a_result_does_not_keep_the_program_from_ending(run_script):
    done = run_script(
        """
        import cothread, threading
        def ask():
            try:
                cothread.CallbackResult(cothread.Sleep, 1000)
            except RuntimeError as error:
                print(error)
        threading.Thread(target=ask).start()
        cothread.Sleep(0.01)
        """
    )
    assert done.stdout == "The main thread has ended: nothing runs callbacks any more\n"


@pytest.mark.parametrize("before", [True, False])
def test_faulthandler_names_the_line_of_a_crash_enabled_before_or_after(run_script, before):
    enable = "import faulthandler; faulthandler.enable()"
    done = run_script(
        f"""
        {enable if before else ""}
        import cothread, ctypes
        {"" if before else enable}
        def crashes():
            ctypes.string_at(8)
        cothread.Spawn(crashes).Wait()
        """,
        code=-signal.SIGSEGV,
    )
    assert "in crashes" in done.stderr


def test_what_was_registered_before_the_import_may_wait_too(run_script):
    """It runs after every task has ended."""
    done = run_script(
        """
        import atexit
        def late():
            assert cothread.poll_list([(0, 0)], 0.001) == []
            cothread.Sleep(0.001)
            print(cothread.Spawn(lambda: 42).Wait(60))
        atexit.register(late)
        import cothread
        cothread.Sleep(0)
        """
    )
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_an_action_that_waits_at_the_end_holds_back_nobody(run_script):
    done = run_script(
        """
        import cothread, threading, time
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                event = cothread.Event()
                cothread.Callback(event.Signal, "posted in finally")
                print(event.Wait(60))
        def ask():
            try:
                cothread.CallbackResult(cothread.Sleep, 1000, callback_spawn=False)
            except RuntimeError:
                print("no result")
        cothread.Spawn(task)
        thread = threading.Thread(target=ask)
        thread.start()
        cothread.Sleep(0.01)
        while not cothread.Callback._server.task:
            cothread.Sleep(0.001)
        """
    )
    assert lines(done) == ["no result", "posted in finally"]
    assert done.stderr == ""


def test_many_tasks_end_within_the_grace(run_script):
    done = run_script(
        """
        import cothread
        ended = []
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                ended.append(1)
        import atexit
        atexit.unregister(cothread._scheduler._at_exit)
        atexit.register(lambda: print(len(ended)))
        atexit.register(cothread._scheduler._at_exit)
        for _ in range(5000):
            cothread.Spawn(task)
        cothread.Yield()
        cothread.Yield()
        """
    )
    assert (done.stdout, done.stderr) == ("5000\n", "")


def test_a_callback_that_is_due_when_main_ends_harms_nobody(run_script):
    """The queue's task is told to end in the round in which it was made ready."""
    done = run_script(
        """
        import cothread
        def turns():
            while True:
                cothread.Yield()
        cothread.Callback(int)
        cothread.Sleep(0.01)  # the queue's task waits for the next one
        cothread.Spawn(turns)
        cothread.Yield()
        cothread.Callback(int)
        """
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_task_that_drops_its_exit_does_not_hold_the_end_up(run_script):
    """It is not waited for once no other task is left that has something to finish."""
    done = run_script(
        """
        import atexit, time, cothread
        started = []
        # Of two that end in this order the first was registered last.
        atexit.register(lambda: print("at once" if time.monotonic() - started[0] < 1 else "late"))
        atexit.unregister(cothread._scheduler._at_exit)
        atexit.register(cothread._scheduler._at_exit)
        atexit.register(lambda: started.append(time.monotonic()))

        def poller():
            while True:
                try:
                    cothread.Sleep(0.02)
                except:
                    pass

        def cleaner():
            try:
                cothread.Sleep(1000)
            finally:
                cothread.Sleep(0.2)
                print("cleaned")

        cothread.Spawn(poller)
        cothread.Spawn(cleaner)
        cothread.Sleep(0.05)
        """
    )
    assert done.stdout == "cleaned\nat once\n"
    assert done.stderr == "cothread: 1 tasks did not end at exit: poller\n"
