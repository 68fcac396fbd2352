/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Two tasks that wake each other for ever stay within a tick only up to a count; the third must get its turn. */
static cothread_handle ping, pong;
static int stop;

static void *player(void *other) {
    while (!stop) {
        cothread_wakeup(*(cothread_handle *)other);
        expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    }
    cothread_wakeup(*(cothread_handle *)other);
    return NULL;
}

static void *referee(void *unused) {
    int i;
    for (i = 0; i < 10; i++)
        expect(cothread_yield(), 0);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    stop = 1;
    return unused;
}

int main(void) {
    cothread_handle third;
    handle(cothread_create(NULL));
    third = spawn(referee, NULL);
    ping = spawn(player, &pong);
    pong = spawn(player, &ping);
    join(third);
    join(ping);
    join(pong);
    return nothing_left();
}
