# SPDX-License-Identifier: Apache-2.0
"""Tasks run while the interpreter waits for a line: at its prompt, in input() and code.interact, and in IPython.

The interpreter calls a hook in the thread that waits, before it waits itself and at least every 100 ms while it does.
Ours is a wait like another: it suspends the task that asked for the line until standard input can be read. So nothing
is polled, and Ctrl-C arrives as in every wait.
"""

import atexit
import os
import signal
import sys
import threading
from _thread import allocate_lock, get_ident
from collections.abc import Iterator
from types import FrameType
from typing import Any, Callable, Optional

from greenlet import getcurrent

from . import _library, _scheduler
from ._scheduler import POLLIN, Yield, current_task, report, scheduler_thread_id, wait_descriptor

_STDIN = 0  # what the interpreter waits for, whatever sys.stdin is


def _may_wait() -> bool:
    return (
        get_ident() == scheduler_thread_id and getcurrent() is not _scheduler.hub and os.getpid() == _scheduler._owner
    )


def _run_tasks() -> None:
    if not _may_wait():
        return
    try:
        if _library.read_ahead() or _editor_has_input(sys._getframe(1).f_back):
            Yield()
        else:
            wait_descriptor(current_task(), _STDIN, POLLIN, None)
    except _library.LibraryError as error:  # it would come again at once, and nobody could type
        _install_readline_hook(False)
        report("cothread: tasks run no more while the interpreter waits for input", error)


def _call() -> "Iterator[int]":
    """A call of the hook. ctypes prints what a hook raises, and drops it; and a signal handler of the program's that
    raises would do so where the hook begins, which no `try` in it covers. So it is a generator that has begun."""
    try:
        yield 0
        _add_call()  # for the next one, which may come while this one waits
        _run_tasks()
    except GeneratorExit:
        raise
    except BaseException as error:
        if not _calls:
            _add_call()
        _raise_from_the_wait(error)
    yield 0


_calls: "list[Iterator[int]]" = []


def _add_call() -> None:
    call = _call()
    next(call)
    _calls.append(call)


def _editor_has_input(caller: Optional[FrameType]) -> bool:
    """Whether Python's own line editor (3.13 and later), if it calls, has keys left of what it read. It takes all that
    is there at once, so that the descriptor says nothing of them."""
    if caller is None or caller.f_globals.get("__name__") != "_pyrepl.reader":
        return False
    return bool(caller.f_locals["self"].console.wait(0))


def _raise_from_the_wait(error: BaseException) -> None:
    """Raises `error` in the task that asked for the line.

    The interpreter's C code looks for signals when one has interrupted its own system call, and raises what their
    handlers do. But it calls the hook before it looks, and then the handler would run, and raise, in there. So the hook
    is taken out, SIGINT gets a handler that raises `error`, and another thread sends it until the handler has run:
    one that comes before the system call does not interrupt it.
    """
    former = signal.getsignal(signal.SIGINT)
    if former is None or threading.current_thread() is not threading.main_thread():
        report("cothread: an exception while the interpreter waits for input", error)
        return
    thread = get_ident()
    raised = allocate_lock()
    raised.acquire()

    def insist() -> None:
        pause = 0.001
        while not raised.acquire(timeout=pause):
            signal.pthread_kill(thread, signal.SIGINT)
            pause = min(2 * pause, 0.1)

    def ignore(_number: int, _frame: Optional[FrameType]) -> None:
        pass

    def raise_error(_number: int, _frame: Optional[FrameType]) -> None:
        raise error

    class Handler:
        over = False

        # Of what raises a plain KeyboardInterrupt no frame of ours is in the traceback: without any the prompt prints
        # none, as usual.
        @property
        def __call__(self) -> "Callable[[int, Optional[FrameType]], Any]":
            if self.over or _is_in_the_hook(sys._getframe().f_back):
                return ignore
            self.over = True
            raised.release()
            sender.join()  # from here on no more come; one may have, and signal.signal first runs its handler, this one
            signal.signal(signal.SIGINT, former)
            _hook.install()
            return signal.default_int_handler if type(error) is KeyboardInterrupt and not error.args else raise_error

    sender = threading.Thread(target=insist, daemon=True)
    _hook.remove()
    signal.signal(signal.SIGINT, Handler())
    sender.start()


def _is_in_the_hook(frame: Optional[FrameType]) -> bool:
    while frame is not None:
        if frame.f_code is _call.__code__:
            return True
        frame = frame.f_back
    return False


_add_call()
_hook = _library.InputHook(map(next, iter(_calls.pop, None)).__next__)  # nothing in it is Python's before the generator


def _install_readline_hook(enable_hook: Optional[bool] = True) -> None:
    """Whether tasks run while the interpreter waits for a line. What was called instead comes back afterwards."""
    if enable_hook:
        _hook.install()
    else:
        _hook.remove()


# ---- IPython, which reads keys itself


def _run_tasks_in_ipython(context: Any) -> None:
    """Its hook: until its descriptor can be read. May raise."""
    if _may_wait():
        wait_descriptor(current_task(), context.fileno(), POLLIN, None)


def load_ipython_extension(shell: Any) -> None:
    """Tasks run while this IPython waits for input, unless another event loop does (%gui). The import of the package
    calls it if IPython runs already; else it is to be called by %load_ext cothread."""
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    if terminal is None or not isinstance(shell, terminal.TerminalInteractiveShell):
        return
    sys.modules["IPython.terminal.pt_inputhooks"].register("cothread", _run_tasks_in_ipython)
    if shell.active_eventloop is None and not shell.simple_prompt:  # which asks by input()
        shell.enable_gui("cothread")


def unload_ipython_extension(shell: Any) -> None:
    """Tasks run in IPython no more while it waits for input."""
    if shell.active_eventloop == "cothread":
        shell.enable_gui(None)


def _start() -> None:
    # Else the prompt is another thread's, or descriptor 0 is whatever was opened first.
    if threading.current_thread() is threading.main_thread() and sys.__stdin__ is not None:
        _install_readline_hook()
        atexit.register(_install_readline_hook, False)
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    if shell is not None:
        load_ipython_extension(shell)


_start()
