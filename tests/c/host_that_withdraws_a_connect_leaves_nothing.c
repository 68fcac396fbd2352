/* A host gives up a connect, in each state that it may be in and in each way; or its scheduler ends. Nothing stays open, and no
 * task of the library's stays.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host_connects.h"

static cothread_handle task;
static int open_before, stuck;

/* ---- States ---- */

static void not_begun(void) {
    ask_to_connect(task, "127.0.0.1", port, COTHREAD_FOREVER);
}

static void resolving(void) {
    ask_to_connect(task, "slow", port, COTHREAD_FOREVER);
    while (sem_trywait(&looking) < 0)
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    stuck = 1;
}

static void connecting(void) {
    ask_to_connect(task, "127.0.0.1", silent_port, COTHREAD_FOREVER);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(statistics(cothread_current()).connections, 1);
    expect(statistics(cothread_current()).adopted, 1);
}

/* The wait has been handed the connection, and its entry is in no batch yet. */
static void connected(void) {
    ask_to_connect(task, local_path, NULL, COTHREAD_NOW);
    expect(cothread_submit(), 1);
    expect(statistics(cothread_current()).adopted, 1);
}

static void (*const states[])(void) = {not_begun, resolving, connecting, connected};
enum { STATES = 4, CONNECTED = 3 };

/* ---- Ends ---- */

static void withdraw(void) {
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW});
}

static void replace(void) {
    wait_for(task, COTHREAD_NOW);
}

static void ask_again(void) {
    ask_to_connect(task, "127.0.0.1", refusing_port, COTHREAD_FOREVER);
}

static void end_by_finish(void) {
    finish(task, 0);
}

static void cancel(void) {
    expect(cothread_submit() >= 0, 1);
    expect(cothread_cancel(task), 0);
}

static const struct {
    void (*end)(void);
    int reason; /* of the entry; 0: there is none */
} ends[] = {{withdraw, 0}, {replace, COTHREAD_ETIMEDOUT}, {ask_again, COTHREAD_ESYSTEM}, {end_by_finish, 0}, {cancel, COTHREAD_ECANCELED}};

static void drop_what_was_accepted(void) {
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0 || (fd = accept(local, NULL, NULL)) >= 0;) {
        char byte;
        expect(read(fd, &byte, 1), 0); /* the library has closed it */
        close(fd);
    }
}

static void let_it_go_on(void) {
    if (stuck)
        let_go_on();
    stuck = 0;
}

static void given_up(int state, int end) {
    cothread_stats stats;
    task = handle(cothread_host_create(7, NULL, 0));
    states[state]();
    ends[end].end();
    int wanted = state == CONNECTED && ends[end].end != end_by_finish ? 1 : ends[end].reason;
    if (wanted) {
        expect(next_entry()->token, 7);
        expect(ring->ready[0].reason, wanted > 0 ? 0 : wanted);
        if (wanted > 0)
            expect(cothread_close(ring->ready[0].value), 0);
    }
    if (ends[end].end != end_by_finish)
        finish(task, 0);
    do
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    while (stats = statistics(cothread_current()), stats.tasks_ready + stats.tasks_waiting);
    expect(stats.adopted, 0);
    expect(stats.connections, 0);
    expect(stats.jobs, 0);
    let_it_go_on();
    drop_what_was_accepted();
    expect(open_descriptors(), open_before);
}

/* ---- The scheduler ends ---- */

static void *lives(void *state) {
    hosted(0);
    task = handle(cothread_host_create(7, NULL, 0));
    (*(void (**)(void))state)();
    expect(cothread_submit() >= 0, 1);
    return state;
}

/* Only the host task is left: it is the host's to finish. */
static void destroyed(int state, int64_t deadline) {
    lives((void *)&states[state]);
    expect(cothread_destroy(cothread_current(), deadline), 1);
    let_it_go_on();
    drop_what_was_accepted();
}

static void dies_with_its_thread(int state) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, lives, (void *)&states[state]), 0);
    expect(pthread_join(thread, NULL), 0);
    let_it_go_on();
    drop_what_was_accepted();
    hosted(0); /* gives back what it left */
    expect(nothing_left(), 0);
}

/* ---- The connection is made in the tick in which it is given up ---- */

static void *cancels(void *fd) {
    expect(cothread_wait_fd(*(int *)fd, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_cancel(task), 0);
    return NULL;
}

static void given_up_as_it_is_made(void) {
    int fds[2], accepted;
    int64_t next = 0;
    cothread_handle other;
    expect(pipe2(fds, O_CLOEXEC), 0);
    task = handle(cothread_host_create(7, NULL, 0));
    other = spawn(cancels, fds);
    resolving();
    let_it_go_on();
    while (next != COTHREAD_NOW) /* until the name is there */
        expect(cothread_next_deadline(&next), 0);
    expect(write(fds[1], "x", 1), 1); /* descriptors come before what threads left */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect(ring->ready[0].reason, COTHREAD_ECANCELED);
    expect(statistics(cothread_current()).tasks_ready, 1); /* the host task itself */
    expect(statistics(cothread_current()).adopted, 0);
    accepted = accept(listener, NULL, NULL);
    expect(accepted >= 0, 1);
    close(accepted);
    expect(cothread_join(other, NULL, COTHREAD_NOW), 0);
    finish(task, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    close(fds[0]);
    close(fds[1]);
}

static void host(void) {
    hosted(flags);
    open_before = open_descriptors();
    for (int state = 0; state < STATES; state++)
        for (int end = 0; end < (int)(sizeof ends / sizeof ends[0]); end++)
            given_up(state, end);
    if (flags == 0)
        given_up_as_it_is_made();
    expect(nothing_left(), 0);
}

int main(void) {
    open_listeners();
    fcntl(listener, F_SETFL, O_NONBLOCK);
    fcntl(local, F_SETFL, O_NONBLOCK);
    int open = open_descriptors();
    host();
#ifndef __SANITIZE_THREAD__ /* its tick half knows no list */
    flags = COTHREAD_HOST_POLLS;
    host();
    flags = 0;
#endif
    for (int state = 0; state < STATES; state++) {
        destroyed(state, COTHREAD_FOREVER);
        destroyed(state, COTHREAD_NOW);
        dies_with_its_thread(state);
    }
    expect(open_descriptors(), open);
    return 0;
}
