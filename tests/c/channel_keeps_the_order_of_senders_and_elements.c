/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Full: the senders queue up, and each element received lets the first of them put its own in. */
static cothread_handle channel;

static void *sender(void *first) {
    int i, element;
    for (i = 0; i < 3; i++) {
        element = *(int *)first + i;
        expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), 0);
        element = -1; /* copied at the send */
    }
    return NULL;
}

int main(void) {
    int firsts[] = {10, 20, 30}, element, i;
    cothread_handle tasks[3];
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int), 2, 0));
    for (i = 0; i < 3; i++)
        tasks[i] = spawn(sender, &firsts[i]);
    expect(cothread_yield(), 0); /* 10 11 are in; waiting: 12 of a, 20 of b, 30 of c */
    for (i = 0; i < 9; i++) {
        expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), 0);
        note("%d", element);
        expect(cothread_yield(), 0);
    }
    expect_order("10 11 12 20 30 21 31 22 32");
    for (i = 0; i < 3; i++)
        join(tasks[i]);
    return nothing_left();
}
