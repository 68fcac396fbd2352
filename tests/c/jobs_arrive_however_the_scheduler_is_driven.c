/* Calls that return wake a scheduler that is hosted, one whose descriptor a host polls, and one whose list a host polls.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include "jobs.h"

#include <poll.h>

static gate shutters;
static int ended;

static void *offloads(void *unused) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), 0);
    ended++;
    return unused;
}

static void *lets_go(void *unused) {
    for (int i = 0; i < 8; i++) {
        usleep(1000); /* so that the scheduler sleeps; it need not, for what is claimed */
        let_go(&shutters, 1);
    }
    return unused;
}

static void by_polling(void) {
    while (ended < 8)
        expect(cothread_poll_scheduler(cothread_after(COTHREAD_SECOND)), 0);
}

static void by_descriptor(void) {
    struct pollfd fd = {.fd = cothread_poll_fd(), .events = POLLIN};
    expect(fd.fd >= 0, 1);
    while (ended < 8) {
        expect(cothread_submit(), 0);
        expect(poll(&fd, 1, 60000), 1);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    }
}

static void by_list(void) {
    while (ended < 8) {
        cothread_pollfd list[8];
        struct pollfd fds[8];
        int64_t deadline;
        int count = cothread_poll_list(list, 8);
        expect(count >= 1 && count <= 8, 1);
        for (int i = 0; i < count; i++)
            fds[i] = (struct pollfd){.fd = list[i].fd, .events = (short)list[i].events};
        expect(cothread_next_deadline(&deadline), 0);
        expect(poll(fds, (nfds_t)count, deadline == COTHREAD_NOW ? 0 : 60000) >= 0, 1);
        for (int i = 0; i < count; i++)
            list[i].revents = (uint32_t)fds[i].revents;
        expect(cothread_poll_deliver(list, count), 0);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    }
}

int main(void) {
    static void (*const ways[])(void) = {by_polling, by_descriptor, by_list};
    for (int way = 0; way < 3; way++) {
        pthread_t thread;
        cothread_handle tasks[8], scheduler = hosted(way == 2 ? COTHREAD_HOST_POLLS : 0);
        ended = 0;
        shut(&shutters);
        for (int i = 0; i < 8; i++)
            tasks[i] = spawn(offloads, NULL);
        cothread_job job = JOB(abs, COTHREAD_TYPE_INT, INT(-1));
        expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EHOSTED); /* on its own stack */
        expect(job.called, 0);
        expect(pthread_create(&thread, NULL, lets_go, NULL), 0);
        ways[way]();
        pthread_join(thread, NULL);
        for (int i = 0; i < 8; i++)
            join(tasks[i]);
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    }
    return 0;
}
