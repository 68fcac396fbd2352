# SPDX-License-Identifier: Apache-2.0
"""What _library repeats of cothread.h is what the header says: a program compiled from it is asked."""

import ctypes
import subprocess
from array import array
from pathlib import Path

import pytest
from cothread import _library, _scheduler, coselect

ROOT = Path(__file__).resolve().parents[2]
OWN = None  # made of others, and compared as a whole below; or none of the header's

CONSTANTS = {
    "_ABI": "COTHREAD_ABI",
    "FOREVER": "COTHREAD_FOREVER",
    "NOW": "COTHREAD_NOW",
    "EINTR": "COTHREAD_EINTR",
    "ETIMEDOUT": "COTHREAD_ETIMEDOUT",
    "ECLOSED": "COTHREAD_ECLOSED",
    "EBADF": "COTHREAD_EBADF",
    "EFULL": "COTHREAD_EFULL",
    "EBUSY": "COTHREAD_EBUSY",
    "EINVAL": "COTHREAD_EINVAL",
    "ENAME": "COTHREAD_ENAME",
    "_ENOMEM": "COTHREAD_ENOMEM",
    "_ELIMIT": "COTHREAD_ELIMIT",
    "_EEXIST": "COTHREAD_EEXIST",
    "_ESYSTEM": "COTHREAD_ESYSTEM",
    "POSTED": "COTHREAD_POSTED",
    "READ": "COTHREAD_READ",
    "ACCEPT": "COTHREAD_ACCEPT",
    "PAUSE": "COTHREAD_PAUSE",
    "_WRITE": "COTHREAD_WRITE",
    "COPY_ONCE": OWN,
    "_BEHIND": "COTHREAD_BEHIND",
    "DATA": "COTHREAD_DATA",
    "END": "COTHREAD_END",
    "WRITTEN": "COTHREAD_WRITTEN",
    "ACCEPTED": "COTHREAD_ACCEPTED",
    "_WAIT": "COTHREAD_WAIT",
    "_WAIT_ITEMS": "COTHREAD_WAIT_ITEMS",
    "_CONNECT": "COTHREAD_CONNECT",
    "NO_DESCRIPTOR": OWN,
    "WAIT_DEADLINE": OWN,
    "WITHDRAW": OWN,
    "FINISH": OWN,
    "REQUEST_WORDS": "sizeof(cothread_request) / 8",
    "READY_WORDS": "sizeof(cothread_ready) / 8",
    "ITEM_WORDS": "sizeof(cothread_item) / 8",
    "ITEM_FD": "COTHREAD_ITEM_FD",
    "_ITEM_SIGNAL": "COTHREAD_ITEM_SIGNAL",
    "_ITEM_FILE": "COTHREAD_ITEM_FILE",
    "ITEM_PROCESS": "COTHREAD_ITEM_PROCESS",
    "ITEM_JOB": "COTHREAD_ITEM_JOB",
    "_ONE": "COTHREAD_ONE",
    "_FORWARD": "COTHREAD_FORWARD",
    "_VOID": "COTHREAD_TYPE_VOID",
    "_INT": "COTHREAD_TYPE_INT",
    "_LONG": "COTHREAD_TYPE_LONG",
    "_POINTER": "COTHREAD_TYPE_POINTER",
    "_DOUBLE": "COTHREAD_TYPE_DOUBLE",
    "_NEEDS_INTERPRETER": OWN,
    "_USES_ERRNO": OWN,
    "_REGISTERS": OWN,
    "_FLOAT_REGISTERS": OWN,
    "SIGNALLED": "COTHREAD_SIGNALLED",
    "NEW_GROUP": "COTHREAD_NEW_GROUP",
    "NEW_SESSION": "COTHREAD_NEW_SESSION",
    "TO_GROUP": "COTHREAD_TO_GROUP",
    "_HOSTED": "COTHREAD_HOSTED",
}

STRUCTS = {
    "_Options": "cothread_options",
    "_Ring": "cothread_ring",
    "_Descriptor": "cothread_process_descriptor",
    "_Limit": "cothread_process_limit",
    "_ProcessOptions": "cothread_process_options",
    "_Change": "cothread_change",
    "_Argument": "cothread_argument",
    "_Job": "cothread_job",
    "_PoolOptions": "cothread_pool_options",
}


@pytest.fixture
def ask(tmp_path):
    """Compiles the body of a main and returns the numbers it prints."""

    def ask(body):
        source = tmp_path / "ask.c"
        source.write_text(
            "#include <cothread.h>\n#include <poll.h>\n#include <stdio.h>\n#include <string.h>\n"
            '#define SHOW(value) printf("%lld\\n", (long long)(value))\n'
            f"int main(void) {{\n{body}\n}}\n"
        )
        subprocess.run(["gcc", "-D_GNU_SOURCE", f"-I{ROOT}", "-o", tmp_path / "ask", source], check=True)
        done = subprocess.run([tmp_path / "ask"], check=True, capture_output=True, text=True, timeout=60)
        return [int(line) for line in done.stdout.split()]

    return ask


def test_every_constant_is_the_headers(ask):
    there = {
        name: value for name, value in vars(_library).items() if isinstance(value, int) and name.lstrip("_").isupper()
    }
    assert set(there) == set(CONSTANTS), "add the new constant to CONSTANTS"
    compared = {name: c for name, c in CONSTANTS.items() if c is not OWN}
    answers = ask("".join(f"SHOW({c});" for c in compared.values()))
    assert {name: there[name] for name in compared} == dict(zip(compared, answers))


def test_every_kind_of_change_is_the_headers(ask):
    kinds = {**_library.CHANGES, **_library._UNASKED}
    assert list(kinds.values()) == ask("".join(f"SHOW(COTHREAD_CHANGE_{kind.upper()});" for kind in kinds))


def test_every_struct_is_laid_out_as_in_the_header(ask):
    there = {
        name: thing
        for name, thing in vars(_library).items()
        if isinstance(thing, type) and issubclass(thing, ctypes.Structure)
    }
    assert set(there) == set(STRUCTS), "add the new struct to STRUCTS"
    for name, c in STRUCTS.items():
        struct = there[name]
        fields = [field for field, _ in struct._fields_]
        body = f"SHOW(sizeof({c}));" + "".join(
            f"SHOW(offsetof({c}, {field})); SHOW(sizeof((({c} *)0)->{field}));" for field in fields
        )
        wanted = [ctypes.sizeof(struct)]
        for field in fields:
            descriptor = getattr(struct, field)
            wanted += [descriptor.offset, descriptor.size]
        assert wanted == ask(body), c


def test_the_words_of_a_request_are_the_fields_of_the_struct(ask):
    requests = _library.Requests()
    requests.add(1, _library.wait_descriptor(5), 2, 3)
    for operation in (_library.WAIT_DEADLINE, _library.WITHDRAW, _library.FINISH):
        requests.add(1, operation, 2, 3)
    assert list(requests) == ask(
        "cothread_request all[] = {{1, COTHREAD_WAIT, 5, 2, 3, 0}, {1, COTHREAD_WAIT, -1, 2, 3, 0},"
        " {1, COTHREAD_WITHDRAW, -1, 2, 3, 0}, {1, COTHREAD_FINISH, -1, 2, 3, 0}};"
        "int64_t words[sizeof all / 8]; memcpy(words, all, sizeof all);"
        "for (size_t i = 0; i < sizeof all / 8; i++) SHOW(words[i]);"
    )


def test_the_words_of_items_are_the_fields_of_the_structs(ask):
    items = _library.Items()
    items.add(_library.ITEM_FD, 4, 7)
    requests = _library.Requests()
    requests.add_items(1, items, 2)
    *words, address, result, value = ask(
        "cothread_item item = {.kind = COTHREAD_ITEM_FD, .want = COTHREAD_WRITABLE, .object = 7};"
        "cothread_request request = {1, COTHREAD_WAIT_ITEMS, 1, 2, sizeof item | (int64_t)COTHREAD_ONE << 32, 0};"
        "int64_t words[(sizeof item + sizeof request) / 8]; memcpy(words, &item, sizeof item);"
        "memcpy(words + sizeof item / 8, &request, sizeof request);"
        "for (size_t i = 0; i < sizeof words / 8; i++) SHOW(words[i]);"
        "item.fired = 1; item.result = COTHREAD_EBADF; item.value = 9; memcpy(words, &item, sizeof item);"
        "SHOW(words[5]); SHOW(words[4]);"
    )
    assert address == 0
    assert [*items.words, *requests] == [*words, items.address()]
    assert items.fired(0) is None
    items.words[4:6] = array("q", (value, result))
    assert items.fired(0) == (_library.EBADF, 9)


def test_the_second_word_of_a_batch_entry_is_events_above_a_reason(ask):
    token, events, timed_out, closed, value = ask(
        "cothread_ready all[] = {{7, 0, COTHREAD_WRITABLE, 9}, {7, COTHREAD_ETIMEDOUT, 0, 0},"
        " {7, COTHREAD_ECLOSED, 0, 0}};"
        "int64_t words[sizeof all / 8]; memcpy(words, all, sizeof all);"
        "SHOW(words[0]); SHOW(words[1]); SHOW(words[5]); SHOW(words[9]); SHOW(words[2]);"
    )
    assert (token, value) == (7, 9)
    assert _scheduler.outcome(events) == coselect.POLLOUT
    assert timed_out == _scheduler._TIMED_OUT
    assert _scheduler.outcome(closed) == coselect.POLLNVAL


def test_the_bits_of_coselect_are_those_of_poll(ask):
    names = [name for name in vars(coselect) if name.startswith("POLL") and name != "POLLEXTRA"]
    assert [getattr(coselect, name) for name in names] == ask("".join(f"SHOW({name});" for name in names))
    assert _scheduler.POLLIN == coselect.POLLIN
    assert _scheduler.POLLNVAL == coselect.POLLNVAL
