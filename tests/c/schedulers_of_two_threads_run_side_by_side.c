/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Each ping-pongs callbacks with the other: neither can finish unless both run. */
enum { ROUNDS = 1000 };
typedef struct {
    cothread_handle scheduler, event;
    int rounds;
} side;
static side sides[2];
static pthread_barrier_t both_exist, both_done;

static void ball(void *argument) {
    side *here = argument, *there = here == &sides[0] ? &sides[1] : &sides[0];
    expect(cothread_current(), here->scheduler);
    if (++here->rounds <= ROUNDS)
        expect(cothread_post(there->scheduler, ball, there, COTHREAD_NOW), 0);
    if (here->rounds == ROUNDS)
        expect(cothread_event_signal(here->event, NULL), 1);
}

static void *player(void *argument) {
    side *here = argument;
    here->scheduler = handle(cothread_create(NULL));
    here->event = handle(cothread_event_create(0));
    pthread_barrier_wait(&both_exist);
    expect(sides[0].scheduler != sides[1].scheduler, 1);
    if (here == &sides[0])
        expect(cothread_post(here->scheduler, ball, here, COTHREAD_NOW), 0);
    expect(cothread_event_wait(here->event, NULL, COTHREAD_FOREVER), 0);
    pthread_barrier_wait(&both_done);
    nothing_left();
    return NULL;
}

int main(void) {
    pthread_t thread;
    expect(pthread_barrier_init(&both_exist, NULL, 2), 0);
    expect(pthread_barrier_init(&both_done, NULL, 2), 0);
    expect(pthread_create(&thread, NULL, player, &sides[1]), 0);
    player(&sides[0]);
    expect(pthread_join(thread, NULL), 0);
    return 0;
}
