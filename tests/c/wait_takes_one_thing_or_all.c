/* SPDX-License-Identifier: Apache-2.0
 * Of the items that take at most one does, whether it was there at once or came; with COTHREAD_ALL each takes what there is; with
 * COTHREAD_ONE one item fires, and it is the one that took. */
#include "items.h"

static cothread_handle a, b, manual, semaphore, mutex, other;
static long got[2];
static cothread_item items[8];
static int result;

static void *waits(void *flags) {
    result = wait_items(items, 5, COTHREAD_FOREVER, (uint32_t)(uintptr_t)flags);
    if (items[4].fired)
        expect(cothread_mutex_unlock(mutex), 0);
    return NULL;
}

static void *ends_with_the_mutex(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_yield(), 0);
    return unused;
}

/* A task waits for all five; then what `happens` does happens before it runs. */
static void waiting(uint32_t flags, void (*happens)(void)) {
    cothread_handle task;
    items[0] = EVENT(manual);
    items[1] = RECEIVE(a, &got[0]);
    items[2] = RECEIVE(b, &got[1]);
    items[3] = ACQUIRE(semaphore);
    items[4] = LOCK(mutex);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    task = spawn(waits, (void *)(uintptr_t)flags);
    expect(cothread_yield(), 0);
    happens();
    join(task);
}

static void much(void) {
    long element = 1;
    expect(cothread_channel_send(b, &element, COTHREAD_NOW), 0); /* handed over */
    expect(cothread_channel_send(a, &element, COTHREAD_NOW), 0); /* by then it waits no more: buffered */
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_event_signal(manual, NULL) <= 1, 1);
    expect(cothread_mutex_unlock(mutex), 0);
}

static void a_unit(void) {
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_mutex_unlock(mutex), 0);
}

static void clean(void) {
    long element;
    while (cothread_channel_receive(a, &element, COTHREAD_NOW) == 0 || cothread_channel_receive(b, &element, COTHREAD_NOW) == 0 ||
           cothread_semaphore_acquire(semaphore, COTHREAD_NOW) == 0)
        continue;
    expect(cothread_event_reset(manual) >= 0, 1);
}

static void *main_task(void *unused) {
    long element = 7, elements[2] = {1, 2};
    int i, ones = 0;

    /* Send on A or B never sends twice. */
    cothread_item sends[] = {SEND(a, &elements[0]), SEND(b, &elements[1])};
    for (i = 0; i < 100; i++) {
        expect(wait_items(sends, 2, COTHREAD_FOREVER, 0), 1);
        expect(sends[0].fired + sends[1].fired, 1);
        ones += (int)sends[0].fired;
        if (sends[0].fired) {
            expect(cothread_channel_receive(a, &element, COTHREAD_NOW), 0);
            expect(element, 1);
        }
        expect(cothread_channel_receive(a, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(cothread_channel_receive(b, &element, COTHREAD_NOW), sends[0].fired ? COTHREAD_ETIMEDOUT : 0);
    }
    expect(ones > 10 && ones < 90, 1);
    expect(wait_items(sends, 2, COTHREAD_FOREVER, COTHREAD_ALL), 2);
    clean();

    waiting(0, much); /* one element, and the condition that came true meanwhile */
    expect(result, 2);
    expect(items[2].fired && got[1] == 1, 1);
    expect(items[0].fired, 1);
    clean();
    waiting(COTHREAD_ONE, much); /* the element, though the event comes first in the list */
    expect(result, 1);
    expect(items[2].fired && got[1] == 1, 1);
    clean();
    waiting(COTHREAD_ALL, much);
    expect(result, 5);
    clean();
    waiting(0, a_unit);
    expect(result, 1);
    expect(items[3].fired, 1);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0); /* nobody else has it */
    expect(cothread_mutex_unlock(mutex), 0);

    /* The same mutex twice: the second would be a deadlock, and is so only if all are taken. */
    items[0] = items[1] = LOCK(mutex);
    expect(wait_items(items, 2, COTHREAD_FOREVER, 0), 1);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(wait_items(items, 2, COTHREAD_FOREVER, COTHREAD_ALL), 2);
    expect(items[0].result + items[1].result, COTHREAD_EDEADLK);
    expect(cothread_mutex_unlock(mutex), 0);

    /* A lock whose owner ended is taken, at once or later. */
    other = spawn(ends_with_the_mutex, NULL);
    expect(cothread_yield(), 0);
    items[1] = EVENT(manual);
    expect(wait_items(items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].fired, 1);
    expect(items[0].result, 1);
    expect(cothread_mutex_unlock(mutex), 0);
    join(other);
    join(spawn(ends_with_the_mutex, NULL));
    expect(wait_items(items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].result, 1);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    a = handle(cothread_channel_create(sizeof(long), 1, 0));
    b = handle(cothread_channel_create(sizeof(long), 1, 0));
    manual = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    semaphore = handle(cothread_semaphore_create(0, 0));
    mutex = handle(cothread_mutex_create(0));
    join(spawn(main_task, NULL));
    return nothing_left();
}
