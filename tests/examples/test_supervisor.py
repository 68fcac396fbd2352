# SPDX-License-Identifier: Apache-2.0
"""The supervisors of bindings/c/examples and bindings/python/examples: run, told, killed, stopped under load,
starved."""

from __future__ import annotations

import os
import pathlib
import signal
import threading

import pytest
from programs import Peer, Program, children, side_by_side

TALKS = 'echo "ready $$"; while read -r word; do :; done; exec sleep 600'
FAILS = 'echo "no good"; exit 3'
IGNORES = "trap '' TERM; echo deaf; while :; do sleep 600 & wait; done"


class Supervised(Program):
    def __init__(self, place: pathlib.Path, lines: dict[str, str], descriptors: int = 0) -> None:
        self.place = place
        self.config = place / "config"
        self.path = str(place / "socket")
        self.configure(lines)
        super().__init__("supervisor", self.config, 0, self.path, descriptors=descriptors)
        self.port = int(self.wait_for("listening on").split()[2].split(":")[1])

    def configure(self, lines: dict[str, str]) -> None:
        text = "# name and program\n\n"
        for name, script in lines.items():
            file = self.place / (name + ".sh")
            file.write_text(script)
            text += f"{name} sh {file}\n"
        self.config.write_text(text)

    def pid(self, name: str) -> int:
        return int(self.wait_for(f"{name}: started as").split()[-1])


def log_of(peer: Peer, name: str, line: str) -> None:
    """Until the supervisor has read that line of the program; each answer gives it a turn."""
    for _ in range(100000):
        if any(line in said for said in peer.ask("log " + name)):
            return
    raise AssertionError(f"{name} never said {line}")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_programs_run_and_their_output_is_kept(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"talks": TALKS}) as supervisor:
        pid = supervisor.pid("talks")
        for address in (supervisor.port, supervisor.path):
            peer = Peer(address)
            assert peer.ask("list") == [f"talks running pid {pid} starts 1", "ok"]
            log_of(peer, "talks", f"ready {pid}")
            assert peer.ask("dance") == ["error: list, start NAME, stop NAME or log NAME"]
            assert peer.ask("stop nobody") == ["error: there is no such program"]
            peer.close()
        supervisor.ends_cleanly()
        assert not os.path.exists(supervisor.path)


def test_output_without_bounds_is_kept_in_bounded_pieces(tmp_path: pathlib.Path) -> None:
    script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; printf 'no end'; exit 0"
    with Supervised(tmp_path, {"long": script}) as supervisor:
        supervisor.wait_for("long: exit status 0")
        peer = Peer(supervisor.port)
        said = peer.ask("log long")
        assert len(said) == 65
        assert "no end" in said
        assert all(len(line) <= 255 for line in said)
        supervisor.ends_cleanly()


def test_failures_are_repeated_with_back_off(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"fails": FAILS}) as supervisor:
        supervisor.config.write_text(supervisor.config.read_text() + "lost /no/such/program\n")
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for("lost:", "No such file")
        supervisor.wait_for("lost: again in 100 ms")
        supervisor.wait_for("lost: again in 200 ms")
        supervisor.wait_for("lost: again in 400 ms")
        delays = [line.split()[3] for line in supervisor.said if line.startswith("fails: again")]
        assert delays == ["100", "200", "400", "800"][: len(delays)]
        supervisor.ends_cleanly()


def test_a_killed_program_is_started_again(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"talks": TALKS}) as supervisor:
        os.kill(supervisor.pid("talks"), signal.SIGKILL)
        supervisor.wait_for("talks: ended by signal 9")
        supervisor.wait_for("talks: again in 100 ms")
        pid = supervisor.pid("talks")
        peer = Peer(supervisor.path)
        assert peer.ask("list") == [f"talks running pid {pid} starts 2", "ok"]
        supervisor.ends_cleanly()


def test_start_and_stop(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"talks": TALKS, "fails": FAILS}) as supervisor:
        pid = supervisor.pid("talks")
        peer = Peer(supervisor.port)
        assert peer.ask("stop talks") == ["ok"]
        assert not alive(pid)
        assert peer.ask("stop talks") == ["ok"]
        assert peer.ask("stop fails") == ["ok"]
        assert sorted(line.rsplit(" ", 1)[0] for line in peer.ask("list")[:-1]) == [
            "fails stopped pid 0 starts",
            "talks stopped pid 0 starts",
        ]
        assert peer.ask("start talks") == ["ok"]
        assert supervisor.pid("talks") != pid
        supervisor.ends_cleanly()


def test_what_a_program_started_ends_with_it(tmp_path: pathlib.Path) -> None:
    script = "sleep 600 & echo child $!; wait"
    with Supervised(tmp_path, {"family": script, "deaf": IGNORES}) as supervisor:
        peer = Peer(supervisor.port)
        log_of(peer, "family", "child")
        log_of(peer, "deaf", "deaf")
        supervisor.ends_cleanly()  # no process is left: it would have become our child


def test_reload_changes_what_changed(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"stays": TALKS, "goes": TALKS, "changes": TALKS}) as supervisor:
        peer = Peer(supervisor.port)
        for _ in range(3):
            supervisor.wait_for("started as")
        before = {line.split()[0]: line for line in peer.ask("list")[:-1]}

        supervisor.configure({"stays": TALKS, "changes": TALKS, "comes": TALKS})
        text = supervisor.config.read_text().replace("changes.sh", "changes.sh again")
        supervisor.config.write_text(text)
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for("3 programs")
        for _ in range(2):
            supervisor.wait_for("started as")
        while any(line.startswith("goes") for line in peer.ask("list")):
            pass
        after = {line.split()[0]: line for line in peer.ask("list")[:-1]}
        assert sorted(after) == ["changes", "comes", "stays"]
        assert after["stays"] == before["stays"]
        assert after["changes"].endswith("starts 2")
        supervisor.ends_cleanly()


@pytest.mark.parametrize("wrong", ["word\n", "a true\na true\n", "x " + "y" * 300 + "\n"])
def test_a_configuration_with_errors_changes_nothing(tmp_path: pathlib.Path, wrong: str) -> None:
    with Supervised(tmp_path, {"talks": TALKS}) as supervisor:
        pid = supervisor.pid("talks")
        supervisor.config.write_text(wrong)
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for("nothing is changed")
        supervisor.config.unlink()
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for("No such file", "nothing is changed")
        supervisor.config.mkdir()
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for("Is a directory", "nothing is changed")
        assert Peer(supervisor.port).ask("list") == [f"talks running pid {pid} starts 1", "ok"]
        supervisor.ends_cleanly()


def test_sigkill_leaves_running_programs_and_a_socket_that_is_replaced(
    tmp_path: pathlib.Path,
) -> None:
    writes = 'echo "$$"; while :; do echo more; done'
    with Supervised(tmp_path, {"silent": TALKS, "writes": writes}) as first:
        silent, writer = sorted([first.wait_for("started as"), first.wait_for("started as")])
        log_of(Peer(first.path), "silent", "ready")
        first.signal(signal.SIGKILL)
        first.ends(-signal.SIGKILL)
        assert os.path.exists(first.path)
        # They are our children now. One that writes is ended by SIGPIPE, the other one runs on.
        pid = int(writer.split()[-1])
        assert os.waitpid(pid, 0) == (pid, signal.SIGPIPE)
        orphan = int(silent.split()[-1])
        assert os.waitpid(orphan, os.WNOHANG) == (0, 0)
        os.killpg(orphan, signal.SIGKILL)
        os.waitpid(orphan, 0)
    with Supervised(tmp_path, {"silent": TALKS}) as second:
        second.pid("silent")
        assert Peer(second.path).ask("log silent")[-1] == "ok"
        with Program("supervisor", second.config, 0, second.path) as third:
            third.ends(1)
        second.ends_cleanly()


def asks(supervisor: Supervised, i: int, working: threading.Semaphore, command: str) -> None:
    """A client that asks until the supervisor is gone. It tells after ten answers, and at the end."""
    peer = Peer(supervisor.path if i % 2 else supervisor.port)
    try:
        for turn in range(1000000):
            peer.ask(("list", f"log flood{i % 2}", command)[turn % 3])
            if turn == 10:
                working.release()
    except (EOFError, ConnectionError):
        pass
    finally:
        working.release()


def test_stops_cleanly_under_load(tmp_path: pathlib.Path) -> None:
    floods = "while :; do echo flood; done"
    lines = {f"flood{i}": floods for i in range(3)} | {f"fails{i}": FAILS for i in range(5)}
    with Supervised(tmp_path, lines) as supervisor:
        working = threading.Semaphore(0)

        def stop(_: int) -> None:
            for _ in range(8):
                working.acquire()
            supervisor.ends_cleanly()

        side_by_side(9, lambda i: stop(i) if i == 8 else asks(supervisor, i, working, f"stop fails{i % 5}"))


def test_sigkill_under_load_leaves_nothing_that_the_next_one_minds(tmp_path: pathlib.Path) -> None:
    floods = "while :; do echo flood; done"
    lines = {f"flood{i}": floods for i in range(2)} | {f"fails{i}": FAILS for i in range(5)}
    with Supervised(tmp_path, lines) as supervisor:
        working = threading.Semaphore(0)

        def kill(_: int) -> None:
            for _ in range(4):
                working.acquire()
            supervisor.signal(signal.SIGKILL)
            supervisor.ends(-signal.SIGKILL)

        side_by_side(5, lambda i: kill(i) if i == 4 else asks(supervisor, i, working, f"start fails{i % 5}"))
        while children():  # ours now; each ends by itself, or by SIGPIPE
            os.wait()
    with Supervised(tmp_path, {"talks": TALKS}) as second:
        second.pid("talks")
        assert Peer(second.path).ask("log talks")[-1] == "ok"
        second.ends_cleanly()


def test_recovers_from_a_lack_of_descriptors(tmp_path: pathlib.Path) -> None:
    with Supervised(tmp_path, {"talks": TALKS}, descriptors=32) as supervisor:
        pid = supervisor.pid("talks")
        peers = [Peer(supervisor.port) for _ in range(40)]  # the backlog takes them all
        supervisor.wait_for("clients have to wait")
        os.kill(pid, signal.SIGKILL)
        supervisor.wait_for("talks: ended by signal 9")
        supervisor.wait_for("talks:", "Too many open files")
        supervisor.wait_for("talks: again in")
        for peer in peers[:30]:
            peer.close()
        for peer in peers[30:]:
            assert peer.ask("list")[-1] == "ok"
        supervisor.pid("talks")
        supervisor.ends_cleanly()
