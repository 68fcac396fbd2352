# SPDX-License-Identifier: Apache-2.0
import contextlib
import errno
import os
import random
import resource
import socket
from collections import Counter

import cothread
import pytest
from cothread import CallbackQueue, Event, EventQueue, Misuse, Sleep, Spawn, Timedout, Timer, Yield, wait
from cothread._library import ITEM_FD
from cothread._scheduler import LEFT
from cothread._wait import Asked

# ---- What is reported, and what is taken


def test_every_condition_that_holds_is_reported_in_the_order_of_the_items(core):
    manual, ended, room, timer = Event(auto_reset=False), Spawn(lambda: "result"), CallbackQueue(3), Timer(1)
    manual.Signal("value")
    ended.Wait()
    Sleep(1)
    core.ready_descriptors[7] = 5
    items = [(7, "w"), timer, room, ended, Event(), manual]
    assert wait(items) == [((7, "w"), 4), (timer, 1), (room, 3), (ended, "result"), (manual, "value")]


def test_conditions_are_reported_again_and_again(core):
    manual, ended = Event(auto_reset=False), Spawn(lambda: "result")
    manual.Signal("value")
    ended.Wait()
    for _ in range(2):
        assert wait([manual, ended]) == [(manual, "value"), (ended, "result")]


def test_of_those_that_take_one_is_taken(core):
    event, queue = Event(), EventQueue()
    event.Signal("event")
    queue.Signal("queue")
    first, second = wait([event, queue]), wait([event, queue])
    assert sorted(first + second, key=lambda pair: pair[1]) == [(event, "event"), (queue, "queue")]
    assert wait([event, queue], 0) == []


def test_one_is_taken_beside_all_conditions(core):
    event, queue, manual = Event(), EventQueue(), Event(auto_reset=False)
    for each in (event, queue, manual):
        each.Signal(1)
    assert len(wait([event, manual, queue])) == 2
    assert bool(event) + bool(queue) == 1


def test_a_busy_item_starves_no_other(core):
    queues = [EventQueue() for _ in range(3)]
    for queue in queues:
        for value in range(300):
            queue.Signal(value)
    taken = Counter(id(queue) for _ in range(300) for queue, _ in wait(queues))
    assert all(taken[id(queue)] > 50 for queue in queues)


def test_the_same_thing_twice_is_reported_twice_if_it_is_a_condition_and_taken_once_if_not(core):
    manual, queue = Event(auto_reset=False), EventQueue()
    manual.Signal("m")
    queue.Signal(1)
    queue.Signal(2)
    assert wait([manual, manual]) == [(manual, "m")] * 2
    assert wait([queue, queue]) == [(queue, 1)]
    task = Spawn(wait, [event := Event(), event])
    Yield()
    event.Signal("e")
    assert task.Wait() == [(event, "e")]


# ---- Going on


def test_the_first_to_fire_ends_the_wait(core):
    event, queue = Event(), EventQueue()
    task = Spawn(wait, [event, queue])
    Yield()
    queue.Signal("q")
    event.Signal("e")
    assert task.Wait() == [(queue, "q")]
    assert event.Wait() == "e"


def test_what_came_true_meanwhile_is_reported_too(core):
    manual, event = Event(auto_reset=False), Event()
    task = Spawn(wait, [event, manual, (7, "r")])
    Yield()
    event.Signal("e")
    manual.Signal("m")
    core.ready_descriptors[7] = 1
    assert task.Wait() == [(event, "e"), (manual, "m"), ((7, "r"), 1)]


def test_a_wait_that_was_woken_takes_nothing_from_those_behind_it(core):
    first, second = Event(), Event()
    both = Spawn(wait, [first, second])
    alone = Spawn(second.Wait)
    Yield()
    first.Signal(1)
    second.Signal(2)
    assert both.Wait() == [(first, 1)]
    assert alone.Wait() == 2


def test_waiters_of_both_sorts_are_served_in_order(core):
    queue, other = EventQueue(), Event()
    tasks = [Spawn(queue.Wait) if n % 2 else Spawn(wait, [other, queue]) for n in range(6)]
    Yield()
    for n in range(6):
        queue.Signal(n)
    assert [task.Wait() for task in tasks] == [n if n % 2 else [(queue, n)] for n in range(6)]


def test_a_value_taken_by_somebody_else_lets_the_wait_go_on(core):
    event, queue = Event(), EventQueue()
    task = Spawn(wait, [event, queue])
    Yield()
    event.Signal("first")
    assert event.Wait() == "first"  # at once, before the task had its turn
    Yield()
    assert not task
    queue.Signal("second")
    assert task.Wait() == [(queue, "second")]


def test_all_who_wait_for_a_condition_go_on(core):
    manual, job = Event(auto_reset=False), Spawn(Sleep, 1)
    tasks = [Spawn(wait, [job, manual]) for _ in range(3)]
    assert [task.Wait() for task in tasks] == [[(job, None)]] * 3
    tasks = [Spawn(wait, [manual, Event()]) for _ in range(3)]
    Yield()
    manual.Signal("m")
    assert [task.Wait() for task in tasks] == [[(manual, "m")]] * 3


def test_a_task_is_watched_beside_those_that_join_it(core):
    job = Spawn(Sleep, 1)
    joiner = Spawn(job.Wait)
    Yield()
    watchers = [Spawn(wait, [job, Event()], timeout) for timeout in (None, 0.5)]
    assert [watcher.Wait() for watcher in watchers] == [[(job, None)], []]
    assert joiner.Wait() is None


# ---- The end of patience


def test_a_timeout_takes_nothing_and_leaves_nothing_behind(core):
    event, queue = Event(), EventQueue()
    assert wait([event, queue, (7, "r")], 1) == []
    assert core.waits == {}
    event.Signal("e")
    queue.Signal("q")
    assert (event.Wait(), queue.Wait()) == ("e", "q")


def test_a_timeout_of_nothing_looks_and_lets_the_others_run(core):
    event = Event()
    Spawn(event.Signal, "from another")
    assert wait([event], 0) == []
    assert wait([event], 0) == [(event, "from another")]


def test_an_exception_takes_nothing_and_leaves_nothing_behind(core):
    event, queue = Event(), EventQueue()
    task = Spawn(wait, [event, queue, (7, "r")], 5, raise_on_wait=True)
    Yield()
    cothread._scheduler.throw(task._task, ValueError("thrown"))
    with pytest.raises(ValueError, match="thrown"):
        task.Wait()
    Sleep(1)
    assert core.waits == {}
    event.Signal("e")
    queue.Signal("q")
    assert (event.Wait(), queue.Wait()) == ("e", "q")


def test_an_exception_after_the_wake_passes_the_value_on(core):
    event = Event()
    leaving = Spawn(wait, [event, Event()], raise_on_wait=True)
    Yield()
    staying = Spawn(wait, [event, Event()])
    Yield()
    cothread._scheduler.throw(leaving._task, ValueError("thrown"))
    event.Signal("e")
    with pytest.raises(ValueError, match="thrown"):
        leaving.Wait()
    assert staying.Wait(1) == [(event, "e")]


def test_an_aborted_value_is_swallowed_though_places_were_left(core):
    event, other = Event(), Event()
    task = Spawn(wait, [event, other])
    Yield()
    other.Signal()
    task.Wait()
    event.AbortWait()
    event.Signal("swallowed")
    assert not event


# ---- Errors as values


def test_an_exception_is_the_items_value(core):
    event, error = Event(), ValueError("signalled")
    failed = Spawn(lambda: 1 // 0, raise_on_wait=True)
    event.SignalException(error)
    Yield()
    (_, signalled), (_, raised) = wait([event, failed])
    assert signalled is error
    assert isinstance(raised, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        failed.Wait()  # it was only looked at


def test_an_error_of_an_item_of_the_librarys_is_the_items_value_too(core):
    class Odd(Asked):
        def _item(self):
            return ITEM_FD, 1, 9

        def _value(self, result, value):
            return result

    odd, event = Odd(), Event()
    task = Spawn(wait, [odd, event])
    Yield()
    core.failed_descriptors[9] = -20
    event.Signal("beside")
    assert task.Wait() == [(odd, -20), (event, "beside")]
    task = Spawn(wait, [odd, event])
    core.failed_descriptors.clear()
    Yield()
    core.failed_descriptors[9] = -20
    assert task.Wait() == [(odd, -20)]


def test_the_end_of_a_queue_is_reported_when_it_is_empty(core):
    queue, event = EventQueue(), Event()
    queue.Signal("last")
    task = Spawn(wait, [event, empty := EventQueue()])
    Yield()
    queue.close()
    empty.close()
    assert wait([queue]) == [(queue, "last")]
    ((_, end),) = wait([queue])
    assert isinstance(end, StopIteration)
    ((_, end),) = task.Wait()
    assert isinstance(end, StopIteration)


@pytest.mark.parametrize(
    ("items", "error"),
    [
        ([], ValueError),
        ([Event()] * 65537, ValueError),
        ([None], TypeError),
        ([7], TypeError),
        ([(7, "x")], ValueError),
        ([(7,)], ValueError),
        ([(-1, "r")], ValueError),
        ([("name", "r")], TypeError),
    ],
)
def test_what_cannot_be_waited_for_is_named_and_nothing_is_taken(core, items, error):
    event = Event()
    event.Signal("kept")
    with pytest.raises(error):
        wait([event, *items] if items else items)
    assert event.Wait() == "kept"


def test_a_task_does_not_wait_for_itself(core):
    me = []

    def selfish():
        with pytest.raises(Misuse):
            wait([me[0], Event()])

    me.append(Spawn(selfish, raise_on_wait=True))
    me[0].Wait()


def test_an_outcome_given_up_is_misuse_before_and_the_value_after(core):
    job = Spawn(Sleep, 1)
    task = Spawn(wait, [job])
    Yield()
    job.AbortWait()
    with pytest.raises(Misuse):
        wait([job])
    ((_, value),) = task.Wait()
    assert isinstance(value, Misuse)


# ---- Timers


def test_a_timer_without_a_callback_counts_what_nobody_waited_for(core):
    timer = Timer(2, retrigger=True)
    assert wait([timer]) == [(timer, 1)]
    core.advance(5)
    assert wait([timer]) == [(timer, 2)]
    began = core.clock
    assert wait([timer]) == [(timer, 1)]
    assert core.clock - began == 1_000_000_000  # the step is kept


def test_an_expiry_is_told_to_all_who_wait_or_else_to_the_next(core):
    timer = Timer(1)
    tasks = [Spawn(wait, [timer, Event()]) for _ in range(2)]
    assert [task.Wait() for task in tasks] == [[(timer, 1)]] * 2
    assert wait([timer], 1) == []


def test_a_timer_set_again_while_it_is_waited_for(core):
    timer = Timer(1)
    task = Spawn(wait, [timer, (7, "r")])
    Yield()
    timer.reset(5)
    began = core.clock
    assert task.Wait() == [(timer, 1)]
    assert core.clock - began == 5_000_000_000

    timer.reset(None)
    task = Spawn(wait, [timer])
    Yield()
    timer.reset(0)
    assert task.Wait() == [(timer, 1)]


def test_a_cancelled_timer_never_fires(core):
    timer = Timer(1)
    task = Spawn(wait, [timer], 10)
    Yield()
    timer.cancel()
    assert task.Wait() == []
    with pytest.raises(Misuse):
        timer.reset(1)


def test_a_timer_that_expires_at_the_deadline_wins(core):
    timer = Timer(1)
    assert wait([timer], 1) == [(timer, 1)]


def test_a_timer_needs_a_step_to_retrigger_and_no_callback_to_be_waited_for(core):
    with pytest.raises(ValueError, match="-1"):
        Timer(-1, retrigger=True)
    timer = Timer(1, lambda: None)
    with pytest.raises(Misuse):
        wait([timer])
    timer.cancel()
    Yield()


# ---- Room in a queue of callbacks


@pytest.mark.parametrize("policy", ["block", "refuse", "replace"])
def test_room_in_a_callback_queue(policy):
    queue = CallbackQueue(2, policy)
    hold = Event()
    Yield()
    queue(hold.Wait, key="a")
    Yield()  # its task waits in there
    queue(int, key="b")
    queue(int, key="c")
    assert queue.depth == 2
    assert wait([queue], 0) == []
    task = Spawn(wait, [queue, Event()])
    Yield()
    hold.Signal()
    ((item, room),) = task.Wait(60)
    assert item is queue
    assert room in (1, 2)


def test_a_callback_does_not_wait_for_room_in_its_own_queue():
    queue, answer = CallbackQueue(1), EventQueue()

    def callback():
        try:
            wait([queue])
        except Misuse as error:
            answer.Signal(error)

    queue(callback)
    assert isinstance(answer.Wait(60), Misuse)


# ---- The library itself


def test_files_and_events_together():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        event = Event()
        assert wait([(ours, "w"), (ours, "r")]) == [((ours, "w"), 4)]
        task = Spawn(wait, [(ours, "r"), event], 60)
        Yield()
        theirs.send(b"x")
        assert task.Wait() == [((ours, "r"), 1)]
        ours.recv(1)
        task = Spawn(wait, [(ours, "r"), event], 60)
        Yield()
        event.Signal("e")
        assert task.Wait() == [(event, "e")]
        assert wait([(ours, "r")], 0.01) == []


def test_each_report_of_a_file_goes_to_one_of_those_who_wait_for_it():
    read, write = os.pipe()
    tasks = [Spawn(wait, [(read, "r"), Event()], 60) for _ in range(3)]
    Yield()
    for task in tasks:
        os.write(write, b"x")
        switches = cothread._scheduler._switches
        assert task.Wait(60) == [((read, "r"), 1)]
        assert cothread._scheduler._switches - switches < 100  # they do not wake each other
        os.read(read, 1)
    os.close(read)
    os.close(write)


def test_a_file_is_reported_though_the_wait_before_was_for_it_too():
    read, write = os.pipe()
    event = Event()

    def twice():
        first = wait([(read, "r"), event], 60)
        os.write(write, b"x")
        event.Signal("second")
        return first, wait([(read, "r"), event], 60)

    task = Spawn(twice)
    Yield()
    event.Signal("first")
    assert task.Wait(60) == ([(event, "first")], [((read, "r"), 1), (event, "second")])
    os.close(read)
    os.close(write)


def test_a_descriptor_that_is_not_open_is_named():
    read, write = os.pipe()
    os.close(write)
    os.close(read)
    event = Event()
    event.Signal("kept")
    with pytest.raises(OSError, match=f"item 1: the descriptor of .{read}, 'r'. ") as caught:
        wait([event, (read, "r")])
    assert caught.value.errno == errno.EBADF
    assert event.Wait() == "kept"


def test_more_descriptors_than_a_batch_has_entries():
    read, write = os.pipe()
    items = [(read, "r")] * 5000
    task = Spawn(wait, items, 60)
    Yield()
    os.write(write, b"x")
    assert task.Wait() == [((read, "r"), 1)] * 5000
    os.close(read)
    os.close(write)


def test_a_thousand_waits_at_once_for_files_and_one_event():
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    pairs = [os.pipe() for _ in range(min(400, soft // 4))]
    stop = Event(auto_reset=False)
    tasks = [Spawn(wait, [(read, "r"), stop], 60) for read, _ in pairs]
    Yield()
    for _, write in pairs[::2]:
        os.write(write, b"x")
    for task, (read, _) in list(zip(tasks, pairs))[::2]:
        assert task.Wait() == [((read, "r"), 1)]
    stop.Signal("stop")
    for task in tasks[1::2]:
        assert task.Wait() == [(stop, "stop")]
    for pair in pairs:
        for fd in pair:
            os.close(fd)


# ---- Queues of places


def test_places_that_were_left_do_not_pile_up(core):
    rare, often = Event(), EventQueue()
    behind = Spawn(wait, [rare, Event()])
    stay = Spawn(wait, [rare, Event()])

    def busy():
        for _ in range(1000):
            wait([rare, often])

    tasks = [Spawn(busy) for _ in range(2)]
    for _ in range(2000):
        Yield()
        often.Signal(None)
    for task in tasks:
        task.Wait()
    assert len(rare._waiters) <= 4
    assert rare._waiters[-1].armed != LEFT
    rare.Signal(1)
    assert behind.Wait() == [(rare, 1)]
    rare.Signal(2)
    assert stay.Wait() == [(rare, 2)]


# ---- A model that knows the right answer


@pytest.mark.parametrize("seed", range(20))
def test_random_waits_lose_nothing_and_take_nothing_twice(core, seed):
    """Producers signal numbers into queues and events, consumers wait for several or one at a time, with and without
    timeouts, and are thrown out of waits. Each number is taken once; what is left over is still there."""
    chance = random.Random(seed)
    queues = [EventQueue() for _ in range(3)]
    events = [Event() for _ in range(3)]
    flags = [Event(auto_reset=False) for _ in range(2)]
    files = [(7, "r"), (8, "w")]
    sent, taken = [], []
    ending = []

    class Thrown(Exception):
        pass

    def consumer():
        while not ending:
            try:
                if chance.random() < 0.3:
                    thing = chance.choice(queues + events)
                    with contextlib.suppress(Timedout):
                        taken.append(thing.Wait(chance.choice([None, 0, 0.01, 0.5])))
                    continue
                items = chance.choices(queues + events + flags + files, k=chance.randint(1, 8))
                fired = wait(items, chance.choice([None, None, 0, 0.01, 0.5]))
                takers = [value for item, value in fired if item not in flags + files]
                assert len(takers) <= 1
                for item, value in fired:
                    assert item in items
                    if item in flags:
                        assert value == "flag"
                taken.extend(takers)
                if fired and not takers:
                    Yield()
            except Thrown:
                pass

    consumers = [Spawn(consumer, raise_on_wait=True) for _ in range(6)]
    number = 0
    for _ in range(2000):
        action = chance.random()
        if action < 0.35:
            chance.choice(queues).Signal(number)
            sent.append(number)
            number += 1
        elif action < 0.6:
            event = chance.choice(events)
            if not event:  # else the second value takes the place of the first
                event.Signal(number)
                sent.append(number)
                number += 1
        elif action < 0.65:
            flag = chance.choice(flags)
            if flag:
                flag.Reset()
            else:
                flag.Signal("flag")
        elif action < 0.68:
            fd, bit = chance.choice([(7, 1), (8, 4)])
            core.ready_descriptors[fd] = core.ready_descriptors.get(fd, 0) ^ bit
        elif action < 0.74:
            victim = chance.choice(consumers)._task
            if victim is not None and victim.queue is not None:
                cothread._scheduler.throw(victim, Thrown())
        elif action < 0.9:
            Yield()
        else:
            Sleep(chance.choice([0.001, 0.02, 1]))
    for flag in flags:
        flag.Reset()
    core.ready_descriptors.clear()
    for _ in range(10):
        Sleep(1)
    # Nobody waits beside something that it could have.
    for thing in queues + events:
        assert not (thing and thing._waiters), "a value and a waiter that was not told"
    ending.append(True)
    for task in consumers:
        while not task:
            if task._task is not None:
                cothread._scheduler.throw(task._task, Thrown())
            Sleep(1)
        task.Wait()
    left = [value for queue in queues for value in queue._values] + [event.Wait() for event in events if event]
    assert sorted(taken + left) == sent
    assert not any(thing._waiters for thing in queues + events + flags)
    Sleep(1)  # what was withdrawn is handed over
    assert core.waits == {}


@pytest.mark.parametrize("seed", range(5))
def test_random_waits_for_files_and_queues_lose_nothing(seed):
    """As before, but with pipes of the real library's, for each of which several tasks wait."""
    chance = random.Random(seed)
    pipes = [os.pipe() for _ in range(3)]
    queues = [EventQueue() for _ in range(3)]
    stop = Event(auto_reset=False)
    for read, _ in pipes:
        os.set_blocking(read, False)
    sent, taken = [], []

    class Thrown(Exception):
        pass

    def consumer():
        while True:
            try:
                items = [*chance.sample([(read, "r") for read, _ in pipes] + queues, k=chance.randint(1, 6)), stop]
                for item, value in wait(items, chance.choice([None, None, 0, 0.001])):
                    if item is stop:
                        return
                    if isinstance(item, EventQueue):
                        taken.append(value)
                    else:
                        with contextlib.suppress(BlockingIOError):  # a report is a hint: another was faster
                            taken.extend(os.read(item[0], chance.choice([1, 1, 100])))
            except Thrown:
                pass

    consumers = [Spawn(consumer, raise_on_wait=True) for _ in range(6)]
    for number in range(3000):
        action, value = chance.random(), number % 250
        if action < 0.4:
            chance.choice(queues).Signal(value)
            sent.append(value)
        elif action < 0.8:
            os.write(chance.choice(pipes)[1], bytes((value,)))
            sent.append(value)
        elif action < 0.85:
            victim = chance.choice(consumers)._task
            if victim is not None and victim.queue is not None:
                cothread._scheduler.throw(victim, Thrown())
        elif action < 0.98:
            Yield()
        else:
            Sleep(0.001)
    while len(taken) < len(sent):
        # Whoever does not wait for all of it comes back with other items, after an exception.
        for task in consumers:
            cothread._scheduler.throw(task._task, Thrown())
        Sleep(0.001)
    stop.Signal()
    for task in consumers:
        task.Wait(60)
    assert sorted(taken) == sorted(sent)
    for pair in pipes:
        for fd in pair:
            os.close(fd)


# ---- Ctrl-C and the end of the program


def test_ctrl_c_in_a_wait_takes_nothing(run_script):
    done = run_script(
        """
        import os, signal, threading, cothread
        event, queue = cothread.Event(), cothread.EventQueue()
        read, write = os.pipe()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            cothread.wait([event, (read, "r"), queue])
        except KeyboardInterrupt:
            print("interrupted")
        event.Signal("event")
        os.write(write, b"x")
        print(cothread.wait([(read, "r"), event]) == [((read, "r"), 1), (event, "event")])
        """
    )
    assert done.stdout == "interrupted\nTrue\n"


def test_at_the_end_a_wait_runs_its_finally_blocks(run_script):
    done = run_script(
        """
        import os, threading, cothread
        gate = threading.Event()
        thread = threading.Thread(target=gate.wait)
        thread.start()

        def task(items):
            try:
                cothread.wait(items)
            finally:
                print("finally")

        things = [cothread.Event(), cothread.Job(gate.wait), cothread.Process(["sleep", "1000"]), thread]
        things += [cothread.Timer(1000), (os.pipe()[0], "r"), cothread.signals(1), cothread.FileWatch(".")]
        listener = cothread.listen(("127.0.0.1", 0))
        things += [(listener, "r"), (cothread.connect(listener.getsockname()), "r")]
        cothread.Spawn(task, things)
        cothread.Yield()
        things[2].kill()
        gate.set()
        """
    )
    assert done.stdout == "finally\n"
