/* SPDX-License-Identifier: Apache-2.0 */
#include "test.hpp"

#include <fcntl.h>

/* An exception says when it dies. */
static std::string died;
struct fault {
    std::string name;
    explicit fault(const char *n) : name(n) {}
    fault(const fault &) = default;
    ~fault() { died += name + ' '; }
};

static int uncaught() {
#if __cplusplus >= 201703L
    return std::uncaught_exceptions();
#else
    return std::uncaught_exception();
#endif
}

static std::string rethrown(const char *name, int yields) {
    try {
        try {
            throw fault(name);
        } catch (fault &) {
            while (yields-- > 0)
                cothread::yield();
            throw; /* the task's own */
        }
    } catch (fault &caught) {
        return caught.name;
    }
}

static void a_catch_block_waits() {
    auto a = cothread::spawn([] { return rethrown("a", 1); });
    auto b = cothread::spawn([] { return rethrown("b", 2); });
    auto c = cothread::spawn([] { return rethrown("c", 1); });
    expect(a.join(), "a");
    expect(b.join(), "b");
    expect(c.join(), "c");
    expect(died, "a c b ");
    died.clear();
}

static void main_waits_in_a_catch_block() {
    try {
        throw fault("main");
    } catch (fault &) {
        auto task = cothread::spawn([] {
            expect(std::current_exception() == nullptr, true);
            return rethrown("task", 3);
        });
        expect(task.join(), "task");
        try {
            throw;
        } catch (fault &again) {
            expect(again.name, "main");
        }
    }
    expect(died, "task main ");
    died.clear();
}

/* Nested catch blocks, each with a wait; the inner one ends while another task is in the middle
 * of its own. */
static void catch_blocks_nest() {
    auto nested = [](const char *outer, const char *inner) {
        try {
            throw fault(outer);
        } catch (fault &) {
            cothread::yield();
            expect(rethrown(inner, 2), inner);
            cothread::yield();
            try {
                throw;
            } catch (fault &own) {
                return own.name;
            }
        }
    };
    auto a = cothread::spawn([&] { return nested("a1", "a2"); });
    auto b = cothread::spawn([&] { return nested("b1", "b2"); });
    expect(a.join(), "a1");
    expect(b.join(), "b1");
    expect(died, "a2 b2 a1 b1 ");
    died.clear();
}

/* The count of exceptions in flight is the task's too. */
struct waits_when_unwound {
    ~waits_when_unwound() {
        expect(uncaught(), 1);
        cothread_yield();
        expect(uncaught(), 1);
    }
};

static void a_destructor_waits_while_the_stack_unwinds() {
    auto unwinds = cothread::spawn([] {
        try {
            waits_when_unwound during;
            throw fault("unwound");
        } catch (fault &caught) {
            return caught.name;
        }
        return std::string();
    });
    auto looks = cothread::spawn([] { return uncaught(); });
    expect(looks.join(), 0);
    expect(unwinds.join(), "unwound");
    expect(uncaught(), 0);
    died.clear();
}

/* Calls that the tick half serves leave the task's stack as well. */
static void a_catch_block_adopts_a_descriptor() {
    auto adopts = cothread::spawn([] {
        int ends[2];
        expect(pipe(ends), 0);
        try {
            throw fault("adopts");
        } catch (fault &) {
            expect(cothread_close(cothread::check(cothread_adopt(ends[0], 0))), 0);
            expect(close(ends[1]), 0);
            try {
                throw;
            } catch (fault &own) {
                return own.name;
            }
        }
    });
    expect(adopts.join(), "adopts");
    died.clear();
}

static void a_host_polls_in_a_catch_block() {
    cothread_options options = cothread::scheduler_options();
    options.flags = COTHREAD_HOSTED;
    cothread::scheduler scheduler(options);
    std::string got;
    auto task = cothread::spawn([&] { got = rethrown("task", 2); });
    try {
        throw fault("host");
    } catch (fault &) {
        for (int i = 0; i < 5; i++)
            expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
        try {
            throw;
        } catch (fault &own) {
            expect(own.name, "host");
        }
    }
    expect(got, "task");
    task.join();
}

int main() {
    {
        cothread::scheduler scheduler;
        a_catch_block_waits();
        main_waits_in_a_catch_block();
        catch_blocks_nest();
        a_destructor_waits_while_the_stack_unwinds();
        a_catch_block_adopts_a_descriptor();
        expect_no_tasks(scheduler);
    }
    a_host_polls_in_a_catch_block();
    expect(std::current_exception() == nullptr, true);
    return 0;
}
