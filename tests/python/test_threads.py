# SPDX-License-Identifier: Apache-2.0
import threading

import cothread
import pytest
from cothread import (
    Event,
    EventQueue,
    Pulse,
    RLock,
    Sleep,
    SleepUntil,
    Spawn,
    Timer,
    Yield,
)

TEXT = "Cannot call into cothread from another thread.  Consider using Callback or CallbackResult."

def test_posts_after_the_end_of_the_host_are_refused(run_script):
    done = run_script(
        """
        import threading
        queues = []
        def host():
            import cothread
            queues.extend([cothread.Callback, cothread.cothread._Callback()])
            queues.extend(cothread.CallbackQueue(policy=policy) for policy in ("block", "refuse", "replace"))
            cothread.Sleep(0.001)
        thread = threading.Thread(target=host)
        thread.start()
        thread.join()
        import cothread
        for queue in queues:
            try:
                queue(print, "posted to nobody")
            except cothread.CallbackFull as error:
                print(error)
        try:
            cothread.CallbackResult(int, callback_timeout=60)
        except RuntimeError as error:
            print(error)
        """
    )
    assert done.stdout == "The thread that runs the tasks has ended: nothing runs callbacks any more\n" * 6


def test_a_thread_that_waits_for_room_is_let_go_when_the_host_ends(run_script):
    done = run_script(
        """
        import threading
        full = threading.Event()
        def host():
            global cothread, queue
            import cothread
            queue = cothread.CallbackQueue(bound=1)
            cothread.Yield()
            begun.set()
            full.wait()
            while not queue._blocked:
                pass
        begun = threading.Event()
        thread = threading.Thread(target=host)
        thread.start()
        begun.wait()
        queue(print, "not run")
        full.set()
        try:
            queue(print, "posted to nobody")
        except cothread.CallbackFull as error:
            print(error)
        """
    )
    assert done.stdout == "The thread that runs the tasks has ended: nothing runs callbacks any more\n"


EVENT = Event()
QUEUE = EventQueue()
PULSE = Pulse()
TASK = Spawn(lambda: None)
TASK.Wait()
FULL = EventQueue()
FULL.Signal("kept")
JOB = cothread.Job(int)
POLLER = cothread.poll()


@pytest.fixture(scope="module", autouse=True)
def things_that_stay():
    global CONNECTION, LISTENER, TIMER
    TIMER = Timer(None)
    LISTENER = cothread.listen(("127.0.0.1", 0))
    CONNECTION = cothread.connect(LISTENER.getsockname())
    peer = LISTENER.accept()
    peer.sendall(b"a line\n")
    CONNECTION._stream.wait(len(b"a line\n"), None)  # it is here, and not taken
    yield
    assert len(FULL) == 1
    assert TASK.Wait() is None and JOB.Wait() == 0
    CONNECTION.sendall(CONNECTION.readline(timeout=60))
    assert peer.recv_exactly(7, timeout=60) == b"a line\n"
    TIMER.cancel()
    for each in CONNECTION, peer, LISTENER:
        each.close()
    Yield()

FORBIDDEN = {
    "Spawn": lambda: Spawn(print),
    "Spawn.Wait": lambda: TASK.Wait(),
    "Sleep": lambda: Sleep(0),
    "SleepUntil": lambda: SleepUntil(0),
    "Yield": lambda: Yield(),
    "Yield with timeout": lambda: Yield(1),
    "Event.Wait": lambda: EVENT.Wait(0),
    "Event.Signal": lambda: EVENT.Signal(1),
    "Event.SignalException": lambda: EVENT.SignalException(KeyError()),
    "EventQueue.Wait": lambda: QUEUE.Wait(0),
    "EventQueue.Signal": lambda: QUEUE.Signal(1),
    "EventQueue.close": lambda: QUEUE.close(),
    "Pulse.Wait": lambda: PULSE.Wait(0),
    "Pulse.Signal": lambda: PULSE.Signal(),
    "RLock.acquire": lambda: RLock().acquire(),
    "Timer": lambda: Timer(1, print),
    "poll_list": lambda: cothread.poll_list([(0, 1)], 0),
    "select": lambda: cothread.select([], [], [], 0),
    "Quit": lambda: cothread.Quit(),
    "WaitForQuit": lambda: cothread.WaitForQuit(),
    "Event.Reset": lambda: Event().Reset(),
    "Event.AbortWait": lambda: Event().AbortWait(),
    "EventQueue.Reset": lambda: cothread.EventQueue().Reset(),
    "EventQueue.AbortWait": lambda: cothread.EventQueue().AbortWait(),
    "EventQueue.Wait of a queue that has values": lambda: FULL.Wait(0),
    "iterating a queue that has values": lambda: next(FULL),
    "Spawn.AbortWait": lambda: TASK.AbortWait(),
    "Timer.cancel": lambda: TIMER.cancel(),
    "Timer.reset": lambda: TIMER.reset(1),
    "RLock.release": lambda: RLock().release(),
    "Yield(None)": lambda: Yield(None),
    "WaitForAll": lambda: cothread.WaitForAll([EVENT], 0),
    "wait": lambda: cothread.wait([EVENT], 0),
    "CallbackQueue.close": lambda: cothread.CallbackQueue().close(),
    "poll": lambda: POLLER.poll(0),
    "Job": lambda: cothread.Job(int),
    "Job.Wait": lambda: JOB.Wait(),
    "Job.AbortWait": lambda: JOB.AbortWait(),
    "offload": lambda: cothread.offload(int),
    "Pool.close": lambda: cothread.Pool().close(),
    "Process": lambda: cothread.Process(["true"]),
    "signals": lambda: cothread.signals(10),
    "listen": lambda: cothread.listen(("127.0.0.1", 0)),
    "connect": lambda: cothread.connect(LISTENER.getsockname()),
    "Listener.accept": lambda: LISTENER.accept(timeout=0),
    "Listener.close": lambda: LISTENER.close(),
    "Connection.recv": lambda: CONNECTION.recv(timeout=0),
    "Connection.recv of a part": lambda: CONNECTION.recv(1),
    "Connection.recv_exactly": lambda: CONNECTION.recv_exactly(2, timeout=0),
    "Connection.read_until": lambda: CONNECTION.read_until(b"\n", timeout=0),
    "iterating a connection": lambda: next(iter(CONNECTION)),
    "Connection.sendall": lambda: CONNECTION.sendall(b"x", timeout=0),
    "Connection.flush": lambda: CONNECTION.flush(timeout=0),
    "Connection.shutdown": lambda: CONNECTION.shutdown(timeout=0),
    "Connection.close": lambda: CONNECTION.close(timeout=0),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_another_thread_is_sent_away_and_nothing_has_happened(name):
    caught = []

    def thread():
        try:
            FORBIDDEN[name]()
        except AssertionError as error:
            caught.append(str(error))

    before = len(Spawn.Cothreads)
    other = threading.Thread(target=thread)
    other.start()
    other.join()
    assert caught == [TEXT]
    assert not EVENT  # the original stored the value first
    assert not QUEUE
    assert len(Spawn.Cothreads) == before
    assert QUEUE.Signal(1) and QUEUE.Wait() == 1


def test_the_checks_survive_optimisation(run_script):
    run_script(
        """
        import threading, cothread
        caught = []
        def thread():
            for call in (cothread.Sleep, cothread.Yield, cothread.Event().Signal):
                try:
                    call(0)
                except AssertionError:
                    caught.append(call)
        other = threading.Thread(target=thread)
        other.start()
        other.join()
        if len(caught) != 3:
            raise SystemExit(caught)
        """,
        options=["-O"],
    )


def test_all_tasks_see_one_thread():
    idents = {Spawn(threading.get_ident).Wait() for _ in range(3)}
    assert idents == {cothread.scheduler_thread_id}


def test_the_importing_thread_is_the_host(run_script):
    done = run_script(
        """
        import threading
        def host():
            import cothread
            assert cothread.scheduler_thread_id == threading.get_ident()
            print(cothread.Spawn(lambda: (cothread.Sleep(0.001), "ran")[1]).Wait())
        thread = threading.Thread(target=host)
        thread.start()
        thread.join()
        import cothread
        try:
            cothread.Yield()
        except AssertionError:
            print("main is another thread")
        """
    )
    assert done.stdout == "ran\nmain is another thread\n"


def test_a_greenlet_of_the_programs_own_may_wait():
    import greenlet

    order = []

    def own():
        order.append("begins")
        Sleep(0.001)
        order.append("ends")

    greenlet.greenlet(own).switch()
    while order[-1] != "ends":
        Yield()
    assert order == ["begins", "ends"]
