/* Samples ten times, in step, until a task says stop. docs/timers.md quotes this program.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <stdio.h>

enum { SAMPLES = 10 };

static cothread_handle stop;

static void *look(void *unused) {
    int samples = 0;
    cothread_handle sample = cothread_timer_create(0);
    cothread_handle jumps = cothread_timer_create(COTHREAD_CLOCK_JUMPS);
    cothread_item items[] = {
        {.kind = COTHREAD_ITEM_TIMER, .object = sample},
        {.kind = COTHREAD_ITEM_TIMER, .object = jumps},
        {.kind = COTHREAD_ITEM_EVENT, .object = stop},
    };
    cothread_timer_set(sample, cothread_after(COTHREAD_MILLISECOND), COTHREAD_MILLISECOND);
    while (cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0) > 0 && !items[2].fired) {
        if (items[0].fired)
            samples += items[0].result; /* those that were missed count */
        if (items[1].fired)
            printf("the date moved by %lld ns\n", (long long)items[1].value);
        if (samples >= SAMPLES)
            cothread_event_signal(stop, NULL);
    }
    printf("%s\n", samples >= SAMPLES ? "sampled" : cothread_last_error());
    cothread_close(sample);
    cothread_close(jumps);
    return unused;
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL);
    stop = cothread_event_create(0);
    cothread_join(cothread_spawn(look, NULL, NULL), NULL, COTHREAD_FOREVER);
    cothread_close(stop);
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
