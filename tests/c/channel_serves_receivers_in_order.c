/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;

static void *receiver(void *name) {
    int element;
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
    note("%s%d", (char *)name, element);
    return NULL;
}

int main(void) {
    static const char *const names[] = {"a", "b", "c"};
    cothread_handle tasks[3];
    int i;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int), 8, 0));
    for (i = 0; i < 3; i++)
        tasks[i] = spawn(receiver, (void *)names[i]);
    expect(cothread_yield(), 0);
    for (i = 0; i < 3; i++)
        expect(cothread_channel_send(channel, &i, COTHREAD_NOW), 0);
    for (i = 0; i < 3; i++)
        join(tasks[i]);
    expect_order("a0 b1 c2");
    return nothing_left();
}
