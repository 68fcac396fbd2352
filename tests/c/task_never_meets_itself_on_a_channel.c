/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

static cothread_handle channel, tasks[2];
static char sent[2][100], got[2][100];
static int results[2];
static cothread_item items[2][3];

static void *waits(void *argument) {
    int i = (int)(intptr_t)argument;
    memset(sent[i], 'a' + i, sizeof sent[i]);
    items[i][0] = SEND(channel, sent[i]);
    items[i][1] = RECEIVE(channel, got[i]);
    items[i][2] = SEND(channel, sent[i]);
    results[i] = wait_items(items[i], 3, cothread_after(COTHREAD_SECOND), (uint32_t)i); /* 1: COTHREAD_ALL */
    return NULL;
}

int main(void) {
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(100, 0, 0));
    tasks[0] = spawn(waits, (void *)0);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    expect(cothread_join(tasks[0], NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* both its ends stand there */
    tasks[1] = spawn(waits, (void *)1); /* they meet once, in either direction */
    join(tasks[0]);
    join(tasks[1]);
    expect(results[0], 1);
    expect(results[1], 1);
    expect(items[0][1].fired + items[1][1].fired, 1);
    expect(memcmp(items[0][1].fired ? got[0] : got[1], items[0][1].fired ? sent[1] : sent[0], 100), 0);
    return nothing_left();
}
