# SPDX-License-Identifier: Apache-2.0
import gc
import weakref

import cothread
import pytest
from cothread import Event, EventQueue, Misuse, RLock, Sleep, Spawn, Timedout, Timer, WaitForAll, Yield


def test_tasks_start_in_spawn_order_in_the_next_round(core):
    order = []

    def parent():
        order.append("parent")
        Spawn(order.append, "child")
        order.append("still parent")

    tasks = [Spawn(parent), Spawn(order.append, 1), Spawn(order.append, 2)]
    assert order == []
    WaitForAll(tasks)
    Yield()
    assert order == ["parent", "still parent", 1, 2, "child"]


def test_arguments_reach_the_function_and_the_options_do_not(core):
    def function(*args, **kargs):
        return args, kargs

    assert Spawn(function, 1, 2, a=3, stack_size=10000, raise_on_wait=True).Wait() == (
        (1, 2),
        {"a": 3},
    )


def test_spawn_works_as_a_decorator(core):
    @Spawn
    def task():
        return 5

    assert task.Wait() == 5


def test_wait_returns_the_result_again_and_without_a_switch(core):
    order = []
    task = Spawn(lambda: 42)
    assert task.Wait() == 42
    other = Spawn(order.append, "ran")
    assert task.Wait() == 42
    assert order == []
    other.Wait()


def test_bool_is_true_from_the_end_of_the_task(core):
    task = Spawn(lambda: None)
    assert not task
    task.Wait()
    assert task


def test_all_waiters_of_a_task_get_its_result(core):
    """The original woke only the first."""
    task = Spawn(lambda: (Sleep(1), "done")[1])
    waiters = [Spawn(task.Wait, 5) for _ in range(3)]
    assert WaitForAll(waiters) == ["done"] * 3


def test_wait_times_out_and_the_task_goes_on(core):
    task = Spawn(lambda: (Sleep(2), "done")[1])
    with pytest.raises(Timedout, match="Timed out waiting for event"):
        task.Wait(1)
    assert task.Wait() == "done"


def test_an_exception_is_reported_on_stderr_and_the_result_is_none(core, capsys):
    def broken():
        raise ValueError("the reason")

    assert Spawn(broken).Wait() is None
    error = capsys.readouterr().err
    assert error.startswith("Spawned task broken raised uncaught exception\nTraceback")
    assert "ValueError: the reason" in error


def test_an_exit_in_a_task_is_raised_in_main(core, capsys):
    """So that a handler may end the program, whatever task it interrupts."""

    def leaving():
        raise SystemExit(3)

    for raise_on_wait in False, True:
        task = Spawn(leaving, raise_on_wait=raise_on_wait)
        with pytest.raises(SystemExit) as leave:
            Sleep(1)
        assert leave.value.code == 3
        if raise_on_wait:
            with pytest.raises(SystemExit):
                task.Wait()
    cothread.Callback(leaving)
    with pytest.raises(SystemExit):
        Sleep(1)
    assert capsys.readouterr().err == ""


def test_a_broken_stderr_loses_no_task(core, monkeypatch):
    class Broken:
        def write(self, text):
            raise OSError("gone")

        def flush(self):
            raise OSError("gone")

    monkeypatch.setattr("sys.stderr", Broken())
    after = Spawn(lambda: 1 / 0), Spawn(lambda: "alive")
    assert WaitForAll(after) == [None, "alive"]


def test_raise_on_wait_raises_in_the_waiter_with_the_traceback_of_the_task(core, capsys):
    def broken():
        raise KeyError("x")

    task = Spawn(broken, raise_on_wait=True)
    with pytest.raises(KeyError) as caught:
        task.Wait()
    assert [frame.name for frame in caught.traceback][-1] == "broken"
    assert capsys.readouterr().err == ""


def test_every_waiter_present_gets_the_exception(core):
    def broken():
        Sleep(1)
        raise KeyError("x")

    task = Spawn(broken, raise_on_wait=True)
    waiters = [Spawn(task.Wait, raise_on_wait=True) for _ in range(3)]
    for waiter in waiters:
        with pytest.raises(KeyError):
            waiter.Wait()


def test_an_outcome_that_is_gone_is_said_to_be_gone(core):
    task = Spawn(lambda: 1 / 0, raise_on_wait=True)
    with pytest.raises(ZeroDivisionError):
        task.Wait()
    assert not task
    with pytest.raises(Misuse, match="gone"):
        task.Wait()


def test_abort_wait_drops_the_result_and_the_exception(core, capsys):
    early = Spawn(lambda: 1 / 0, raise_on_wait=True)
    early.AbortWait()
    late = Spawn(lambda: 5)
    late.Wait()
    late.AbortWait()
    for task in early, late:
        assert not task
        with pytest.raises(Misuse, match="AbortWait"):
            task.Wait()
    assert capsys.readouterr().err == ""


def test_a_task_that_waits_for_itself_is_told_so(core):
    tasks = []
    tasks.append(Spawn(lambda: tasks[0].Wait(), raise_on_wait=True))
    with pytest.raises(Misuse, match="itself"):
        tasks[0].Wait()


def test_cothreads_has_the_living_tasks(core):
    task = Spawn(Sleep, 1)
    assert task in Spawn.Cothreads
    task.Wait()
    assert task not in Spawn.Cothreads


def test_a_finished_task_keeps_nothing_alive(core):
    class Thing:
        pass

    def function(argument, keyword):
        local = Thing()
        seen.append(weakref.ref(local))
        Yield()

    seen = []
    thing, other = Thing(), Thing()
    seen += weakref.ref(thing), weakref.ref(other)
    Spawn(function, thing, keyword=other).Wait()
    del thing, other
    gc.collect()
    assert [ref() for ref in seen] == [None] * 3


def test_an_exception_that_was_raised_by_wait_keeps_nothing_alive(core):
    """Not even until the collector comes: its traceback holds the frames of the task."""

    class Thing:
        pass

    def task():
        things.add(thing := Thing())
        raise ValueError(thing)

    things = weakref.WeakSet()
    event = Event()
    gc.disable()
    try:
        for wait in (Spawn(task, raise_on_wait=True).Wait, event.Wait):
            if wait == event.Wait:
                event.SignalException(ValueError(Thing()))
            with pytest.raises(ValueError):
                wait()
        del wait
        assert not things
    finally:
        gc.enable()


def test_what_is_no_function_is_refused_where_it_is_spawned(core):
    with pytest.raises(TypeError, match="Spawn needs a function to call, not 3"):
        Spawn(3)


def test_a_spawn_can_be_referenced_weakly(core):
    task = Spawn(lambda: None)
    assert weakref.ref(task)() is task
    task.Wait()


@pytest.mark.parametrize("slots", [["__weakref__"], ("__weakref__", "more"), "__weakref__", ()])
def test_a_subclass_may_ask_for_weak_references_once_more(core, slots):
    for kind, arguments in (Spawn, (int,)), (Event, ()), (EventQueue, ()), (RLock, ()), (Timer, (None, int)):
        derived = type("Derived", (kind,), {"__slots__": slots})
        thing = derived(*arguments)
        assert weakref.ref(thing)() is thing
        assert kind not in (Spawn, Event, EventQueue, RLock) or not hasattr(thing, "__dict__")
        if "more" in slots:
            thing.more = 1
        if kind is Timer:
            thing.cancel()
    Sleep(1)


def test_wait_for_all_shares_one_deadline(core):
    started = core.now()
    tasks = [Spawn(Sleep, seconds) for seconds in (0.5, 3, 4)]
    with pytest.raises(Timedout):
        WaitForAll(tasks, 1)
    assert core.now() - started == 1_000_000_000
    Sleep(10)


def test_wait_for_all_aborts_what_stands_behind_the_failure(core):
    first, second = Event(), Event()
    first.SignalException(KeyError("first"))
    with pytest.raises(KeyError):
        WaitForAll([first, second], 1)
    second.Signal("swallowed")
    first.Signal("kept")
    assert not second
    assert first.Wait(0) == "kept"


@pytest.mark.parametrize("kind", [Event, EventQueue])
def test_wait_for_all_that_times_out_takes_nothing_and_may_be_called_again(core, kind):
    first, second, task = kind(), kind(), Spawn(Sleep, 3)
    first.Signal("a")
    second.Signal("b")
    for _ in range(2):
        with pytest.raises(Timedout):
            WaitForAll([first, second, task], 1)
    assert WaitForAll([first, second, task]) == ["a", "b", None]
    assert not first and not second


def test_a_value_that_wait_for_all_gives_back_stands_behind_none_that_came_later(core):
    event, queue, others = Event(), EventQueue(), []
    event.Signal("old")
    for value in "ab":
        queue.Signal(value)

    def meanwhile():
        Yield()
        event.Signal("new")
        others.append(queue.Wait())

    task = Spawn(meanwhile)
    with pytest.raises(Timedout):
        WaitForAll([event, queue, Event()], 1)
    assert (event.Wait(), queue.Wait(), others) == ("new", "a", ["b"])
    task.Wait()


def test_a_value_that_wait_for_all_gives_back_is_another_waiters(core):
    event = Event()
    event.Signal("once")

    def give_up():
        with pytest.raises(Timedout):
            WaitForAll([event, Event()], 1)

    task, other = Spawn(give_up), Spawn(event.Wait, 5)
    assert other.Wait() == "once"
    task.Wait()


def test_wait_for_all_may_be_called_again_after_ctrl_c(run_script):
    done = run_script(
        """
        import cothread, os, signal
        stop = cothread.Event(auto_reset=False)
        tasks = [cothread.Spawn(lambda n=n: (stop.Wait(), n)[1]) for n in range(3)]
        cothread.Spawn(os.kill, os.getpid(), signal.SIGINT)
        try:
            cothread.WaitForAll(tasks)
        except KeyboardInterrupt:
            stop.Signal()
        print(cothread.WaitForAll(tasks, 60))
        """
    )
    assert done.stdout == "[0, 1, 2]\n"


def test_an_async_function_is_run_as_a_task_and_may_wait_as_any_other(core):
    async def inner(n):
        Sleep(1)
        return n + 1

    async def outer(n, *, more):
        return await inner(n) + more

    started = core.now()
    assert WaitForAll([Spawn(outer, 1, more=10), Spawn(outer, 2, more=10)]) == [12, 13]
    assert core.now() - started == 1_000_000_000


def test_what_a_task_cannot_await_is_named_where_it_is_awaited(core):
    class Foreign:
        def __await__(self):
            yield self

        def __repr__(self):
            return "<foreign>"

    async def function():
        await Foreign()

    with pytest.raises(Misuse, match="await <foreign>") as caught:
        Spawn(function, raise_on_wait=True).Wait()
    assert [frame.name for frame in caught.traceback][-2:] == ["function", "__await__"]


def test_wait_for_all_of_nothing(core):
    assert WaitForAll([]) == []


def test_spawn_through_the_real_library():
    def task(n):
        Sleep(0.001)
        return n

    assert WaitForAll([Spawn(task, n) for n in range(100)]) == list(range(100))
    assert cothread.cothread.Spawn is Spawn


def test_a_function_that_cannot_be_named_is_reported_all_the_same(core, capsys):
    class Nameless:
        def __call__(self):
            raise ValueError("what happened")

        def __repr__(self):
            raise TypeError("no name")

    Spawn(Nameless())
    Sleep(1)
    assert "ValueError: what happened" in capsys.readouterr().err


def test_without_stderr_nothing_is_reported_anywhere(core, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    Spawn(lambda: 1 / 0)
    Sleep(1)
    assert capsys.readouterr().out == ""
