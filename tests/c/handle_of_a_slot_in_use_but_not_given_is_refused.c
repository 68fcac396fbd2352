/* SPDX-License-Identifier: Apache-2.0
 * Slots that the library uses for itself, or never used, have handles that can be guessed: none is accepted. */
#include "host.h"

static void callback(void *unused) {
    (void)unused;
    note("callback");
}


static void every_guess_is_refused(cothread_handle near) {
    /* 27 bits of generation, 22 of index, 4 of kind */
    cothread_handle base = near & ~(((cothread_handle)1 << 53) - 1), kind, index, generation;
    for (kind = 0; kind < 16; kind++)
        for (index = 0; index < 8; index++)
            for (generation = 0; generation < 40; generation++) {
                cothread_handle guess = base | kind << 49 | index << 27 | generation;
                if (guess == near)
                    continue;
                expect(cothread_mailbox_post(guess, NULL, NULL) < 0, 1);
                expect(cothread_cancel(guess), COTHREAD_EHANDLE);
                expect(cothread_wakeup(guess), COTHREAD_EHANDLE);
                expect(cothread_detach(guess), COTHREAD_EHANDLE);
                expect(cothread_close(guess) < 0, 1);
            }
}

int main(void) {
    cothread_handle scheduler = hosted(0);
    int i;
    every_guess_is_refused(scheduler); /* slot 0 would be main's, and no mailbox was made */
    for (i = 0; i < 5; i++) {
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    }
    every_guess_is_refused(scheduler); /* the task that runs callbacks is parked */
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    return 0;
}
