/* SPDX-License-Identifier: Apache-2.0
 * What a host sends is copied when its request is taken, and what it receives is written with the batch that says so: the
 * host may free or reuse its memory in between. */
#include "host.h"

typedef struct {
    int64_t words[5];
} large;

static void *receives(void *channel) {
    large element;
    expect(cothread_channel_receive(*(cothread_handle *)channel, &element, COTHREAD_FOREVER), 0);
    note("%lld-%lld", (long long)element.words[0], (long long)element.words[4]);
    return NULL;
}

static void *sends(void *channel) {
    large element = {{6, 0, 0, 0, 60}};
    expect(cothread_channel_send(*(cothread_handle *)channel, &element, COTHREAD_FOREVER), 0);
    memset(&element, 0, sizeof element);
    return NULL;
}

int main(void) {
    cothread_handle host, channel, small, task;
    int64_t received = 1;
    large element = {{5, 0, 0, 0, 50}};
    hosted(0);
    host = handle(cothread_host_create(1, "host", 0));
    channel = handle(cothread_channel_create(sizeof element, 0, 0));
    small = handle(cothread_channel_create(sizeof received, 1, 0));

    wait_on(host, COTHREAD_WAIT_SEND, channel, &element);
    expect(cothread_submit(), 1);
    memset(&element, 0xff, sizeof element); /* no longer the library's business */
    task = spawn(receives, &channel);
    batch(COTHREAD_FOREVER);
    expect_order("5-50 1:0");
    join(task);

    task = spawn(sends, &channel);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    wait_on(host, COTHREAD_WAIT_RECEIVE, channel, &element);
    expect(cothread_submit(), 1); /* taken, but not delivered */
    expect(element.words[0], -1);
    batch(COTHREAD_FOREVER);
    expect_order("1:0");
    expect(element.words[0], 6);
    expect(element.words[4], 60);
    join(task);

    wait_on(host, COTHREAD_WAIT_RECEIVE, small, &received);
    expect(cothread_submit(), 1);
    expect(cothread_channel_send(small, &(int64_t){8}, COTHREAD_NOW), 0);
    expect(received, 1);
    batch(COTHREAD_FOREVER);
    expect_order("1:0");
    expect(received, 8);

    /* one that is given up is given back: closed, cancelled, withdrawn */
    wait_on(host, COTHREAD_WAIT_RECEIVE, channel, &element);
    request((cothread_request){.task = host, .operation = COTHREAD_WITHDRAW, .fd = -1});
    wait_on(host, COTHREAD_WAIT_SEND, channel, &element);
    expect(cothread_submit(), 3);
    expect(cothread_close(channel), 0);
    batch(COTHREAD_FOREVER);
    expect_order("1:-13");

    finish(host, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
