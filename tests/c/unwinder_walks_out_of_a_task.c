/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <execinfo.h>

/* What profilers, crash handlers and C++ do: they walk up the frames, and must find an end where the task begins. Each
 * function has a section of its own, whose bounds the linker names. */
enum { ROOM = 100, LIMIT = 16 };
#define IN_SECTION(name)                                           \
    extern char __start_of_##name[], __stop_of_##name[];           \
    static __attribute__((noinline, section("of_" #name)))
#define expect_frame(name) expect_frame_at(#name, __start_of_##name, __stop_of_##name)

static void *frames[ROOM];
static int count;

static void walk(void) {
    count = backtrace(frames, ROOM);
    if (count >= LIMIT)
        fail_at(__FILE__, __LINE__, "the walk did not end in fewer than %d frames", LIMIT);
}

static void expect_frame_at(const char *name, const char *begin, const char *end) {
    int i;
    for (i = 0; i < count; i++)
        if ((char *)frames[i] > begin && (char *)frames[i] <= end) /* a return address is behind its call */
            return;
    fail_at(__FILE__, __LINE__, "%s is not among the %d frames", name, count);
}

IN_SECTION(in_task) void *in_task(void *argument) {
    walk();
    expect_frame(in_task);
    return argument;
}

IN_SECTION(in_nested) int in_nested(void) {
    expect(cothread_yield(), 0);
    walk();
    return count;
}

IN_SECTION(in_suspended) void *in_suspended(void *argument) {
    expect(in_nested() > 1, 1);
    expect_frame(in_nested);
    expect_frame(in_suspended);
    return argument;
}

IN_SECTION(in_callback) void in_callback(void *argument) {
    walk();
    expect_frame(in_callback);
    *(int *)argument = 1;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    int ran = 0;
    join(spawn(in_task, NULL));
    join(spawn(in_suspended, NULL));
    expect(cothread_post(scheduler, in_callback, &ran, COTHREAD_NOW), 0);
    expect(cothread_yield(), 0);
    expect(ran, 1);
    return nothing_left();
}
