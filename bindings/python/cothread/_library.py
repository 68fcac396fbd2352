# SPDX-License-Identifier: Apache-2.0
"""libcothread as the scheduler needs it. The only module that knows ctypes and where the library lies.

What the scheduler asks of it is `_scheduler.Core`: time, handles, one call per batch, an interrupt.
"""

import _thread
import ctypes
import errno
import os
import sys
import sysconfig
import time
from array import array
from functools import partial
from pathlib import Path
from struct import pack
from types import BuiltinFunctionType
from typing import Any, Callable, Optional, Union, cast

_ABI = 2

FOREVER = 2**63 - 1
NOW = -(2**63)

EINTR = -12
ETIMEDOUT = -10
ECLOSED = -13
EFULL = -14
EBUSY = -6
EBADF = -19
EINVAL = -1
ENAME = -22
_ENOMEM = -17
_ELIMIT = -18
_EEXIST = -5
_ESYSTEM = -20

# What the system would have said. A limit is one of descriptors, unless errno says more.
ERRNOS = {
    EBADF: errno.EBADF,
    ECLOSED: errno.EBADF,
    EFULL: errno.ENOBUFS,
    _ELIMIT: errno.EMFILE,
    _ENOMEM: errno.ENOMEM,
}

POSTED = 1

# Operations of a request, already shifted into the word that also carries the descriptor: none is -1.
_WAIT = 1
_WAIT_ITEMS = 11
_CONNECT = 17
NO_DESCRIPTOR = -1 << 32
WAIT_DEADLINE = _WAIT | NO_DESCRIPTOR
WITHDRAW = 2 | NO_DESCRIPTOR
FINISH = 3 | NO_DESCRIPTOR

# Requests about adopted descriptors, and the reasons of their entries.
READ = 12
ACCEPT = 13
PAUSE = 14
_WRITE = 15
_BEHIND = -1
DATA = 2
END = 3
WRITTEN = 4
ACCEPTED = 5

# int64 words of one request and of one batch entry.
REQUEST_WORDS = 5
READY_WORDS = 4

# What is larger is not copied to be copied again.
COPY_ONCE = 2048

# Items of a wait for several things.
ITEM_WORDS = 6
ITEM_FD = 1
_ITEM_SIGNAL = 11
_ITEM_FILE = 12
ITEM_PROCESS = 13
ITEM_JOB = 14
_ONE = 2

# Of a signal: the handler of before is called, too.
_FORWARD = 1

# What may change in a file or directory, by the bit; and what is told unasked.
CHANGES = {
    "created": 1,
    "modified": 2,
    "written": 4,
    "attributes": 8,
    "deleted": 16,
    "moved_out": 32,
    "moved_in": 64,
}
_UNASKED = {"directory": 256, "gone": 512, "lost": 1024}

_HOSTED = 1

# Of a process: its result after a signal is this and the signal's number; and how it is started and signalled.
SIGNALLED = 256
NEW_GROUP = 1
NEW_SESSION = 2
TO_GROUP = 1


# Types of a job's arguments and result.
_VOID, _INT, _LONG, _POINTER, _DOUBLE = range(5)


def write(handle: int, token: int, size: int) -> bytes:
    """A request to write, as it lies in the ring."""
    return pack("qiiqqq", handle, _WRITE, size, 0, token, _BEHIND)


def wait_descriptor(fd: int) -> int:
    """The operation word of a wait for `fd`; the request's fourth word has the events."""
    return _WAIT | fd << 32


class Items:
    """What a wait for several things asks the library for, and what became of it."""

    __slots__ = ("count", "words")

    def __init__(self) -> None:
        self.words = array("q")
        self.count = 0

    def add(self, kind: int, want: int, thing: int, element: int = 0) -> None:
        """An item: a handle or descriptor, what to watch for, and the address where to put what is taken."""
        self.words.extend((kind | want << 32, thing, element, 0, 0, 0))
        self.count += 1

    def address(self) -> int:
        return self.words.buffer_info()[0]

    def fired(self, place: int) -> "Optional[tuple[int, int]]":
        """Result and value of an item after a look that found something; None: it did not fire."""
        value, end = self.words[place * ITEM_WORDS + 4 : place * ITEM_WORDS + 6]
        if not end >> 32:
            return None
        result = end & 0xFFFFFFFF
        return (result - (1 << 32) if result >> 31 else result), value


def keep_forever(thing: object) -> None:
    """The object outlives even the interpreter."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


_input_hook = ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_InputHook")


class InputHook:
    """A function that the interpreter calls while it waits for a line, in place of what it called before."""

    def __init__(self, function: "Callable[[], int]") -> None:
        hook = ctypes.CFUNCTYPE(ctypes.c_int)(function)
        keep_forever(hook)  # others may keep its address, to put it back
        self._address = ctypes.cast(hook, ctypes.c_void_p).value
        self._former: Optional[int] = None

    def install(self) -> None:
        if _input_hook.value != self._address:
            self._former = _input_hook.value
            _input_hook.value = self._address

    def remove(self) -> None:
        """Leaves the hook of somebody who came later."""
        if _input_hook.value == self._address:
            _input_hook.value = self._former


def read_ahead() -> int:
    """How many bytes of standard input the C library has, but nobody asked for yet."""
    stdin = ctypes.c_void_p.in_dll(ctypes.pythonapi, "stdin").value
    if stdin is None:
        return 0
    # The flags, then where it reads next and where what was read ends: glibc's FILE begins so, and has to, because
    # programs are compiled with a getc that knows it.
    _, start, end = (ctypes.c_size_t * 3).from_address(stdin)
    return end - start


_NOTHING: "list[int]" = []


class Requests(list):  # type: ignore[type-arg]  # list[int] is no base class in Python 3.9's eyes
    """The words of requests not yet in the ring. Positions count words since import, plus 1: none is 0."""

    __slots__ = ("base", "end", "handed", "items", "writes", "written")

    def __init__(self) -> None:
        super().__init__()
        self.base = self.end = 1  # the positions of the first word here, and of the next one
        self.handed: Any = None  # what _hand_over is about to hand over, and the ring's count when it has
        self.items: list[Any] = []  # and texts, of requests that the library has not taken: it reads them then
        self.writes: list[Any] = []  # to be written: requests, as they lie in the ring, and their bytes in turn
        self.written = 0  # how many bytes these are, and those in the ring; at most Library.output_size

    def add_items(self, handle: int, items: Items, deadline: int) -> int:
        """Appends a request that ends when one of the items fires: a look tells which did."""
        self.items.append(items)
        size = ITEM_WORDS * 8 | _ONE << 32
        return self.add(handle, _WAIT_ITEMS | items.count << 32, deadline, size, items.address())

    def add_connect(self, handle: int, host: bytes, service: Optional[bytes], deadline: int) -> int:
        """Appends a request to connect to a host's service, or if that is None to a path."""
        texts = [ctypes.create_string_buffer(text) for text in (host, service) if text is not None]
        self.items.append(texts)
        addresses = [ctypes.addressof(text) for text in texts]
        return self.add(handle, _CONNECT, deadline, addresses[0], addresses[1] if service is not None else 0)

    def add(self, handle: int, operation: int, deadline: int, events: int, value: int = 0) -> int:
        """Appends a request and returns its position. No call in here: a signal handler after it might add another."""
        # First: it may start a collection, and finalizers add theirs.
        words = (handle, operation, deadline, events, value)
        position = self.end
        self += words
        self.end = position + REQUEST_WORDS
        return position


class LibraryError(RuntimeError):
    """The library refused a call. `code` is its COTHREAD_E... number."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)  # both, so that it can be pickled
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


class _Options(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("stack_size", ctypes.c_uint32),
        ("callback_bound", ctypes.c_uint32),
        ("callback_budget", ctypes.c_uint32),
        ("timer_slack", ctypes.c_uint32),
    )


class _Ring(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("capacity", ctypes.c_uint32),
        ("request_size", ctypes.c_uint32),
        ("ready_size", ctypes.c_uint32),
        ("requests", ctypes.c_void_p),
        ("ready", ctypes.c_void_p),
        ("request_count", ctypes.c_int64),
        ("ready_count", ctypes.c_int64),
        ("current", ctypes.c_int64),
        ("switches", ctypes.c_int64),
        ("deadline", ctypes.c_int64),
        ("input", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("input_size", ctypes.c_uint32),
        ("output_size", ctypes.c_uint32),
    )


class _Descriptor(ctypes.Structure):
    _fields_ = (("child", ctypes.c_int32), ("parent", ctypes.c_int32))


class _Limit(ctypes.Structure):
    _fields_ = (
        ("resource", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
        ("soft", ctypes.c_uint64),
        ("hard", ctypes.c_uint64),
    )


class _ProcessOptions(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("arguments", ctypes.POINTER(ctypes.c_char_p)),
        ("environment", ctypes.POINTER(ctypes.c_char_p)),
        ("directory", ctypes.c_char_p),
        ("descriptors", ctypes.POINTER(_Descriptor)),
        ("limits", ctypes.POINTER(_Limit)),
        ("descriptor_count", ctypes.c_uint32),
        ("limit_count", ctypes.c_uint32),
    )


class _Change(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint32), ("changes", ctypes.c_uint32), ("name", ctypes.c_char * 256))


class WatchItem(Items):
    """An item for a file watch, with room for the change that is taken."""

    __slots__ = ("_room",)

    def __init__(self, watch: int) -> None:
        super().__init__()
        self._room = _Change(size=ctypes.sizeof(_Change))
        self.add(_ITEM_FILE, 0, watch, ctypes.addressof(self._room))

    def change(self) -> "tuple[str, frozenset[str]]":
        """Name and kinds of the change that was put there."""
        bits = self._room.changes
        return os.fsdecode(self._room.name), frozenset(
            kind for kinds in (CHANGES, _UNASKED) for kind, bit in kinds.items() if bits & bit
        )


class _Value(ctypes.Union):
    _fields_ = (("integer", ctypes.c_int64), ("number", ctypes.c_double), ("pointer", ctypes.c_void_p))


class _Argument(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("size", ctypes.c_uint32), ("value", _Value))


class _Job(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("function", ctypes.c_void_p),
        ("drop", ctypes.c_void_p),
        ("arguments", ctypes.POINTER(_Argument)),
        ("count", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("result", _Value),
        ("error", ctypes.c_int32),
        ("called", ctypes.c_uint32),
    )


class _PoolOptions(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
        ("bound", ctypes.c_uint32),
        ("stack_size", ctypes.c_uint32),
    )


_INTEGERS = "bBhHiIlLqQ?"  # what ctypes calls them
_POINTERS = "PzZ"
_NEEDS_INTERPRETER = 4  # flags of a function of ctypes
_USES_ERRNO = 8
_REGISTERS = 6  # for integers and pointers
_FLOAT_REGISTERS = 8


_ctypes: Any = ctypes  # for what its stubs leave out
_Function: Any = _ctypes._CFuncPtr
_Simple: Any = _ctypes._SimpleCData
_Pointer: Any = _ctypes._Pointer
_Reference: Any = type(ctypes.byref(ctypes.c_int()))


class _Left(Exception):
    """A call that ctypes has to make itself."""


def _address(thing: Any) -> "tuple[int, int, Any]":
    pointer = ctypes.cast(thing, ctypes.c_void_p)
    return _POINTER, pointer.value or 0, pointer


def _packed(kind: Any, given: Any) -> "tuple[int, Union[int, float], Any]":
    """Type and value of an argument as ctypes would pass it, and what holds its memory."""
    if kind is None:
        if given is None or isinstance(given, (bytes, ctypes.Array, _Pointer, _Function, _Reference)):
            return _address(given)
        if isinstance(given, str):
            return _address(ctypes.c_wchar_p(given))
        kind = ctypes.c_int if isinstance(given, int) else type(given)
    if not isinstance(kind, type) or ("from_param" in vars(kind) and kind.__module__ != "ctypes"):
        raise _Left
    kind = cast(Any, kind)
    if issubclass(kind, _Simple):
        code = kind._type_
        kind.from_param(given)  # refuses what does not fit
        if code in _POINTERS:
            return _address(ctypes.c_wchar_p(given) if isinstance(given, str) else given)
        if code in _INTEGERS or code == "d":
            value = (given if isinstance(given, kind) else kind(given)).value
            if code == "d":
                return _DOUBLE, value, None
            return _INT if ctypes.sizeof(kind) <= 4 else _LONG, _signed(int(value)), None
    elif issubclass(kind, _Pointer):
        kind.from_param(given)
        return _address(ctypes.byref(given) if isinstance(given, kind._type_) else given)
    elif issubclass(kind, _Function):
        kind.from_param(given)
        return _address(given)
    raise _Left


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 == 1 else word


def _unpacking(kind: Any) -> "tuple[int, Callable[[_Value], Any]]":
    """Type of a result, and how to make of it what ctypes would return."""
    if kind is None:
        return _VOID, lambda value: None
    if isinstance(kind, type) and issubclass(kind, _Simple):
        kind = cast(Any, kind)
        code = kind._type_
        plain = kind.__bases__[0] is _Simple  # those derived from are returned as they are
        if code in _INTEGERS:
            size = ctypes.sizeof(kind)
            mask = (1 << 8 * size) - 1

            def integer(value: _Value) -> Any:
                made = kind(value.integer & mask)
                return made.value if plain else made

            return _INT if size <= 4 else _LONG, integer
        if code == "d":
            return _DOUBLE, lambda value: value.number if plain else kind(value.number)
        if code in _POINTERS:

            def pointer(value: _Value) -> Any:
                made: Any = ctypes.cast(ctypes.c_void_p(value.pointer), kind)
                return made.value if plain else made

            return _POINTER, pointer
    elif isinstance(kind, type) and issubclass(kind, _Pointer):
        return _POINTER, lambda value: ctypes.cast(ctypes.c_void_p(value.pointer), kind)
    raise _Left


class Call:
    """A call of a function of ctypes, for a thread that is none of Python's."""

    def __init__(self, function: Any, args: "tuple[Any, ...]") -> None:
        kinds = function.argtypes or ()
        if function._flags_ & _NEEDS_INTERPRETER or len(args) < len(kinds):
            raise _Left
        packed = [_packed(kinds[n] if n < len(kinds) else None, given) for n, given in enumerate(args)]
        doubles = sum(kind == _DOUBLE for kind, _, _ in packed)
        if doubles > _FLOAT_REGISTERS or len(packed) - doubles > _REGISTERS:
            raise _Left
        arguments = (_Argument * len(packed))()
        for argument, (kind, value, _) in zip(arguments, packed):
            argument.type = kind
            if kind == _DOUBLE:
                argument.value.number = value
            else:
                argument.value.integer = _signed(int(value))
        kind, self._unpack = _unpacking(function.restype)
        self.job = _Job(
            size=ctypes.sizeof(_Job),
            function=ctypes.cast(function, ctypes.c_void_p).value,
            arguments=arguments,
            count=len(packed),
            type=kind,
        )
        self._function = function
        self._args = args
        self._packed = packed

    def result(self) -> Any:
        """After the end: what ctypes would return. May raise, as it would."""
        value = self._unpack(self.job.result)
        if self._function._flags_ & _USES_ERRNO:
            ctypes.set_errno(self.job.error)
        check = self._function.errcheck
        return value if check is None else check(value, self._function, self._args)


def foreign(function: Any, args: "tuple[Any, ...]") -> "Optional[Call]":
    """The call, if it is one of a function of ctypes that needs nothing of ctypes but its arguments and result."""
    if not isinstance(function, _Function):
        return None
    try:
        return Call(function, args)
    except Exception:  # it says so itself
        return None


def _strings(words: "list[bytes]") -> "ctypes.Array[ctypes.c_char_p]":
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def _candidates() -> "list[str]":
    chosen = os.environ.get("COTHREAD_LIBRARY")
    if chosen:
        return [chosen]
    package = Path(__file__).resolve().parent
    found = [package / "libcothread.so", package.parents[2] / "build" / "libcothread.so"]
    return [str(path) for path in found if path.exists()] + ["libcothread.so.2"]


def _check_interpreter() -> None:
    """What cannot work is told at the import."""
    if not isinstance(_thread.get_ident, BuiltinFunctionType):
        raise ImportError(
            f"cothread runs its tasks by threads' identities, which {_thread.get_ident.__module__} has replaced: "
            "import cothread before gevent's monkey.patch_all()"
        )
    interpreter = ctypes.pythonapi.PyInterpreterState_Get
    interpreter.restype = ctypes.c_void_p
    main = ctypes.pythonapi.PyInterpreterState_Main
    main.restype = ctypes.c_void_p
    if interpreter() != main():
        raise ImportError("cothread works in the main interpreter only: greenlets know no other")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise ImportError(
            "cothread needs the interpreter lock, which this free-threaded Python runs without: "
            "start it with -X gil=1 or PYTHON_GIL=1"
        )


def _open() -> str:
    """Loads the library and returns the name it was found under."""
    if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        raise ImportError(
            "cothread needs glibc: a Go library cannot be loaded at run time under musl (Alpine); use a glibc image."
        )
    candidates = _candidates()
    failures = []
    for path in candidates:
        try:
            ctypes.CDLL(path)
        except OSError as error:
            failures.append(str(error))
        else:
            return path
    if os.environ.get("COTHREAD_LIBRARY"):
        raise ImportError(f"COTHREAD_LIBRARY is {candidates[0]!r}, which cannot be loaded: {failures[0]}")
    raise ImportError(
        "cothread cannot load libcothread.so: name the file in COTHREAD_LIBRARY, or run ./build.sh build and install "
        "the package again, or ./build.sh install PREFIX and make its lib known to the loader (ldconfig) "
        f"({'; '.join(failures)})"
    )


def _bytes(address: int, count: int) -> "memoryview[Any]":
    return memoryview((ctypes.c_char * count).from_address(address)).cast("B")


def _words(address: int, count: int) -> "memoryview[Any]":
    """`count` int64 words of the library's memory, as a memoryview to index and slice."""
    return _bytes(address, count * 8).cast("q")


class Library:
    """The hosted scheduler of the thread that creates this object, behind the `Core` interface."""

    def __init__(self) -> None:
        path = _open()
        # CDLL drops the interpreter lock during a call, PyDLL keeps it. A poll that blocks drops it, and so does
        # an interrupt, or the hub would wake only to wait for the lock. For the others dropping costs more than the
        # call, and would hand the processor to any thread that floods callbacks, for its whole 5 ms switch interval.
        quick = ctypes.PyDLL(path)
        blocking = ctypes.CDLL(path)
        if not hasattr(quick, "cothread_abi"):
            raise ImportError(f"{path!r} is not libcothread: it has no cothread_abi. Is COTHREAD_LIBRARY right?")
        quick.cothread_abi.restype = ctypes.c_int
        abi = quick.cothread_abi()
        if abi != _ABI:
            raise ImportError(f"cothread was written for ABI {_ABI} of libcothread, but {path} has ABI {abi}.")

        self._last_error = quick.cothread_last_error
        self._last_error.restype = ctypes.c_char_p
        self._strerror = quick.cothread_strerror
        self._strerror.restype = ctypes.c_char_p
        self._strerror.argtypes = (ctypes.c_int,)

        create = quick.cothread_create
        create.restype = ctypes.c_int64
        create.argtypes = (ctypes.POINTER(_Options),)
        self._host_create = quick.cothread_host_create
        self._host_create.restype = ctypes.c_int64
        self._host_create.argtypes = (ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint32)
        self._submit = quick.cothread_submit
        interrupt = blocking.cothread_interrupt
        interrupt.argtypes = (ctypes.c_int64,)
        self._look = quick.cothread_poll
        self._wait = blocking.cothread_poll
        self._look_at_items = quick.cothread_wait
        self._look_at_items.argtypes = (
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_size_t,
            ctypes.c_int64,
            ctypes.c_uint32,
        )
        self._descriptor = quick.cothread_descriptor
        self._descriptor.argtypes = (ctypes.c_int64,)
        host_ring = quick.cothread_host_ring
        host_ring.restype = ctypes.c_void_p

        # These say more in errno.
        telling = ctypes.PyDLL(path, use_errno=True)
        self._adopt = telling.cothread_adopt
        self._adopt.restype = ctypes.c_int64
        self._adopt.argtypes = (ctypes.c_int, ctypes.c_uint32)
        self._process_start = telling.cothread_process_start
        self._process_start.restype = ctypes.c_int64
        self._process_start.argtypes = (ctypes.POINTER(_ProcessOptions),)
        self._process_pid = quick.cothread_process_pid
        self._process_pid.argtypes = (ctypes.c_int64,)
        self._process_signal = telling.cothread_process_signal
        self._process_signal.argtypes = (ctypes.c_int64, ctypes.c_int, ctypes.c_uint32)
        self._thread_open = telling.cothread_thread_open
        self._thread_open.restype = ctypes.c_int64
        self._thread_open.argtypes = (ctypes.c_int32,)
        self._signal_open = telling.cothread_signal_open
        self._signal_open.restype = ctypes.c_int64
        self._signal_open.argtypes = (ctypes.c_int, ctypes.c_uint32)
        self._watch_open = telling.cothread_watch_open
        self._watch_open.restype = ctypes.c_int64
        self._watch_open.argtypes = (ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint32)
        self._pool_create = quick.cothread_pool_create
        self._pool_create.restype = ctypes.c_int64
        self._pool_create.argtypes = (ctypes.POINTER(_PoolOptions),)
        self._job_start = quick.cothread_job_start
        self._job_start.restype = ctypes.c_int64
        self._job_start.argtypes = (ctypes.c_int64, ctypes.POINTER(_Job), ctypes.c_int64)
        self._job_result = quick.cothread_job_result
        self._job_result.argtypes = (ctypes.c_int64, ctypes.POINTER(_Job))
        self._close = quick.cothread_close
        self._close.argtypes = (ctypes.c_int64,)

        options = _Options(size=ctypes.sizeof(_Options), flags=_HOSTED)
        scheduler = create(ctypes.byref(options))
        if scheduler == _EEXIST:
            raise ImportError(
                "cothread was imported in this thread before, and deleted from sys.modules: it cannot be loaded twice, "
                "so put that module back"
            )
        self._scheduler = self._checked(scheduler)
        address: Optional[int] = host_ring()
        if address is None:
            raise ImportError(f"cothread: {self._sentence()}")
        ring = _Ring.from_address(address)
        if ring.size < ctypes.sizeof(_Ring):
            raise ImportError(f"cothread: the ring of {path} has {ring.size} bytes, not {ctypes.sizeof(_Ring)}.")
        if (ring.request_size, ring.ready_size) != (REQUEST_WORDS * 8, READY_WORDS * 8):
            raise ImportError(f"cothread: {path} has larger ring entries than this package knows; update the package.")
        self.capacity: int = ring.capacity
        self._ready = _words(ring.ready, self.capacity * READY_WORDS)
        self._request_count = _words(address + _Ring.request_count.offset, 1)
        self.found = _words(address + _Ring.ready_count.offset, 1)
        self._deadline = _words(address + _Ring.deadline.offset, 1)
        self._request_bytes = _bytes(ring.requests, self.capacity * REQUEST_WORDS * 8)
        # What was read of adopted descriptors, until the next poll; and what the writes in the ring are to write.
        self._input = _bytes(ring.input, ring.input_size)
        self._output = _bytes(ring.output, ring.output_size)
        self._output_used = 0
        self.output_size: int = ring.output_size
        # The running task and the number of switches so far, for statistics and the library's watchdog.
        self.stamp = _words(address + _Ring.current.offset, 2)
        # Ends the present poll, or else the next. From any thread. A scheduler that is gone needs no wake.
        self.interrupt = partial(interrupt, self._scheduler)
        # The library's clock is CLOCK_MONOTONIC, which Python reads without a foreign call.
        self.now = time.monotonic_ns
        self.wall = time.time

    def _sentence(self) -> str:
        text: Optional[bytes] = self._last_error()
        return (text or b"").decode(errors="replace")

    def _error(self, code: int) -> LibraryError:
        text: bytes = self._strerror(code)
        return LibraryError(code, f"{text.decode()}: {self._sentence()}")

    def _checked(self, result: int) -> int:
        if result < 0:
            raise self._error(result)
        return result

    def _told(self, result: int) -> int:
        """The result of a call that explains a failure by errno, too."""
        if result >= 0:
            return result
        number = ctypes.get_errno()
        text = self._sentence()
        if result == _ESYSTEM and number:
            raise OSError(number, text)
        if result == _ELIMIT and number == errno.ENOSPC:  # files to watch
            raise OSError(number, text)
        if result in ERRNOS:
            raise OSError(ERRNOS[result], text)
        if result == EINVAL:
            raise ValueError(text)
        raise self._error(result)

    def start_process(
        self,
        arguments: "list[bytes]",
        environment: "Optional[list[bytes]]",
        directory: Optional[bytes],
        descriptors: "dict[int, int]",
        limits: "dict[int, tuple[int, int]]",
        flags: int,
    ) -> int:
        """A handle for the process. `descriptors`: by the number in the child, ours; `limits`: by the resource."""
        options = _ProcessOptions(
            size=ctypes.sizeof(_ProcessOptions),
            flags=flags,
            arguments=_strings(arguments),
            environment=None if environment is None else _strings(environment),
            directory=directory,
            descriptors=(_Descriptor * len(descriptors))(*(_Descriptor(*pair) for pair in descriptors.items())),
            limits=(_Limit * len(limits))(*(_Limit(what, 0, *both) for what, both in limits.items())),
            descriptor_count=len(descriptors),
            limit_count=len(limits),
        )
        return self._told(self._process_start(ctypes.byref(options)))

    def pid(self, process: int) -> int:
        return self._checked(self._process_pid(process))

    def signal_process(self, process: int, number: int, flags: int) -> None:
        self._told(self._process_signal(process, number, flags))

    def open_thread(self, tid: int) -> int:
        """A handle that can be waited for like a process."""
        return self._told(self._thread_open(tid))

    def open_signal(self, number: int) -> int:
        """A handle that counts what is delivered to the handler that the signal has now."""
        return self._told(self._signal_open(number, _FORWARD))

    def take_signal(self, signal: int) -> "tuple[int, int]":
        """How often it was delivered since the last take, and by which process last; 0: the system, or nobody knows."""
        item = Items()
        item.add(_ITEM_SIGNAL, 0, signal)
        found: int = self._look_at_items(item.address(), ITEM_WORDS * 8, 1, NOW, 0)
        fired = None if found == ETIMEDOUT or not self._checked(found) else item.fired(0)
        return fired or (0, 0)

    def open_watch(self, path: bytes, changes: int) -> int:
        ctypes.set_errno(0)
        return self._told(self._watch_open(path, changes, 0))

    def create_pool(self, threads: int, bound: int) -> int:
        options = _PoolOptions(size=ctypes.sizeof(_PoolOptions), threads=threads, bound=bound)
        return self._checked(self._pool_create(ctypes.byref(options)))

    def start_job(self, pool: int, call: Call) -> int:
        """A handle for the job; 0: the pool is full. `call` is to be kept until it has ended."""
        handle: int = self._job_start(pool, ctypes.byref(call.job), NOW)
        return 0 if handle == EFULL else self._checked(handle)

    def end_job(self, handle: int, call: Call) -> None:
        """The job has ended: `call` gets its result."""
        self._checked(self._job_result(handle, ctypes.byref(call.job)))
        self.close(handle)

    def give_up_job(self, handle: int) -> bool:
        """False: it has begun and goes on."""
        result: int = self._close(handle)
        return result != EBUSY and self._checked(result) == 0

    def close(self, handle: int) -> None:
        self._checked(self._close(handle))

    def error(self, code: int) -> Exception:
        """The exception for a code that a batch entry carries as its reason."""
        text: bytes = self._strerror(code)
        return LibraryError(code, text.decode())

    def create(self, token: int) -> int:
        """A handle for one wait at a time; its batch entries carry `token`."""
        return self._checked(self._host_create(token, None, 0))

    def _forget_written(self, requests: Requests) -> None:
        """What was in the ring has been taken."""
        requests.written -= self._output_used
        self._output_used = 0

    def hand_over(self, requests: Requests) -> int:
        """Puts the requests into the ring; returns how many of requests.items the next call takes with it."""
        handed = len(requests.items)
        if requests.handed is not None:  # an exception came in the middle
            taken, total = requests.handed
            if self._request_count[0] == total and requests[: len(taken)] == taken:
                del requests[: len(taken)]
            requests.handed = None
        while requests.writes:
            filled = self._request_count[0]
            if filled == self.capacity:
                self._checked(self._submit())
                continue
            if self._output_used and not filled:
                self._forget_written(requests)
            taken = requests.writes[: 2 * (self.capacity - filled)]
            count = len(taken)
            words = b"".join(taken[::2])
            pieces = taken[1::2]
            used = self._output_used
            if requests.written - used < COPY_ONCE * len(pieces):
                pieces = [b"".join(pieces)]  # a fifth of the time of copying each one, if they are small
            for piece in pieces:
                self._output[used : used + len(piece)] = piece
                used += len(piece)
            start = filled * REQUEST_WORDS * 8
            self._request_bytes[start : start + len(words)] = words
            total = filled + count // 2
            # No call from here on.
            self._request_count[0] = total
            self._output_used = used
            del requests.writes[:count]
        requests.base = requests.end - len(requests)
        while requests:
            filled = self._request_count[0]
            if filled == self.capacity:
                self._checked(self._submit())
                continue
            if self._output_used and not filled:
                self._forget_written(requests)
            start = filled * REQUEST_WORDS
            taken = requests[: self.capacity * REQUEST_WORDS - start]
            count = len(taken)
            words = pack(f"{count}q", *taken)  # half the time of an array
            end = start + count
            total = end // REQUEST_WORDS
            self._request_bytes[start * 8 : end * 8] = words
            requests.handed = taken, total
            self._request_count[0] = total
            del requests[:count]
            requests.handed = None
            requests.base += count
        return handed

    def adopt(self, fd: int) -> int:
        """The handle of a descriptor that is the library's from now on."""
        return self._told(self._adopt(fd, 0))

    def descriptor(self, handle: int) -> int:
        return self._checked(self._descriptor(handle))

    def poll(self, requests: Requests, deadline: int) -> "list[int]":
        """Takes the requests, waits until something is ready or `deadline`, returns the batch's words.

        A signal handler that raises may end this after any call below. Between two calls nothing is left half
        done: what is in the ring stays there for the next poll, and a batch that was not returned for `batch`.
        """
        handed = self.hand_over(requests)
        self._deadline[0] = deadline
        found: int = self._look() if deadline == NOW else self._wait()
        requests.written -= self._output_used
        self._output_used = 0
        if handed:
            del requests.items[:handed]
        if found > 0:
            words: list[int] = self._ready[: found * READY_WORDS].tolist()  # batch(), written out
            return words
        # EINTR: a signal came, or `interrupt` was called. The caller looks around either way.
        if found < 0 and found != EINTR:
            raise self._error(found)
        return _NOTHING

    def submit(self, requests: Requests) -> None:
        """Has the requests taken now: what is to be written is."""
        handed = self.hand_over(requests)
        self._checked(self._submit())
        self._forget_written(requests)
        del requests.items[:handed]

    def look(self, items: Items, requests: Requests) -> int:
        """How many of the items fire now. The requests go first: a wait that was withdrawn is not to be in the way."""
        if requests:
            self.submit(requests)
        found: int = self._look_at_items(items.address(), ITEM_WORDS * 8, items.count, NOW, 0)
        return 0 if found == ETIMEDOUT else self._checked(found)

    def arrived(self, batch: "list[int]") -> bytes:
        """What was read for a batch, as one: a slice of bytes takes half the time of one of the ring's memory."""
        last = len(batch) - READY_WORDS
        while batch[last + 1] & 0xFFFFFFFF != DATA:
            last -= READY_WORDS
        return self._input[: batch[last + 3]].tobytes()

    def batch(self) -> "list[int]":
        """The batch of the last poll."""
        words: list[int] = self._ready[: self.found[0] * READY_WORDS].tolist()
        return words


_check_interpreter()
