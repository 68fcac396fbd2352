/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* What a C++ runtime keeps, for as many runtimes as it takes until one is refused. */
enum { RUNTIMES = 5 };
static struct list {
    void *caught;
    unsigned uncaught;
} lists[RUNTIMES];

#define GLOBALS(i) \
    static void *globals_##i(void) { return &lists[i]; } \
    static void *again_##i(void) { return &lists[i]; }
GLOBALS(0) GLOBALS(1) GLOBALS(2) GLOBALS(3) GLOBALS(4)
static void *(*const globals[RUNTIMES])(void) = {globals_0, globals_1, globals_2, globals_3, globals_4};
static void *(*const again[RUNTIMES])(void) = {again_0, again_1, again_2, again_3, again_4};

static int known;

static void expect_lists(void *caught, unsigned uncaught) {
    for (int i = 0; i < known; i++) {
        expect(lists[i].caught == caught, 1);
        expect(lists[i].uncaught, uncaught);
    }
}

static void set_lists(void *caught, unsigned uncaught) {
    for (int i = 0; i < known; i++)
        lists[i] = (struct list){caught, uncaught};
}

static void *handles_one(void *exception) {
    expect_lists(NULL, 0);
    set_lists(exception, 2);
    for (int i = 0; i < 3; i++) {
        expect(cothread_yield(), 0);
        expect_lists(exception, 2);
    }
    set_lists(NULL, 1);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect_lists(NULL, 1);
    set_lists(NULL, 0);
    return NULL;
}

static void tasks_and_main_handle_some(void) {
    int a, b, c;
    cothread_handle first = spawn(handles_one, &a), second = spawn(handles_one, &b);
    set_lists(&c, 1);
    join(first);
    expect_lists(&c, 1);
    join(second);
    expect_lists(&c, 1);
    set_lists(NULL, 0);
}

int main(void) {
    expect(cothread_register_exceptions(NULL), COTHREAD_EINVAL);
    expect(cothread_register_exceptions(globals[known++]), 0); /* before there is a scheduler */
    handle(cothread_create(NULL));
    tasks_and_main_handle_some();
    while (known < RUNTIMES && cothread_register_exceptions(globals[known]) == 0) {
        known++;
        tasks_and_main_handle_some();
        expect(cothread_register_exceptions(again[known - 1]), 0); /* the same list, and no runtime more */
    }
    expect(known < RUNTIMES, 1);
    expect(cothread_register_exceptions(globals[known]), COTHREAD_ELIMIT);
    return nothing_left();
}
