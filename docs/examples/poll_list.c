/* A loop that can poll nothing but a list of descriptors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2]; /* a pipe */
static int done;

static void *reader(void *unused) {
    char text[8];
    int bits = cothread_wait_fd(ends[0], COTHREAD_READABLE, cothread_after(60 * COTHREAD_SECOND));
    if (bits > 0 && bits & COTHREAD_READABLE)
        done = (int)read(ends[0], text, sizeof text);
    return unused;
}

static void *writer(void *unused) {
    cothread_sleep_until(cothread_after(10 * COTHREAD_MILLISECOND));
    if (write(ends[1], "!", 1) != 1)
        perror("write");
    return unused;
}

static int milliseconds_until(int64_t deadline) { /* rounded up: one too early would spin */
    int64_t left = deadline - cothread_now(); /* neither FOREVER nor NOW: no overflow */
    if (left <= 0)
        return 0;
    left = (left + 999999) / COTHREAD_MILLISECOND;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int main(void) {
    enum { CAPACITY = 16 }; /* a program with more descriptors asks for the number and allocates */
    cothread_options options = {.size = sizeof options,
                                .flags = COTHREAD_HOSTED | COTHREAD_HOST_POLLS};
    const cothread_task_options detached = {.size = sizeof detached, .flags = COTHREAD_DETACHED};
    cothread_handle scheduler = cothread_create(&options);
    if (scheduler < 0 || pipe(ends) < 0 || cothread_spawn(reader, NULL, &detached) < 0 ||
        cothread_spawn(writer, NULL, &detached) < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }

    while (!done) {
        cothread_pollfd list[CAPACITY];
        struct pollfd fds[CAPACITY];
        int64_t deadline;
        int count = cothread_poll_list(list, CAPACITY);
        if (count < 0 || count > CAPACITY)
            return 1;
        for (int i = 0; i < count; i++)
            fds[i] = (struct pollfd){.fd = list[i].fd, .events = (short)list[i].events};
        cothread_next_deadline(&deadline);
        poll(fds, (nfds_t)count,
             deadline == COTHREAD_FOREVER ? -1
             : deadline == COTHREAD_NOW   ? 0
                                          : milliseconds_until(deadline));
        for (int i = 0; i < count; i++)
            list[i].revents = (uint16_t)fds[i].revents;
        cothread_poll_deliver(list, count);
        cothread_poll_scheduler(COTHREAD_NOW);
    }
    printf("%d byte read\n", done);
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
