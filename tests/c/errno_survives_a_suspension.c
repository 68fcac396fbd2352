/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;

static void *spoils_it(void *unused) {
    int i;
    for (i = 0; i < 20; i++) {
        errno = 1000 + i;
        expect(cothread_yield(), 0);
        expect(errno, 1000 + i);
    }
    return unused;
}

static void *keeps_it(void *unused) {
    errno = EXDEV;
    expect(cothread_yield(), 0);
    expect(errno, EXDEV);
    errno = ENOTTY;
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    expect(errno, ENOTTY);
    errno = EMLINK;
    expect(cothread_event_wait(event, NULL, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(errno, EMLINK);
    return unused;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    a = spawn(spoils_it, NULL);
    b = spawn(keeps_it, NULL);
    errno = EDOM;
    expect(cothread_join(b, NULL, COTHREAD_FOREVER), 0);
    expect(errno, EDOM);
    join(a);
    return nothing_left();
}
