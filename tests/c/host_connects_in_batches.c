/* A host that lets the library connect: by number, name and path; each way in which that fails; what it gets can be read and
 * written in batches.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host_connects.h"

static cothread_handle task;

static void expect_entry(int reason, int number) {
    const cothread_ready *ready = next_entry();
    expect(ready->token, 7);
    expect(ready->reason, reason);
    expect(ready->events, number);
    expect(reason == 0 ? ready->value > 0 : ready->value == 0, 1);
}

static void exchange(cothread_handle made, int accepting) {
    char got[8] = "";
    int peer = accept(accepting, NULL, NULL);
    expect(peer >= 0, 1);
    memcpy(ring->output, "hello", 5);
    request((cothread_request){.task = made, .operation = COTHREAD_WRITE, .fd = 5, .object = 8});
    request((cothread_request){.task = made, .operation = COTHREAD_READ, .object = 8});
    expect(cothread_submit(), 2);
    expect(read(peer, got, 5), 5);
    expect(strcmp(got, "hello"), 0);
    expect(write(peer, "back", 4), 4);
    expect(next_entry()->reason, COTHREAD_DATA);
    expect(ring->ready[0].token, 8);
    expect(memcmp(ring->input + ring->ready[0].value, "back", 4), 0);
    request((cothread_request){.task = made, .operation = COTHREAD_CLOSE, .object = 8, .deadline = COTHREAD_NOW});
    expect(cothread_submit(), 1);
    expect(read(peer, got, 1), 0);
    expect(close(peer), 0);
}

static void connects(const char *host, const char *service, int64_t deadline, int accepting) {
    char copies[2][64];
    snprintf(copies[0], sizeof copies[0], "%s", host);
    snprintf(copies[1], sizeof copies[1], "%s", service ? service : "");
    ask_to_connect(task, copies[0], service ? copies[1] : NULL, deadline);
    expect(cothread_submit(), 1);
    memset(copies, 'x', sizeof copies); /* they have been copied */
    expect_entry(0, 0);
    exchange(ring->ready[0].value, accepting);
}

static void fails(const char *host, const char *service, int64_t deadline, int reason, int number, const char *told) {
    ask_to_connect(task, host, service, deadline);
    expect_entry(reason, number);
    if (!strstr(cothread_last_error(), told))
        fail_at(__FILE__, __LINE__, "%s is not in \"%s\"", told, cothread_last_error());
}

static void cancelled(void) {
    ask_to_connect(task, "127.0.0.1", silent_port, COTHREAD_FOREVER);
    expect(cothread_submit(), 1);
    expect(cothread_cancel(task), 0);
    expect_entry(COTHREAD_ECANCELED, 0);
    ask_to_connect(task, "127.0.0.1", port, COTHREAD_FOREVER);
    expect_entry(COTHREAD_ECANCELED, 0);
    finish(task, 0);
    expect(cothread_submit(), 1);
    task = handle(cothread_host_create(7, NULL, 0));
}

/* It is tried again, as nothing tells when there is room. */
static void full_backlog(void) {
    char path[32];
    snprintf(path, sizeof path, "%s-full", local_path);
    int full = local_socket(path, 0), waiting = local_socket(path, -1);
    fails(path, NULL, cothread_after(5 * COTHREAD_MILLISECOND), COTHREAD_ETIMEDOUT, 0, "deadline");
    ask_to_connect(task, path, NULL, COTHREAD_FOREVER);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    close(accept(full, NULL, NULL));
    expect_entry(0, 0);
    expect(cothread_close(ring->ready[0].value), 0);
    close(full);
    close(waiting);
}

static void host(void) {
    int open = open_descriptors();
    hosted(flags);
    task = handle(cothread_host_create(7, NULL, 0));
    connects("127.0.0.1", port, COTHREAD_FOREVER, listener);
    connects("localhost", port, cothread_after(60 * COTHREAD_SECOND), listener);
    connects(local_path, NULL, COTHREAD_FOREVER, local);
    connects(local_path, NULL, COTHREAD_NOW, local); /* at once, or not at all */

    fails("127.0.0.1", refusing_port, COTHREAD_FOREVER, COTHREAD_ESYSTEM, ECONNREFUSED, "111");
    fails("@nobody is there", NULL, COTHREAD_FOREVER, COTHREAD_ESYSTEM, ECONNREFUSED, "111");
    fails("no number", port, COTHREAD_FOREVER, COTHREAD_ENAME, 0, "no number");
    fails("localhost", "no service", COTHREAD_FOREVER, COTHREAD_ENAME, 0, "no service");
    fails("127.0.0.1", silent_port, COTHREAD_NOW, COTHREAD_ETIMEDOUT, 0, "COTHREAD_NOW");
    fails("localhost", port, COTHREAD_NOW, COTHREAD_ETIMEDOUT, 0, "COTHREAD_NOW");
    fails("127.0.0.1", silent_port, cothread_after(COTHREAD_MILLISECOND), COTHREAD_ETIMEDOUT, 0, "deadline");
    fails("127.0.0.1", silent_port, 1, COTHREAD_ETIMEDOUT, 0, "absolute");
    fails("slow", port, cothread_after(COTHREAD_MILLISECOND), COTHREAD_ETIMEDOUT, 0, "deadline"); /* its thread stays stuck */
    fails("", NULL, COTHREAD_FOREVER, COTHREAD_EINVAL, 0, "path");
    fails(NULL, port, COTHREAD_FOREVER, COTHREAD_EINVAL, 0, "object");

    full_backlog();
    cancelled();
    finish(task, 0);
    expect(cothread_submit(), 1);
    expect(nothing_left(), 0);
    expect(open_descriptors(), open);
}

int main(void) {
    open_listeners();
    host();
#ifndef __SANITIZE_THREAD__ /* its tick half knows no list */
    flags = COTHREAD_HOST_POLLS;
    host();
#endif
    return 0;
}
