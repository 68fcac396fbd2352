# SPDX-License-Identifier: Apache-2.0
import errno
import gc
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

import pytest
from cothread import Event, Misuse, Process, Spawn, Timedout, Yield, wait


def shell(script, **options):
    return Process(["sh", "-c", script], **options)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    gc.collect()
    Yield()
    before = descriptors()
    yield
    gc.collect()
    Yield()
    assert descriptors() == before
    assert not children()


def children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 255", 255), ("kill -TERM $$", -signal.SIGTERM)])
def test_the_end_of_a_process_brings_its_code(script, code):
    process = shell(script)
    assert process.wait(60) == code
    assert process.wait(60) == process.returncode == code
    assert wait([process, Event()]) == [(process, code)]
    assert f"ended with {code}" in repr(process)


def test_tasks_run_while_a_process_does():
    process = shell("read line; exit 7", stdin=PIPE)
    tasks = [Spawn(process.wait), Spawn(wait, [process, Event()])]
    Yield()
    assert process.returncode is None
    assert wait([process], 0.001) == []
    with pytest.raises(Timedout, match="sh"):
        process.wait(0.001)
    process.stdin.close()
    assert [task.Wait(60) for task in tasks] == [7, [(process, 7)]]


def test_the_end_is_noticed_without_a_wait():
    process = shell("exit 5", stdout=PIPE)
    assert wait([(process.stdout, "r")], 60)
    while process.returncode is None:
        Yield(0.001)
    assert process.returncode == 5
    process.stdout.close()


def test_pipes_are_files_to_wait_for():
    process = Process(["cat"], stdin=PIPE, stdout=PIPE)
    assert process.stdout.read(1) is None  # it does not block
    for line in (b"first\n", b"second\n"):
        assert wait([(process.stdin, "w")], 60)
        process.stdin.write(line)
        ((item, _),) = wait([process, (process.stdout, "r")], 60)
        assert item[0] is process.stdout
        assert process.stdout.read(100) == line
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stdout.read(100) == b""
    process.stdout.close()


def test_communicate_writes_and_reads_more_than_a_pipe_holds():
    data = os.urandom(1 << 20)
    process = shell("cat; echo problem >&2; exit 3", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.communicate(data, 60) == (data, b"problem\n")
    assert process.returncode == 3


def test_communicate_bears_a_program_that_reads_nothing():
    process = shell("exec <&-; echo out", stdin=PIPE, stdout=PIPE)
    assert process.communicate(b"x" * (1 << 20), 60) == (b"out\n", None)
    process = shell("read never", stdin=PIPE, stdout=PIPE)
    with pytest.raises(ValueError, match="stdin"):
        shell("exit 0").communicate(b"input")
    assert process.communicate(timeout=60) == (b"", None)


def test_communicate_ends_at_the_timeout():
    process = shell("echo begun; exec sleep 1000", stdout=PIPE)
    with pytest.raises(Timedout):
        process.communicate(timeout=0.01)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    process.stdout.close()


def test_streams_go_where_they_are_sent(tmp_path):
    with open(tmp_path / "out", "wb") as out:
        assert shell("cat; echo err >&2", stdin=DEVNULL, stdout=out, stderr=STDOUT).wait(60) == 0
    assert (tmp_path / "out").read_bytes() == b"err\n"


def test_descriptors_are_given_under_numbers_of_the_childs_own():
    read, write = os.pipe()
    process = shell("echo word >&7; read word <&6; test $word = word", descriptors={6: read, 7: write})
    assert process.wait(60) == 0
    for fd in (read, write):
        os.close(fd)


def test_a_child_inherits_what_it_was_given_and_no_more():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    process = Process([sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"], stdout=PIPE)
    out, _ = process.communicate(timeout=60)
    assert str(write) not in eval(out)
    for fd in (read, write):
        os.close(fd)


def test_environment_and_directory(tmp_path):
    env = {"WORD": "from env", "PATH": os.environ["PATH"]}
    process = shell('echo "$WORD"; pwd', env=env, cwd=tmp_path, stdout=PIPE)
    assert process.communicate(timeout=60)[0].decode() == f"from env\n{Path(tmp_path).resolve()}\n"


def test_a_group_is_signalled_as_a_whole():
    process = shell("sleep 1000 & echo $!; wait", new_group=True, stdout=PIPE)
    assert wait([(process.stdout, "r")], 60)
    assert os.getpgid(process.pid) == process.pid
    process.send_signal(signal.SIGKILL, group=True)
    assert process.wait(60) == -signal.SIGKILL
    process.stdout.readall()
    assert wait([(process.stdout, "r")], 60)  # its child holds the pipe no more
    process.stdout.close()


def test_a_session_of_its_own_and_limits():
    process = shell(
        "ulimit -n; ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat",
        new_session=True,
        limits={resource.RLIMIT_NOFILE: (64, 64)},
        stdout=PIPE,
    )
    assert process.communicate(timeout=60)[0].split() == [b"64", str(process.pid).encode()]


def test_signals_to_a_process_that_has_ended_do_nothing():
    process = shell("exit 0")
    process.wait(60)
    process.terminate()
    process.kill()


@pytest.mark.parametrize(
    ("args", "options", "error"),
    [
        (["/no/such/program"], {}, FileNotFoundError),
        (["no-such-program-in-the-path"], {}, FileNotFoundError),
        (["/"], {}, PermissionError),
        (["true"], {"cwd": "/no/such/directory"}, FileNotFoundError),
        ([], {}, ValueError),
        ("true", {}, TypeError),
        (["tr\0ue"], {}, ValueError),
        (["true"], {"env": {"a=b": "c"}}, ValueError),
        (["true"], {"stdin": "file"}, TypeError),
        (["true"], {"stdin": PIPE, "stdout": 1000000}, OSError),
        (["true"], {"stdin": PIPE, "descriptors": {0: 1}}, ValueError),
        (["true"], {"descriptors": {-1: 1}}, (ValueError, OSError)),
    ],
)
def test_what_cannot_be_started_is_an_error_and_leaves_nothing(args, options, error):
    with pytest.raises(error):
        Process(args, **options)


def test_a_status_taken_by_somebody_else_is_told_or_known_to_be_unknown(run_script):
    done = run_script(
        """
        import os, signal, cothread
        kernel = [int(number) for number in os.uname().release.replace("-", ".").split(".")[:2]]
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        process = cothread.Process(["sh", "-c", "exit 3"])
        try:
            print(process.wait(60))
        except ChildProcessError as error:
            assert kernel < [6, 15] and process.returncode is None
            print(3)
        """
    )
    assert done.stdout == "3\n"


def test_a_process_that_is_forgotten_runs_on_and_leaves_no_zombie():
    read, write = os.pipe()
    shell("read line; echo end", stdin=read, stdout=PIPE)
    gc.collect()
    Yield()
    os.close(read)
    os.close(write)
    while children():
        Yield(0.001)


def test_other_threads_start_none():
    from cothread import offload

    with pytest.raises(Misuse):
        offload(Process, ["true"])


# ---- Threads


def test_the_end_of_a_thread_is_waited_for():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, args=(60,))
    with pytest.raises(Misuse, match="started"):
        wait([thread])
    thread.start()
    assert wait([thread], 0.001) == []
    tasks = [Spawn(wait, [thread, Event()]) for _ in range(2)]
    Yield()
    gate.set()
    assert [task.Wait(60) for task in tasks] == [[(thread, None)]] * 2
    assert not thread.is_alive()
    assert wait([thread]) == [(thread, None)]
    with pytest.raises(Misuse, match="itself"):
        wait([threading.current_thread()])


def test_a_wait_that_is_refused_closes_the_threads_it_had_opened():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, args=(60,))
    thread.start()
    before = descriptors()
    with pytest.raises(OSError) as caught:
        wait([thread, (1000, "r")])
    assert caught.value.errno == errno.EBADF
    with pytest.raises(TypeError):
        wait([thread, None])
    assert descriptors() == before
    gate.set()
    thread.join()
