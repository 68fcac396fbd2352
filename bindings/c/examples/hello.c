/* hello.c - two tasks that take turns.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cc hello.c $(pkg-config --cflags --libs cothread) && ./a.out
 */
#include <cothread.h>
#include <stdio.h>

static void *greet(void *name) {
    for (int i = 1; i <= 3; i++) {
        printf("%s %d\n", (const char *)name, i);
        cothread_yield(); /* here, and only here, another task may run */
    }
    return NULL;
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL);
    if (scheduler < 0) {
        fprintf(stderr, "hello: %s\n", cothread_last_error());
        return 1;
    }
    const cothread_task_options detached = {.size = sizeof detached, .flags = COTHREAD_DETACHED};
    if (cothread_spawn(greet, "ping", &detached) < 0 ||
        cothread_spawn(greet, "pong", &detached) < 0) {
        fprintf(stderr, "hello: %s\n", cothread_last_error());
        return 1;
    }
    cothread_run(COTHREAD_FOREVER); /* until no task is left */
    return cothread_destroy(scheduler, COTHREAD_NOW);
}
