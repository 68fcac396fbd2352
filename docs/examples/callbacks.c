/* A thread measures faster than the program needs. Its scheduler gets what counts: every event, and
 * of the readings the newest.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVENTS = 1000, READINGS = 100000 };

static cothread_handle scheduler, mailbox, finished;
static int events, readings, last_reading;

static void on_event(void *unused) { /* runs in a task of the scheduler's thread: no lock */
    (void)unused;
    if (++events == EVENTS)
        cothread_event_signal(finished, NULL);
}

static void on_reading(void *reading) {
    last_reading = *(int *)reading;
    readings++;
    free(reading);
}

static void *measure(void *unused) { /* any thread: it has no scheduler of its own */
    for (int i = 1; i <= READINGS; i++) {
        int *reading = malloc(sizeof *reading);
        void *replaced = NULL;
        if (!reading)
            break;
        *reading = i;
        if (cothread_mailbox_post(mailbox, reading, &replaced) < 0)
            free(reading); /* not taken: full, or the scheduler is gone */
        free(replaced);
    }
    for (int i = 0; i < EVENTS; i++)
        if (cothread_post(scheduler, on_event, NULL, cothread_after(60 * COTHREAD_SECOND)) < 0)
            fprintf(stderr, "%s\n", cothread_last_error());
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 64};
    cothread_stats stats = {.size = sizeof stats};
    pthread_t thread;
    if ((scheduler = cothread_create(&options)) < 0)
        return 1;
    finished = cothread_event_create(0);
    mailbox = cothread_mailbox_create(on_reading, 0, 0);

    pthread_create(&thread, NULL, measure, NULL);
    int rc = cothread_event_wait(finished, NULL, cothread_after(60 * COTHREAD_SECOND));
    pthread_join(thread, NULL);

    cothread_statistics(scheduler, &stats);
    printf("%d events and %d readings seen, %llu readings replaced; most pending: %llu of %llu\n",
           events, readings, (unsigned long long)stats.callback_replaced,
           (unsigned long long)stats.callback_high_water,
           (unsigned long long)stats.callback_bound);
    if (rc || last_reading != READINGS || stats.callback_high_water > stats.callback_bound)
        return 1;
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
