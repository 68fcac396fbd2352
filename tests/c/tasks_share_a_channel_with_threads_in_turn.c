/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel, other;

static void *receives(void *name) {
    int value;
    expect(cothread_channel_receive(channel, &value, COTHREAD_FOREVER), 0);
    note("%s%d", (char *)name, value);
    return NULL;
}

static void *sends(void *value) {
    int element = (int)(intptr_t)value;
    expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), 0);
    note("sent%d", element);
    return NULL;
}

static void *from_a_thread(void *value) {
    int element = (int)(intptr_t)value;
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    return NULL;
}

static void send_from_a_thread(int value) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, from_a_thread, (void *)(intptr_t)value), 0);
    expect(pthread_join(thread, NULL), 0);
}

/* The thread holds the scheduler's up until the deadline is over. */
static void *waits_for_a_moment(void *unused) {
    int value;
    expect(cothread_channel_receive(channel, &value, cothread_after(COTHREAD_MILLISECOND)), 0);
    expect(value, 9);
    return unused;
}

int main(void) {
    int value = 0;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof value, 2, COTHREAD_FROM_THREADS));

    /* Who waits comes first, also before one that runs while the element is there already. */
    cothread_handle a = spawn(receives, "a"), b = spawn(receives, "b");
    expect(cothread_yield(), 0);
    send_from_a_thread(1);
    expect(cothread_channel_receive(channel, &value, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    send_from_a_thread(2);
    send_from_a_thread(3);
    expect(cothread_channel_receive(channel, &value, COTHREAD_NOW), 0);
    expect(value, 3);
    join(a);
    join(b);
    expect_order("a1 b2");

    /* So it is with room: a send for now does not overtake tasks that wait. */
    cothread_handle senders[4];
    for (int i = 0; i < 4; i++)
        senders[i] = spawn(sends, (void *)(intptr_t)(i + 1));
    expect(cothread_yield(), 0);
    expect(cothread_channel_send(channel, &value, COTHREAD_NOW), COTHREAD_EFULL);
    for (int i = 0; i < 4; i++) {
        expect(cothread_channel_receive(channel, &value, COTHREAD_FOREVER), 0);
        expect(value, i + 1);
        join(senders[i]);
    }
    expect_order("sent1 sent2 sent3 sent4");

    /* What is there when a deadline has passed wins. */
    a = spawn(waits_for_a_moment, NULL);
    expect(cothread_yield(), 0);
    int64_t over = cothread_after(20 * COTHREAD_MILLISECOND);
    while (cothread_now() < over)
        ;
    send_from_a_thread(9);
    join(a);

    /* Among several things, both ways; none meets itself. */
    other = handle(cothread_channel_create(sizeof value, 1, COTHREAD_FROM_THREADS));
    int received = 0, received_too = 0, sent = 5;
    cothread_item items[] = {
        {.kind = COTHREAD_ITEM_RECEIVE, .object = channel, .element = &received},
        {.kind = COTHREAD_ITEM_RECEIVE, .object = other, .element = &received_too},
        {.kind = COTHREAD_ITEM_SEND, .object = other, .element = &sent},
    };
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    send_from_a_thread(4);
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].fired, 1);
    expect(received, 4);
    expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0), 1);
    expect(items[2].fired, 1);
    expect(cothread_wait(&items[2], sizeof *items, 1, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, COTHREAD_ALL), 2);
    expect(items[1].fired, 1);
    expect(received_too, 5);
    expect(items[2].fired, 1);
    expect(cothread_close(other), 0);
    expect(cothread_close(channel), 0);
    return nothing_left();
}
