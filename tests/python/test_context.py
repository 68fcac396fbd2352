# SPDX-License-Identifier: Apache-2.0
import contextvars

from cothread import Callback, Event, Sleep, Spawn, Yield

variable = contextvars.ContextVar("variable", default="default")


def test_a_task_carries_a_copy_of_its_spawners_context(core):
    def task():
        seen = [variable.get()]
        variable.set("the task's")
        Yield()
        seen.append(variable.get())
        return seen

    variable.set("spawner")
    tasks = [Spawn(task) for _ in range(3)]
    variable.set("changed later")
    assert [each.Wait() for each in tasks] == [["spawner", "the task's"]] * 3
    assert variable.get() == "changed later"


def test_a_reused_greenlet_carries_the_new_context(core):
    for value in "abc":
        variable.set(value)
        assert Spawn(variable.get).Wait() == value


def test_functions_that_run_in_one_greenlet_without_a_switch_share_no_context(core):
    def setter():
        variable.set("setter")

    tasks = contextvars.Context().run(lambda: [Spawn(setter), Spawn(variable.get)])
    assert [task.Wait() for task in tasks] == [None, "default"]


def test_nested_tasks_inherit_through_each_other(core):
    def outer():
        variable.set("outer")
        return Spawn(variable.get).Wait()

    assert Spawn(outer).Wait() == "outer"


def test_a_switch_keeps_contexts_apart(core):
    event = Event()

    def setter():
        variable.set("setter")
        event.Signal()
        Sleep(1)
        return variable.get()

    variable.set("main")
    task = Spawn(setter)
    event.Wait()
    assert variable.get() == "main"
    assert task.Wait() == "setter"


def test_a_callback_does_not_see_what_happens_to_be_mains_context(core):
    """Its task is the hub's: it has no spawner."""
    seen = []
    variable.set("main")
    Callback(lambda: seen.append(variable.get()))
    Sleep(1)
    assert seen == ["default"]
