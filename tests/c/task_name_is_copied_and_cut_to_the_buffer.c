/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

/* The length that is returned, and the text in a buffer of that size; nothing behind it is written. */
#define expect_name(task, size, length, text) \
    do { \
        char buffer[64]; \
        memset(buffer, '#', sizeof buffer); \
        expect(cothread_task_name(task, buffer, size), length); \
        expect(strcmp(buffer, text), 0); \
        expect(buffer[strlen(text) + 1], '#'); \
    } while (0)

static void *tells_its_own(void *wanted) {
    expect_name(cothread_self(), 32, (int)strlen(wanted), wanted);
    return NULL;
}

static cothread_handle named(const char *name, const char *wanted) {
    cothread_task_options options = {sizeof options, 0, 0, 0, name};
    return handle(cothread_spawn(tells_its_own, (void *)wanted, &options));
}

static void names_of_native_tasks(void) {
    cothread_handle task;
    char buffer[4] = "abc";

    handle(cothread_create(NULL));
    expect_name(cothread_self(), 32, 0, ""); /* before any task had one */
    task = named("parser", "parser");
    expect_name(cothread_self(), 32, 0, ""); /* and after */
    expect_name(task, 32, 6, "parser");
    expect_name(task, 7, 6, "parser");
    expect_name(task, 6, 6, "parse");
    expect_name(task, 2, 6, "p");
    expect_name(task, 1, 6, "");
    expect_name(task, SIZE_MAX, 6, "parser");
    expect(cothread_task_name(task, NULL, 32), COTHREAD_EINVAL);
    expect(cothread_task_name(task, buffer, 0), COTHREAD_EINVAL);
    expect(cothread_yield(), 0);
    expect_name(task, 32, 6, "parser"); /* it has ended */
    join(task);
    expect(cothread_task_name(task, buffer, sizeof buffer), COTHREAD_EHANDLE);
    expect(strcmp(buffer, "abc"), 0); /* an error writes nothing */

    join(named(NULL, "")); /* the slot's last owner had a name */
    join(named("", ""));
    join(named("0123456789012345678901234567890", "0123456789012345678901234567890"));
    join(named("01234567890123456789012345678901", "0123456789012345678901234567890"));
    expect(nothing_left(), 0);
}

static void names_of_host_tasks(void) {
    cothread_handle greenlet, nameless;
    hosted(0);
    greenlet = handle(cothread_host_create(1, "greenlet", 0));
    nameless = handle(cothread_host_create(2, NULL, 0));
    expect_name(greenlet, 32, 8, "greenlet");
    expect_name(greenlet, 4, 8, "gre");
    expect_name(nameless, 32, 0, "");
    finish(greenlet, 0);
    finish(nameless, 0);
    expect(batch(COTHREAD_NOW), 0);
    expect(nothing_left(), 0);
}

int main(void) {
    names_of_native_tasks();
    names_of_host_tasks();
    return 0;
}
