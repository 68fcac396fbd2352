# SPDX-License-Identifier: Apache-2.0
import threading
import weakref

import pytest
from cothread import CallbackFull, CallbackQueue, CallbackResult, Event, Misuse, Sleep, Spawn, Yield, wait
from cothread.cothread import _Callback
from greenlet import GreenletExit


def nothing():
    pass


def test_refuse_answers_false_when_full_and_true_otherwise(core):
    ran = []
    queue = CallbackQueue(bound=2, policy="refuse")
    assert [queue(ran.append, n) for n in range(4)] == [True, True, False, False]
    assert (queue.depth, queue.high_water, queue.refused) == (2, 2, 2)
    Sleep(1)
    assert ran == [0, 1]
    assert (queue.depth, queue.high_water) == (0, 2)
    assert queue(ran.append, 5) is True
    Sleep(1)
    assert ran == [0, 1, 5]


def test_replace_keeps_the_latest_of_a_key_in_the_place_of_the_first(core):
    ran = []
    queue = CallbackQueue(policy="replace")
    for key, value in ("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5):
        assert queue(ran.append, (key, value), key=key)
    assert queue.depth == 3
    Sleep(1)
    assert ran == [("a", 5), ("b", 2), ("c", 4)]
    assert queue.replaced == 2


def test_the_key_is_the_action_if_none_is_given(core):
    ran, other = [], []
    append, append_other = ran.append, other.append
    queue = CallbackQueue(policy="replace")
    queue(append, 1)
    queue(append_other, 2)
    queue(append, 3)
    Sleep(1)
    assert (ran, other) == ([3], [2])


def test_a_new_key_is_refused_when_full_but_an_old_one_replaced(core):
    ran = []
    queue = CallbackQueue(bound=1, policy="replace")
    assert queue(ran.append, 1, key="a")
    assert not queue(ran.append, 2, key="b")
    assert queue(ran.append, 3, key="a")
    assert (queue.refused, queue.replaced, queue.high_water) == (1, 1, 1)
    Sleep(1)
    assert ran == [3]


def test_the_latest_value_always_arrives():
    """Two threads replace while the tasks take: what was posted last of each key is what runs last."""
    last = {}
    counts = []
    done = Event()
    queue = CallbackQueue(bound=4, policy="replace")

    def receive(key, value):
        assert last.get(key, -1) < value
        last[key] = value
        counts.append(1)
        if last.get("a") == last.get("b") == 20_000:
            done.Signal()

    def post(key):
        for value in range(20_001):
            queue(receive, key, value, key=key)

    for key in "ab":
        threading.Thread(target=post, args=(key,)).start()
    done.Wait(60)
    assert len(counts) + queue.replaced == 2 * 20_001


def test_block_makes_a_thread_wait_and_loses_nothing():
    ran = []
    done = Event()
    queue = CallbackQueue(bound=16)

    def post(name):
        for n in range(3000):
            assert queue(ran.append, (name, n)) is True
        queue(done.Signal)

    for name in "ab":
        threading.Thread(target=post, args=(name,)).start()
    while len(ran) < 6000:
        done.Wait(60)
    for name in "ab":
        assert [n for who, n in ran if who == name] == list(range(3000))
    # Each of two threads may find the last place free at the same moment.
    assert queue.high_water <= 16 + 1


def test_block_suspends_a_task(core):
    ran = []
    queue = CallbackQueue(bound=2)
    order = []

    def post():
        for n in range(5):
            queue(ran.append, n)
            order.append(n)
        order.append("posted")

    task = Spawn(post)
    Yield()
    assert order == [0, 1]
    task.Wait()
    Sleep(1)
    assert ran == [0, 1, 2, 3, 4]


def test_a_callback_that_fills_its_own_queue_gets_an_error_instead_of_a_deadlock(core, capsys):
    queue = CallbackQueue(bound=2)

    def fill():
        for _ in range(10):
            queue(nothing)

    queue(fill)
    Sleep(1)
    assert "CallbackFull" in capsys.readouterr().err
    assert queue.depth == 0


def test_an_exception_of_an_action_is_reported(core, capsys):
    queue = CallbackQueue()
    queue(lambda: 1 / 0)
    Sleep(1)
    assert "Asynchronous callback <lambda> raised uncaught exception" in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["block", "refuse", "replace"])
def test_a_closed_queue_takes_no_more_and_runs_what_it_has(core, policy):
    ran = []
    queue = CallbackQueue(policy=policy)
    queue(ran.append, 1)
    queue.close()
    queue.close()
    with pytest.raises(Misuse, match="Cannot post to a closed queue"):
        queue(ran.append, 2)
    with pytest.raises(Misuse, match="Cannot post to a closed queue"):
        wait([queue], 1)
    Sleep(1)
    assert ran == [1]


def test_the_task_of_a_queue_that_is_closed_with_nothing_to_run_ends(core):
    queue = CallbackQueue()
    queue(nothing)
    Sleep(1)
    before = len(Spawn.Cothreads)
    queue.close()
    Sleep(1)
    assert len(Spawn.Cothreads) == before - 1


def test_those_who_wait_for_room_are_told_when_the_queue_is_closed():
    queue, go_on, told = CallbackQueue(bound=1), Event(), []
    queue(go_on.Wait)
    Sleep(0)
    queue(nothing)

    def post():
        try:
            queue(told.append, "posted")
        except Misuse as error:
            told.append(str(error))

    thread = threading.Thread(target=post)
    thread.start()
    while not queue._blocked:
        Sleep(0.001)
    tasks = Spawn(post), Spawn(wait, [queue])
    Sleep(0)
    queue.close()
    [(found, error)] = tasks[1].Wait(60)
    assert found is queue and isinstance(error, Misuse)
    tasks[0].Wait(60)
    while thread.is_alive():
        Sleep(0.001)
    assert told == ["Cannot post to a closed queue"] * 2
    go_on.Signal()
    Sleep(0.001)


@pytest.mark.parametrize("make", [CallbackQueue, lambda: CallbackQueue(policy="replace"), _Callback])
def test_a_queue_that_nobody_holds_is_freed_after_its_last_callback(make):
    ran, begun = [], len(Spawn.Cothreads)
    queue = make()
    gone = weakref.ref(queue)
    queue(ran.append, 1)
    del queue
    while gone() is not None or len(Spawn.Cothreads) > begun:
        Yield()
    assert ran == [1]
    queue = make()
    gone = weakref.ref(queue)
    queue(ran.append, 2)
    while queue.values:
        Yield()
    Yield()
    thread = threading.Thread(target=lambda queues: queues.clear(), args=([queue],))
    del queue
    thread.start()
    thread.join()
    while gone() is not None or len(Spawn.Cothreads) > begun:
        Yield()
    assert ran == [1, 2]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="bound is 0"):
        CallbackQueue(0)
    with pytest.raises(ValueError, match="'drop'"):
        CallbackQueue(policy="drop")


def test_the_options_can_be_read():
    queue = CallbackQueue(7, "refuse")
    assert (queue.bound, queue.policy) == (7, "refuse")
    with pytest.raises(CallbackFull):
        raise CallbackFull


def results_through(queue):
    """What each of four threads gets that ask for a result at once."""
    answers = {}

    def ask(n):
        try:
            answers[n] = CallbackResult(int, n, callback_queue=queue)
        except CallbackFull as error:
            answers[n] = error

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        Sleep(0.001)
    return answers


def test_results_asked_for_through_a_queue_that_replaces_all_come():
    assert results_through(CallbackQueue(policy="replace")) == {n: n for n in range(4)}


def test_a_result_that_the_queue_refuses_is_an_error():
    queue = CallbackQueue(bound=1, policy="refuse")
    queue(nothing)
    with pytest.raises(CallbackFull, match="refused int"):
        Spawn(run_in_thread, lambda: CallbackResult(int, 1, callback_queue=queue), raise_on_wait=True).Wait()


def run_in_thread(function):
    """Blocks the scheduler's thread meanwhile: nothing is taken from a queue."""
    outcome = []

    def run():
        try:
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def test_a_finalizer_of_what_is_replaced_may_post_to_the_queue(core):
    ran = []
    queue = CallbackQueue(policy="replace")

    class Posts:
        def __del__(self):
            queue(ran.append, "finalizer", key="other")

    queue(ran.append, Posts(), key=1)
    queue(ran.append, "latest", key=1)
    Sleep(1)
    assert ran == ["latest", "finalizer"]


def test_a_key_whose_comparison_posts_loses_nothing(core):
    ran = []
    queue = CallbackQueue(policy="replace")

    class Key:
        posts = 3

        def __hash__(self):
            return 1

        def __eq__(self, other):
            if Key.posts:
                Key.posts -= 1
                queue(ran.append, "inside", key="inside")
            return self is other

    first, second = Key(), Key()
    queue(ran.append, 1, key=first)
    queue(ran.append, 2, key=second)
    queue(ran.append, 3, key=first)
    Sleep(1)
    assert ran.count("inside") >= 1
    assert [value for value in ran if value != "inside"] == [3, 2]


@pytest.mark.parametrize("policy", ["block", "replace"])
def test_threads_that_post_the_same_keys_lose_no_latest_value(policy):
    seen = {}
    queue = CallbackQueue(policy=policy)
    threads = [
        threading.Thread(target=lambda n=n: [queue(seen.__setitem__, n, value, key=n % 2) for value in range(2000)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or queue.depth:
        Sleep(0.001)
    last = [seen.get(n) for n in range(4)]
    if policy == "block":
        assert last == [1999] * 4
    else:
        assert 1999 in (last[0], last[2]) and 1999 in (last[1], last[3])


def test_an_action_that_ends_its_task_takes_no_other_with_it(core):
    ran = []
    queue = CallbackQueue()

    def ends():
        raise GreenletExit

    queue(ends)
    queue(ran.append, "second")
    Sleep(1)
    queue(ran.append, "third")
    Sleep(1)
    assert ran == ["second", "third"]


def test_a_thread_posts_up_to_the_bound_while_an_action_waits():
    """It gives way to the tasks before that, but not to the action that may need what the thread does next."""
    queue, go_on = CallbackQueue(bound=8192), Event()
    queue(go_on.Wait)
    Sleep(0)
    posted = threading.Event()

    def post():
        for _ in range(8000):
            queue(nothing)
        posted.set()

    threading.Thread(target=post).start()
    while not posted.is_set():
        Sleep(0.001)
    assert queue.depth == 8000
    go_on.Signal()
    while queue.depth:
        Sleep(0.001)


def test_an_action_that_ends_its_task_lets_go_the_threads_that_wait_for_room():
    queue, go_on = CallbackQueue(bound=1), Event()

    def ends():
        go_on.Wait()
        raise GreenletExit

    queue(ends)
    Sleep(0)
    ran = []

    def post():
        for n in range(3):
            queue(ran.append, n)

    thread = threading.Thread(target=post)
    thread.start()
    while not queue._blocked:
        Sleep(0.001)
    queue.values.clear()  # as if it had been the last one
    go_on.Signal()
    while thread.is_alive():
        Sleep(0.001)
    Sleep(0.001)
    assert ran[-2:] == [1, 2]


def test_a_result_of_an_action_that_ends_its_task_is_an_error():
    asked = []

    def ends():
        raise GreenletExit

    def ask():
        try:
            CallbackResult(ends)
        except RuntimeError as error:
            asked.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        Sleep(0.001)
    assert asked == ["ends ended its task: there is no result"]


def test_a_key_that_has_no_hash_any_more_holds_nobody_up(core, capsys):
    class Key:
        good = True

        def __hash__(self):
            if self.good:
                return 1
            raise ValueError("no hash")

    ran, key = [], Key()
    queue = CallbackQueue(policy="replace")
    queue(ran.append, 1, key=key)
    queue(ran.append, 2, key="another")
    key.good = False
    Sleep(1)
    assert ran == [1, 2]
    assert "ValueError: no hash" in capsys.readouterr().err
