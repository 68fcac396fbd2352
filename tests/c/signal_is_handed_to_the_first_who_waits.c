/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

static cothread_handle signal_object;

static void *takes(void *name) {
    expect(wait_signal(signal_object, COTHREAD_FOREVER), 1);
    note("%s", (char *)name);
    return NULL;
}

static void *times_out(void *unused) {
    expect(wait_signal(signal_object, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    note("timeout");
    return unused;
}

static void *is_cancelled(void *unused) {
    expect(wait_signal(signal_object, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("cancelled");
    return unused;
}

static void *finds_it_closed(void *unused) {
    expect(wait_signal(signal_object, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("closed");
    return unused;
}

int main(void) {
    cothread_handle tasks[5];
    int i;
    handle(cothread_create(NULL));
    signal_object = handle(cothread_signal_open(SIGUSR1, 0));
    tasks[0] = spawn(times_out, NULL); /* these two take nothing, */
    tasks[1] = spawn(is_cancelled, NULL);
    tasks[2] = spawn(takes, "a");
    tasks[3] = spawn(takes, "b");
    tasks[4] = spawn(finds_it_closed, NULL);
    expect(cothread_yield(), 0);
    join(tasks[0]);
    expect(cothread_cancel(tasks[1]), 0);
    join(tasks[1]);
    expect(raise(SIGUSR1), 0);
    join(tasks[2]);
    expect(raise(SIGUSR1), 0);
    join(tasks[3]);
    expect(cothread_close(signal_object), 0);
    join(tasks[4]);
    expect_order("timeout cancelled a b closed");
    expect(wait_signal(signal_object, COTHREAD_NOW), COTHREAD_EHANDLE);
    for (i = 0; i < 3; i++)
        tasks[i] = handle(cothread_signal_open(SIGUSR1 + 2 * (i == 2), 0));
    expect(raise(SIGUSR1), 0);
    {
        cothread_item items[3];
        memset(items, 0, sizeof items);
        for (i = 0; i < 3; i++) {
            items[i].kind = COTHREAD_ITEM_SIGNAL;
            items[i].object = tasks[i];
        }
        expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0), 1); /* at most one is taken */
        expect(items[0].fired + items[1].fired, 1);
        expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0), 1); /* the other one kept it */
        expect(raise(SIGUSR1), 0);
        expect(raise(SIGUSR2), 0);
        expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, COTHREAD_ALL), 3);
        expect(cothread_wait(items, sizeof *items, 3, COTHREAD_NOW, COTHREAD_ALL), COTHREAD_ETIMEDOUT);
    }
    for (i = 0; i < 3; i++)
        expect(cothread_close(tasks[i]), 0);
    return nothing_left();
}
