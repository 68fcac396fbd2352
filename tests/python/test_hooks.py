# SPDX-License-Identifier: Apache-2.0
"""What the hooks put in the place of the standard library's, each in a process of its own."""


def test_sleeping_suspends_a_task_and_blocks_a_thread(run_script):
    done = run_script(
        """
        import time, threading
        import cothread
        cothread.time_hook()
        ran = []
        def nap(): time.sleep(0.01); ran.append("slept")
        task = cothread.Spawn(nap)
        cothread.Spawn(ran.append, "beside")
        task.Wait(60)
        print(ran)
        thread = threading.Thread(target=nap)
        thread.start(); thread.join()
        for wrong in (-1, "x", None):
            try: time.sleep(wrong)
            except (ValueError, TypeError) as error: print(type(error).__name__)
        """
    )
    assert done.stdout.splitlines() == ["['beside', 'slept']", "ValueError", "TypeError", "TypeError"]


def test_select_returns_what_the_standard_librarys_does(run_script):
    done = run_script(
        """
        import os, select, socket
        import cothread
        plain = select.select
        cothread.select_hook()
        r, w = os.pipe()
        a, b = socket.socketpair()
        def look(): return select.select([r, a], [], [r], 60)
        task = cothread.Spawn(look)
        cothread.Spawn(os.write, w, b"x")
        assert task.Wait(60) == ([r], [], [])
        assert os.read(r, 1) == b"x"
        task = cothread.Spawn(look)
        cothread.Spawn(b.close)
        assert task.Wait(60) == plain([a], [], [a], 0) == ([a], [], [])  # the end of a file, and no SelectError
        a.close()
        assert select.select([r], [w], [], 60) == ([], [w], [])
        assert select.select([r], [], [], 0.001) == select.select([r], [], [], 0) == ([], [], [])
        os.close(w)
        assert select.select([], [], [r], 0.001) == ([], [], [])  # a hang-up, asked for nothing but urgent data
        for wrong in ([-1], [r, "x"], [a]):
            try: select.select(wrong, [], [], 60)
            except (ValueError, TypeError) as error: print(type(error).__name__)
        try: select.select([w], [], [], 60)
        except OSError as error: print(error)
        """
    )
    assert done.stdout.split("\n") == ["ValueError", "TypeError", "ValueError", "[Errno 9] Bad file descriptor", ""]


def test_poll_and_epoll_suspend_their_task(run_script):
    run_script(
        """
        import os, select
        import cothread
        cothread.select_hook()
        r, w = os.pipe()
        poller = select.poll()
        poller.register(r, select.POLLIN)
        with select.epoll() as deep:
            deep.register(r, select.EPOLLIN)
            assert poller.poll(1) == deep.poll(0.001) == poller.poll(0) == deep.poll(0) == []
            tasks = [cothread.Spawn(poller.poll, 60_000), cothread.Spawn(deep.poll, 60), cothread.Spawn(deep.poll)]
            cothread.Yield()
            assert not any(tasks)
            os.write(w, b"x")
            for task in tasks:
                assert task.Wait(60) == [(r, select.POLLIN)]
            poller.modify(r, select.POLLOUT)
            assert poller.poll(1) == []
            poller.unregister(r)
            for call in (poller.unregister, lambda fd: poller.modify(fd, 1)):
                try: call(r)
                except (KeyError, FileNotFoundError): pass
                else: raise AssertionError
            copy = select.epoll.fromfd(os.dup(deep.fileno()))
            assert copy.poll(60) == [(r, select.POLLIN)]
        assert deep.closed
        """
    )


def test_selectors_suspend_their_task(run_script):
    run_script(
        """
        import os, selectors
        import cothread
        cothread.selectors_hook()
        for kind in (selectors.DefaultSelector, selectors.PollSelector, selectors.SelectSelector):
            r, w = os.pipe()
            with kind() as selector:
                key = selector.register(r, selectors.EVENT_READ)
                assert selector.select(0.001) == selector.select(0) == selector.select(-1) == []
                task = cothread.Spawn(selector.select)
                cothread.Yield()
                assert not task
                os.write(w, b"x")
                assert task.Wait(60) == [(key, selectors.EVENT_READ)]
        """
    )


def test_names_are_looked_up_by_other_threads(run_script):
    done = run_script(
        """
        import threading
        import socket
        import cothread
        from cothread import cosocket
        real = socket.getaddrinfo
        def look_up(*arguments):
            print(threading.current_thread() is threading.main_thread())
            return real("127.0.0.1", *arguments[1:])
        cosocket._getaddrinfo = look_up
        cothread.dns_hook()
        assert socket.getaddrinfo("name.invalid", 80) == real("127.0.0.1", 80)
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        assert socket.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
        try: socket.gethostbyname("name.invalid")
        except socket.gaierror: print("not known")
        """
    )
    assert done.stdout == "False\nnot known\n"


def test_the_socket_module_makes_sockets_of_tasks(run_script):
    run_script(
        """
        import socket, ssl
        import cothread
        cothread.socket_hook()
        cothread.socket_hook()
        a, b = socket.socketpair()
        made = [a, b, a.dup(), socket.fromfd(a.fileno(), a.family, a.type), socket.create_server(("127.0.0.1", 0))]
        made.append(socket.create_connection(made[-1].getsockname(), timeout=60))
        assert all(type(sock) is cothread.socket for sock in made)
        assert made[-1].gettimeout() == 60
        task = cothread.Spawn(b.recv, 1)
        cothread.Yield()
        a.send(b"x")
        assert task.Wait(60) == b"x"
        cothread.ssl_hook()
        assert ssl.create_default_context().sslsocket_class is cothread.cosocket.SSLSocket
        """
    )


def test_a_hook_that_comes_too_late_says_for_whom(run_script):
    done = run_script(
        """
        import warnings
        from time import sleep
        from socket import socket as plain, getaddrinfo
        import cothread
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            cothread.patch_all()
            cothread.patch_all()
        for warning in told:
            assert warning.filename == __file__
            print(warning.category.__name__, warning.message)
        """
    )
    late = "RuntimeWarning {}() comes too late for what was imported before it: {}. Call it first in the program"
    assert done.stdout.splitlines() == [
        late.format("time_hook", "__main__.sleep"),
        late.format("dns_hook", "__main__.getaddrinfo"),
        late.format("socket_hook", "__main__.plain"),
    ]


def test_in_a_forked_child_the_hooks_change_nothing(run_script):
    done = run_script(
        """
        import os, select, socket, time
        import cothread
        cothread.patch_all()
        cothread.Yield()
        a, b = socket.socketpair()
        if os.fork() == 0:
            time.sleep(0.001)
            b.sendall(a.recv(10).upper())
            assert select.select([], [b], [], 60) == ([], [b], [])
            os._exit(0)
        b.sendall(b"hello")
        os.waitpid(-1, 0)
        print(a.recv(10))
        """
    )
    assert done.stdout == "b'HELLO'\n"


def test_children_suspend_tasks(run_script):
    done = run_script(
        """
        import cothread
        cothread.patch_all()
        import signal, subprocess, threading
        from subprocess import PIPE

        def cat(number):
            text = str(number).encode() * 100_000
            with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE) as child:
                return child.communicate(text)[0] == text

        tasks = [cothread.Spawn(cat, number, raise_on_wait=True) for number in range(20)]
        assert all(task.Wait(60) for task in tasks)

        # A dialogue, line by line; the pipes buffered, as text, and not buffered.
        for more in ({}, {"text": True, "bufsize": 1}, {"bufsize": 0}):
            with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, **more) as child:
                line = "hello\\n" if "text" in more else b"hello\\n"
                task = cothread.Spawn(child.stdout.readline, raise_on_wait=True)
                cothread.Yield()
                assert not task
                child.stdin.write(line)
                child.stdin.flush()
                assert task.Wait(60) == line
                large = line * 50_000
                task = cothread.Spawn(child.stdout.read, raise_on_wait=True)
                child.stdin.write(large)
                child.stdin.close()
                assert task.Wait(60) == large

        with subprocess.Popen(["sleep", "60"]) as child:
            waiters = [cothread.Spawn(child.wait, raise_on_wait=True) for _ in range(3)]
            for call in (child.wait, child.communicate):
                try: call(timeout=0.001)
                except subprocess.TimeoutExpired: print("timed out")
            assert child.poll() is None
            child.kill()
            assert [task.Wait(60) for task in waiters] == [-signal.SIGKILL] * 3
        assert subprocess.run(["sh", "-c", "echo out; exit 3"], capture_output=True).returncode == 3
        assert subprocess.check_output(["echo", "x"], text=True) == "x\\n"
        try: subprocess.run(["sleep", "60"], timeout=0.001)
        except subprocess.TimeoutExpired: print("timed out")

        thread = threading.Thread(target=lambda: print(cat(7), subprocess.call(["true"])))
        thread.start()
        thread.join()
        """
    )
    assert (done.stdout.splitlines(), done.stderr) == ([*["timed out"] * 3, "True 0"], "")
