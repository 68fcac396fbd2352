/* A loop that is not ours, over one descriptor of the program's and one of the scheduler's.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int pings[2]; /* a pipe */

static void *ping(void *unused) { /* a native task; the program's loop sees a pipe that fills */
    for (int i = 0; i < 3; i++) {
        cothread_sleep_until(cothread_after(10 * COTHREAD_MILLISECOND));
        if (write(pings[1], "!", 1) != 1)
            break;
    }
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED};
    const cothread_task_options detached = {.size = sizeof detached, .flags = COTHREAD_DETACHED};
    cothread_handle scheduler = cothread_create(&options);
    if (scheduler < 0 || pipe(pings) < 0 || cothread_spawn(ping, NULL, &detached) < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }

    struct pollfd watched[2] = {{.fd = cothread_poll_fd(), .events = POLLIN},
                                {.fd = pings[0], .events = POLLIN}};
    for (int received = 0; received < 3;) {
        poll(watched, 2, -1);
        if (watched[0].revents)
            cothread_poll_scheduler(COTHREAD_NOW); /* one tick */
        if (watched[1].revents) {
            char text[8];
            received += (int)read(pings[0], text, sizeof text);
            printf("%d pings\n", received);
        }
    }
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
