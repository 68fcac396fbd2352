/* SPDX-License-Identifier: Apache-2.0
 * What belongs to the host's loop answers COTHREAD_EBUSY inside a native task and inside a callback, and does nothing. */
#include "host.h"

enum { FLAGS = 2 };
static int64_t deadline;
static cothread_pollfd list[4];
static cothread_handle scheduler;

static int64_t is_null(cothread_ring *got) { /* as a code: a pointer has none of its own */
    return got ? 1 : strstr(cothread_last_error(), "inside a task") != NULL ? COTHREAD_EBUSY : 0;
}

#define REFUSED(call)                                                                                              \
    do {                                                                                                           \
        int64_t got = (call);                                                                                      \
        if (got != COTHREAD_EBUSY) {                                                                               \
            fprintf(stderr, "%s: %s gave %lld: %s\n", where, #call, (long long)got, got < 0 ? cothread_last_error() : ""); \
            wrong++;                                                                                               \
        }                                                                                                          \
    } while (0)

static int wrong; /* all are named, not only the first */

static void all_refused(const char *where) {
    int64_t requests = ring->request_count;
    REFUSED(is_null(cothread_host_ring()));
    REFUSED(cothread_host_create(7, "x", 0));
    REFUSED(cothread_submit());
    REFUSED(cothread_poll_scheduler(COTHREAD_NOW));
    REFUSED(cothread_poll_fd());
    REFUSED(cothread_next_deadline(&deadline));
    REFUSED(cothread_poll_list(list, 4));
    REFUSED(cothread_poll_deliver(list, 0));
    REFUSED(cothread_run(COTHREAD_NOW));
    REFUSED(cothread_destroy(scheduler, COTHREAD_NOW));
    expect(ring->request_count, requests);
    note("%s", where);
}

static void *in_task(void *where) {
    all_refused(where);
    return NULL;
}

static void in_callback(void *where) {
    all_refused(where);
}

int main(void) {
    static const uint32_t flags[FLAGS] = {0, COTHREAD_HOST_POLLS};
    int i;
    for (i = 0; i < FLAGS; i++) {
        cothread_handle task, host_task;
        scheduler = hosted(flags[i]);
        host_task = handle(cothread_host_create(1, NULL, 0));
        wait_for(host_task, COTHREAD_NOW); /* what a submit inside would take out of the ring */
        task = spawn(in_task, "task");
        expect(cothread_post(scheduler, in_callback, "callback", COTHREAD_NOW), 0);
        expect(batch(COTHREAD_NOW), 1);
        expect_order("callback task 1:-10");
        expect(wrong, 0);
        finish(host_task, 0);
        expect(cothread_submit(), 1);
        join(task);
        nothing_left();
    }
    return 0;
}
