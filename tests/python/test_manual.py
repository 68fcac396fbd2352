# SPDX-License-Identifier: Apache-2.0
"""docs/manual.py notices where cothread.h leaves the order that its manual is made from."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("manual", ROOT / "docs/manual.py")
assert spec is not None and spec.loader is not None
manual = importlib.util.module_from_spec(spec)
sys.modules["manual"] = manual  # dataclasses look their module up
spec.loader.exec_module(manual)

GOOD = """\
/* a header
 */
/* ---- Tasks ---- */
#define COTHREAD_EBUSY (-6)
/* cothread_feed feeds a cat. It is patient.
 *   cat       a cat that is
 *             hungry
 *   portions  1 .. 3
 * Returns what is left, or
 *   COTHREAD_EBUSY  the cat sleeps
 * Example:
 *   cothread_feed(tom, 1);
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_feed(cothread_handle cat,
                                                int portions);
"""


def faults_after(old: str, new: str) -> list[str]:
    assert old in GOOD
    _, faults = manual.read_header(GOOD.replace(old, new))
    return faults


def test_each_part_of_an_entry_is_read():
    header, faults = manual.read_header(GOOD)
    assert faults == []
    [function] = header.functions()
    assert function.declaration == "int cothread_feed(cothread_handle cat, int portions);"
    assert function.summary == "cothread_feed feeds a cat. It is patient."
    assert [(item.name, item.text) for item in function.parameters] == [
        ("cat", "a cat that is hungry"),
        ("portions", "1 .. 3"),
    ]
    assert function.returns == "Returns what is left, or"
    assert [item.name for item in function.errors] == ["COTHREAD_EBUSY"]
    assert function.example == ["cothread_feed(tom, 1);"]
    assert function.kind == "Wait; from own stack, task."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/* cothread_feed feeds", "/* cothread_food feeds", "does not begin with a sentence"),
        ("It is patient.", "It is patient", "does not begin with a sentence"),
        (" *   portions  1 .. 3\n", "", "describes ['cat'], and takes ['cat', 'portions']"),
        ("Returns what is left, or", "Gives what is left, or", "nothing that begins with Returns"),
        ("Returns what is left, or", "Returns what is left.", "ends in `or` if errors follow"),
        ("COTHREAD_EBUSY  the cat", "COTHREAD_ESLEEPY  the cat", "COTHREAD_ESLEEPY is no error code"),
        ("Wait; from own stack, task.", "Waits in a task.", "the last line is not `Kind; from`"),
    ],
)
def test_a_fault_is_named_with_its_function(old: str, new: str, said: str):
    faults = faults_after(old, new)
    assert said in faults[0]
    assert faults[0].startswith("cothread.h:")


def test_two_functions_do_not_share_a_comment():
    _, faults = manual.read_header(GOOD + "COTHREAD_API int cothread_pet(cothread_handle cat);\n")
    assert faults == ["cothread.h:16: cothread_pet: has no comment of its own"]


def test_a_struct_has_a_comment_that_begins_with_its_name():
    _, faults = manual.read_header(GOOD + "typedef struct cothread_cat {\n    int lives;\n} cothread_cat;\n")
    assert faults == ["cothread.h:16: cothread_cat: has no comment that begins with its name"]
