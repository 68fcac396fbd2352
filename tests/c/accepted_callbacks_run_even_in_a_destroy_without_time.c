/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { CALLBACKS = 1000 }; /* several ticks of them: a tick starts 256 */
static int run;

static void callback(void *unused) {
    (void)unused;
    run++;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    int i;
    for (i = 0; i < CALLBACKS; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    expect(run, CALLBACKS);
    return 0;
}
