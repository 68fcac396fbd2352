/* Conditions take nothing, and all that hold are reported, beside one item that takes. */
#include "test.h"

static void *end(void *result) {
    return result;
}

static void *waiter(void *arg) {
    (void)arg;
    int fds[2], open[2];
    cothread_handle adopted = adopted_pair(fds), manual = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    cothread_handle group = handle(cothread_group_create(0)), timer = handle(cothread_timer_create(0));
    cothread_handle first = handle(cothread_event_create(0)), second = handle(cothread_event_create(0));
    cothread_handle ended = spawn(end, (void *)7), idle = handle(cothread_event_create(0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, open), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_event_signal(manual, (void *)5), 0);
    expect(cothread_event_signal(first, (void *)1), 0);
    expect(cothread_event_signal(second, (void *)2), 0);
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), 0);
    expect(cothread_yield(), 0);
    cothread_item items[] = {
        {.kind = COTHREAD_ITEM_READY, .object = adopted, .want = COTHREAD_READABLE, .tag = 99},
        {.kind = COTHREAD_ITEM_FD, .object = open[0], .want = COTHREAD_READABLE | COTHREAD_WRITABLE},
        {.kind = COTHREAD_ITEM_TASK, .object = ended},
        {.kind = COTHREAD_ITEM_GROUP, .object = group},
        {.kind = COTHREAD_ITEM_EVENT, .object = manual},
        {.kind = COTHREAD_ITEM_TIMER, .object = timer},
        {.kind = COTHREAD_ITEM_EVENT, .object = idle},
        {.kind = COTHREAD_ITEM_EVENT, .object = first},
        {.kind = COTHREAD_ITEM_EVENT, .object = second},
    };
    expect(cothread_wait(items, sizeof *items, 9, COTHREAD_FOREVER, 0), 7);
    expect(items[0].fired, 1);
    expect(items[0].result, COTHREAD_READABLE);
    expect(items[0].tag, 99);
    expect(items[1].result, COTHREAD_WRITABLE);
    expect(items[2].fired, 1);
    expect(items[2].value, 7);
    expect(items[3].fired, 1);
    expect(items[4].value, 5);
    expect(items[5].result, 1);
    expect(items[6].fired, 0);
    expect(items[7].fired + items[8].fired, 1);
    expect(items[7].value + items[8].value, items[7].fired ? 1 : 2);
    /* The other one is still there; the timer's expiry was told. */
    expect(cothread_wait(items, sizeof *items, 9, COTHREAD_FOREVER, 0), 6);
    expect(items[5].fired, 0);
    expect(items[7].fired + items[8].fired, 1);
    expect(cothread_wait(items, sizeof *items, 9, COTHREAD_FOREVER, 0), 5);
    expect(cothread_join(ended, NULL, COTHREAD_NOW), 0);
    expect(cothread_wait(items, sizeof *items, 9, COTHREAD_FOREVER, 0), COTHREAD_EHANDLE);
    expect(strncmp(cothread_last_error(), "item 2: ", 8), 0);
    expect(cothread_event_signal(first, (void *)1), 0);
    expect(cothread_event_signal(second, (void *)2), 0);
    expect(cothread_wait(&items[6], sizeof *items, 3, COTHREAD_FOREVER, COTHREAD_ALL), 2);
    expect(items[7].value, 1);
    expect(items[8].value, 2);
    expect(cothread_wait(&items[6], sizeof *items, 3, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, COTHREAD_ONE), 1);
    expect(items[0].fired + items[1].fired, 1);
    return NULL;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    join(spawn(waiter, NULL));
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    return 0;
}
