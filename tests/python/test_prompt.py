# SPDX-License-Identifier: Apache-2.0
"""Tasks run while the interpreter waits for a line. Each program has a terminal of its own, to type at."""

import fcntl
import importlib.util
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BOUND = 60
# Makes the terminal the controlling one, so that Ctrl-C and Ctrl-D are keys.
AT_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_W = "\x01", "\x03", "\x04", "\x05", "\x17"
UP, LEFT = "\x1bOA", "\x1bOD"


class Terminal:
    """A program at a terminal: what it shows, and keys for it."""

    def __init__(self, *command, **environment):
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.shown = ""
        self.program = subprocess.Popen(
            [sys.executable, "-c", AT_THE_TERMINAL, *map(str, command)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=HERE,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHON_HISTORY": os.devnull, **environment},
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.kill()
        self.program.wait()
        os.close(self._master)

    def type(self, keys):
        os.write(self._master, keys.encode())

    def _more(self):
        if not select.select([self._master], [], [], BOUND)[0]:
            raise AssertionError(f"shown so far, and no more: {self.shown!r}")
        try:
            read = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            read = b""
        # Without what moves the cursor and tells modes.
        self.shown = re.sub(r"\r|\x1b(\[[0-?]*[@-~]|[=>])", "", self.shown + read.decode(errors="replace"))
        return read != b""

    def wait_for(self, *texts):
        """Until it has shown all the texts, in this order, after what was waited for before."""
        for text in texts:
            while text not in self.shown:
                assert self._more(), f"ended without {text!r}: {self.shown!r}"
            self.shown = self.shown[self.shown.index(text) + len(text) :]

    def end(self):
        """Until it has ended: its exit code, and what it showed since."""
        while self._more():
            pass
        return self.program.wait(BOUND), self.shown


CONSOLES = ["readline", "plain"]
if sys.version_info >= (3, 13):
    CONSOLES.append("pyrepl")


@pytest.fixture(params=CONSOLES)
def prompt(request, tmp_path):
    """Runs a script and then prompts, by the interpreter's own prompt or by code.interact without line editing."""

    def run(source):
        source = textwrap.dedent(source)
        environment = {} if request.param == "pyrepl" else {"PYTHON_BASIC_REPL": "1"}
        options = ["-i"]
        if request.param == "plain":
            source = f"import code, sys; sys.modules['readline'] = None\n{source}\ncode.interact('', local=globals())\n"
            options = []
        script = tmp_path / "script.py"
        script.write_text(source)
        return Terminal(sys.executable, *options, script, **environment)

    run.console = request.param
    return run


# Ticks when it is told to, so that nothing depends on time: the tests write into the pipe by the name of its end.
TICKER = """
import cothread, os
def ticker():
    number = 0
    while True:
        cothread.Sleep(0.01)
        number += 1
        if number in (3, 30):
            print("tick", number, flush=True)
task = cothread.Spawn(ticker)
"""


def test_a_scripts_tasks_run_at_the_prompt(prompt):
    with prompt(TICKER) as terminal:
        terminal.wait_for(">>> ", "tick 3", "tick 30")
        terminal.type("print('typed', 6 * 7)\n")
        terminal.wait_for("typed 42", ">>> ")
        terminal.type("cothread.Spawn(lambda: (cothread.Sleep(0.01), print('spawn' + 'ed'))) and None\n")
        terminal.wait_for("spawned")
        terminal.type(CTRL_D)
        assert terminal.end()[0] == 0


def test_an_import_at_the_prompt_is_enough():
    with Terminal(sys.executable, "-q") as terminal:
        terminal.wait_for(">>> ")
        terminal.type("import cothread\n")
        terminal.wait_for(">>> ")
        terminal.type("cothread.Timer(0.01, lambda: print('fi' + 'red')) and None\n")
        terminal.wait_for("fired")
        terminal.type(CTRL_D)
        assert terminal.end()[0] == 0


def test_tasks_run_while_input_waits(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"{TICKER}\nprint('hello,', input('name? '))\n")
    with Terminal(sys.executable, script) as terminal:
        terminal.wait_for("name? ", "tick 30")
        terminal.type("you\n")
        terminal.wait_for("hello, you")
        assert terminal.end()[0] == 0


def test_input_in_another_thread_is_left_alone(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import cothread, threading\n"
        "done = cothread.Event()\n"
        "threading.Thread(target=lambda: cothread.Callback(done.Signal, input('name? '))).start()\n"
        "print('hello,', done.Wait())\n"
    )
    with Terminal(sys.executable, script) as terminal:
        terminal.wait_for("name? ")
        terminal.type("you\n")
        terminal.wait_for("hello, you")
        assert terminal.end()[0] == 0


def test_ctrl_c_gives_a_new_prompt_each_time_and_harms_no_task(prompt):
    with prompt(TICKER) as terminal:
        terminal.wait_for(">>> ", "tick 3")
        for number in range(20):
            if number % 2:
                # The terminal drops what was not read: then readline waits for a key that it saw, tasks or not.
                terminal.type(f"print('dropped', {number}")
                terminal.wait_for(f"print('dropped', {number}")
            terminal.type(CTRL_C)
            terminal.wait_for("KeyboardInterrupt", ">>> ")
        terminal.type("print('alive' if not task else 'dead', 6 * 7)\n")
        terminal.wait_for("alive 42", ">>> ")
        terminal.type("cothread.Sleep(0.01); print('slept')\n")  # none is left to be raised
        terminal.wait_for("\nslept", ">>> ")
        terminal.type(CTRL_D)
        code, shown = terminal.end()
        assert code == 0
        assert "KeyboardInterrupt" not in shown


def test_ctrl_c_ends_a_wait_that_was_typed(prompt):
    with prompt("import cothread") as terminal:
        terminal.wait_for(">>> ")
        terminal.type("cothread.Spawn(print, 'wai' + 'ting') and None or cothread.Sleep(1000)\n")
        terminal.wait_for("waiting")
        terminal.type(CTRL_C)
        terminal.wait_for("KeyboardInterrupt", ">>> ")
        terminal.type("print(6 * 7)\n")
        terminal.wait_for("\n42", ">>> ")


def test_a_handler_of_the_programs_own_runs_once_for_each_ctrl_c(prompt):
    with prompt(
        """
        import cothread, signal
        class Pressed(Exception):
            pass
        presses = []
        def handler(number, frame):
            presses.append(number)
            print("pressed", len(presses), flush=True)
            if len(presses) < 3:
                raise KeyboardInterrupt("mine")
        signal.signal(signal.SIGINT, handler)
        """
    ) as terminal:
        terminal.wait_for(">>> ")
        for number in (1, 2):
            terminal.type(CTRL_C)
            terminal.wait_for(f"pressed {number}", "KeyboardInterrupt", ">>> ")
        terminal.type(CTRL_C)
        terminal.wait_for("pressed 3")  # this one raises nothing, and there is no new prompt
        terminal.type("41 + 1\n")
        terminal.wait_for("\n42", ">>> ")
        terminal.type("signal.getsignal(signal.SIGINT) is handler, len(presses)\n")
        terminal.wait_for("(True, 3)")


def test_the_end_of_the_input_ends_the_program_and_its_tasks(prompt):
    with prompt(
        """
        import cothread
        def task():
            try:
                cothread.Sleep(1000)
            finally:
                print("the task's finally")
        cothread.Spawn(task)
        """
    ) as terminal:
        terminal.wait_for(">>> ")
        terminal.type(CTRL_D)
        code, shown = terminal.end()
        assert code == 0
        assert "the task's finally" in shown


def test_a_task_that_raises_is_reported_and_the_prompt_goes_on(prompt):
    with prompt("import cothread; cothread.Spawn(lambda: (cothread.Sleep(0.01), 1 / 0))") as terminal:
        terminal.wait_for("Spawned task <lambda> raised uncaught exception", "ZeroDivisionError")
        terminal.type("print(6 * 7)\n")
        terminal.wait_for("\n42", ">>> ")


def test_a_task_that_exits_ends_the_program_at_the_prompt(prompt):
    with prompt("import cothread, sys; cothread.Spawn(lambda: (cothread.Sleep(0.01), sys.exit(3)))") as terminal:
        code, _ = terminal.end()
    # Python 3.13's editor makes 1 of every SystemExit that ends its wait, without tasks too.
    assert code == (1 if prompt.console == "pyrepl" else 3)


@pytest.mark.parametrize("console", [name for name in CONSOLES if name != "plain"])
def test_line_editing_is_intact_beside_busy_tasks(console):
    environment = {} if console == "pyrepl" else {"PYTHON_BASIC_REPL": "1"}
    with Terminal(sys.executable, "-q", **environment) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("import cothread; t = cothread.Spawn(lambda: [cothread.Yield() for _ in iter(int, 1)])\n")
        terminal.wait_for(">>> ")
        terminal.type(f"rint(6 * 8 wrong{CTRL_W}{CTRL_A}p{CTRL_E}){LEFT}\x7f-6{CTRL_E}\n")
        terminal.wait_for("\n")
        terminal.wait_for(">>> ")
        terminal.type(f"print('a', 'c'){LEFT}{LEFT}\x7fb\n")
        terminal.wait_for("\na b", ">>> ")
        terminal.type(f"{UP}{LEFT}, 'd'\n")
        terminal.wait_for("\na b d", ">>> ")


def test_a_paste_of_many_lines_is_read_to_its_end(prompt):
    with prompt(TICKER) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("".join(f"n = {number}\n" for number in range(50)) + "print('n is', n)\n")
        terminal.wait_for("n is 49", ">>> ")


def test_a_long_line_is_read_to_its_end(prompt):
    with prompt(TICKER) as terminal:
        terminal.wait_for(">>> ", "tick 3")
        terminal.type(f"len('{'x' * 500}')\n")
        terminal.wait_for("\n500", ">>> ")


def test_lines_that_came_at_once_through_a_pipe_are_all_read():
    """The C library reads what is there, and the descriptor says nothing of what it keeps."""
    program = subprocess.Popen(
        [sys.executable, "-i", "-q", "-c", TICKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=HERE,
    )
    with program:
        assert program.stdout.readline() == "tick 3\n"
        program.stdin.write("one = 1\ntwo = 2\nprint(one + two, flush=True)\n")
        program.stdin.flush()
        while True:
            line = program.stdout.readline()
            if line != "tick 30\n":
                break
        assert line == "3\n"
        program.stdin.close()
        assert program.wait(BOUND) == 0


def test_a_prompt_without_standard_input_ends_at_once():
    program = [sys.executable, "-i", "-q", "-c", "import cothread; cothread.Spawn(cothread.Sleep, 0)"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *program], stderr=subprocess.PIPE, text=True, cwd=HERE)
    assert (done.returncode, done.stderr.split()) == (0, [">>>"])


def test_nothing_is_looked_at_while_all_sleep_and_nobody_types(prompt):
    with prompt(
        """
        import cothread
        from cothread import _scheduler
        def looks_during_a_sleep():
            assert _scheduler.main.armed  # it waits for a key
            before = _scheduler.looks
            cothread.Sleep(1)
            print("looks:", _scheduler.looks - before, "and no more", flush=True)
        cothread.Spawn(looks_during_a_sleep)
        """
    ) as terminal:
        terminal.wait_for(">>> ", "looks: 1 and no more")


def test_without_the_hook_no_task_runs_and_with_it_again(prompt):
    with prompt(
        """
        import cothread
        from cothread import _library, input_hook
        mine = _library._input_hook.value
        input_hook._install_readline_hook(False)
        without = _library._input_hook.value
        input_hook._install_readline_hook(None)
        cothread.Spawn(lambda: print("it" + " ran", flush=True))
        """
    ) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("(without != mine, 6 * 7)\n")
        terminal.wait_for("(True, 42)")
        assert "it ran" not in terminal.shown
        terminal.type("input_hook._install_readline_hook()\n")
        terminal.wait_for("it ran")


def test_the_hook_goes_before_the_program_ends_and_leaves_that_of_another(run_script):
    done = run_script(
        """
        import atexit, ctypes
        hook = ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_InputHook")
        atexit.register(lambda: print("at the end:", hook.value == theirs))
        function = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)
        theirs = hook.value = ctypes.cast(function, ctypes.c_void_p).value
        import cothread
        from cothread.input_hook import _install_readline_hook
        ours = hook.value
        print(ours != theirs)
        _install_readline_hook(False)
        print(hook.value == theirs)
        _install_readline_hook()
        _install_readline_hook()
        print(hook.value == ours)
        hook.value = later = theirs + 16
        _install_readline_hook(False)
        print(hook.value == later)
        _install_readline_hook()
        hook.value = ours
        _install_readline_hook(False)
        hook.value = theirs
        _install_readline_hook()
        """
    )
    assert done.stdout == "True\nTrue\nTrue\nTrue\nat the end: True\n"


def test_a_forked_child_may_ask_for_a_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import cothread, os\n"
        "cothread.Sleep(0)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    print('ended with', os.waitpid(child, 0)[1])\n"
        "else:\n"
        "    print('hello,', input('name? '), flush=True)\n"
        "    os._exit(0)\n"
    )
    with Terminal(sys.executable, script) as terminal:
        terminal.wait_for("name? ")
        terminal.type("you\n")
        terminal.wait_for("hello, you", "ended with 0")


def test_a_library_that_fails_leaves_the_prompt_usable(prompt):
    with prompt(
        """
        import cothread
        from cothread import _library, _scheduler
        real = _scheduler.core.poll
        def failing(requests, deadline):
            raise _library.LibraryError(-20, "it is broken")
        _scheduler.core.poll = failing
        """
    ) as terminal:
        terminal.wait_for("tasks run no more while the interpreter waits for input", "it is broken")
        terminal.type("print(6 * 7)\n")
        terminal.wait_for("\n42", ">>> ")
        terminal.type("_scheduler.core.poll = real\n")
        terminal.wait_for(">>> ")
        terminal.type(CTRL_D)
        assert terminal.end()[0] == 0


# ---- IPython


@pytest.fixture
def ipython(tmp_path):
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed")

    def run(*arguments):
        options = ["--no-banner", "--no-confirm-exit", "--no-term-title", "--colors=NoColor"]
        command = [sys.executable, "-m", "IPython", *options, *arguments]
        return Terminal(*command, IPYTHONDIR=str(tmp_path / "ipython"))

    return run


@pytest.mark.parametrize("options", [[], ["--simple-prompt"]], ids=["by keys", "by input()"])
def test_tasks_run_in_ipython(ipython, options):
    with ipython(*options) as terminal:
        terminal.wait_for("In [1]:")
        terminal.type("import cothread\r")
        terminal.wait_for("In [2]:")
        terminal.type("t = cothread.Timer(0.01, lambda: print('fi' + 'red')); 6 * 7\r")
        terminal.wait_for("Out[2]: 42", "fired")
        terminal.type("1 + wrong")
        terminal.wait_for("wrong")
        terminal.type(CTRL_C)
        terminal.wait_for("In [3]:")
        terminal.type("cothread.Sleep(0.01); 6 * 9\r")
        terminal.wait_for("Out[3]: 54", "In [4]:")
        terminal.type(CTRL_D)
        assert terminal.end()[0] == 0


def test_a_scripts_tasks_run_in_ipython(ipython, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TICKER)
    with ipython("-i", script) as terminal:
        terminal.wait_for("In [1]:", "tick 30")
        terminal.type("%gui\r")
        terminal.wait_for("In [2]:")
        terminal.type("%gui cothread\r")
        terminal.wait_for("In [3]:")
        terminal.type("t = cothread.Timer(0.01, lambda: print('fi' + 'red')); 6 * 7\r")
        terminal.wait_for("Out[3]: 42", "fired")


def test_an_ipython_that_starts_later_loads_the_package(ipython, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"{TICKER}\nimport IPython; IPython.embed(colors='NoColor', confirm_exit=False)\n")
    with Terminal(sys.executable, script, IPYTHONDIR=str(tmp_path / "ipython")) as terminal:
        terminal.wait_for("In [1]:")
        terminal.type("%load_ext cothread\r")
        terminal.wait_for("In [2]:", "tick 30")
        terminal.type("%unload_ext cothread\r")
        terminal.wait_for("In [3]:")
        terminal.type("6 * 7\r")
        terminal.wait_for("Out[3]: 42")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_screen_is_as_without_tasks(tmp_path):
    """In tmux, which is a terminal in full: what it has in the end is what a person would see."""
    script = tmp_path / "script.py"
    script.write_text("import cothread\nt = cothread.Spawn(lambda: [cothread.Sleep(0.001) for _ in iter(int, 1)])\n")
    settings = tmp_path / "settings"
    settings.write_text("set -g status off\n")
    tmux = [shutil.which("tmux"), "-f", settings, "-S", tmp_path / "socket"]
    python = [sys.executable, "-q", "-i", script]
    with Terminal(*tmux, "new-session", *python, TMUX="", PYTHON_BASIC_REPL="1") as terminal:
        try:
            terminal.wait_for(">>>")
            terminal.type(f"rint(6 * 8{CTRL_A}p{CTRL_E}\x7f7)\n")
            terminal.wait_for("42", ">>>")
            terminal.type("1 + wrong")
            terminal.wait_for("wrong")
            terminal.type(CTRL_C)
            terminal.wait_for("KeyboardInterrupt", ">>>")
            terminal.type(f"{UP}{LEFT} + 1\n")
            terminal.wait_for("43", ">>>")
            screen = subprocess.run([*tmux, "capture-pane", "-p"], stdout=subprocess.PIPE, text=True, check=True)
        finally:
            subprocess.run([*tmux, "kill-server"], timeout=BOUND)
    assert screen.stdout.rstrip().split("\n") == [
        ">>> print(6 * 7)",
        "42",
        ">>> 1 + wrong",
        "KeyboardInterrupt",
        ">>> print(6 * 7 + 1)",
        "43",
        ">>>",
    ]
