/* What other libraries' waits for several channels got wrong, by the reports of their users: two that choose and do not meet, a
 * wake that was another receiver's, an element that was not chosen and is lost, channels of two sorts in one wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle left, right;

static cothread_item item(uint32_t kind, cothread_handle object, int64_t *element) {
    return (cothread_item){.kind = kind, .object = object, .element = element};
}

static void open_both(uint32_t capacity) {
    left = handle(cothread_channel_create(sizeof(int64_t), capacity, 0));
    right = handle(cothread_channel_create(sizeof(int64_t), capacity, 0));
}

static void close_both(void) {
    expect(cothread_close(left), 0);
    expect(cothread_close(right), 0);
}

/* Of two tasks that choose, one sends and one receives on a channel without room; whichever comes first. */
static void *chooses(void *element) {
    int64_t other;
    cothread_item items[] = {item(*(int64_t *)element ? COTHREAD_ITEM_SEND : COTHREAD_ITEM_RECEIVE, left, element),
                             item(COTHREAD_ITEM_RECEIVE, right, &other)};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].fired, 1);
    expect(items[0].result, 0);
    return NULL;
}

static void two_that_choose_meet(int first) {
    int64_t elements[2] = {0, 0};
    cothread_handle tasks[2];
    elements[first] = 7;
    open_both(0);
    tasks[0] = spawn(chooses, &elements[0]);
    tasks[1] = spawn(chooses, &elements[1]);
    join(tasks[0]);
    join(tasks[1]);
    expect(elements[!first], 7);
    close_both();
}

/* One that waits for both takes from the left; what came to the right meanwhile is for the one behind it. */
static void *takes_from_the_left(void *unused) {
    int64_t a, b;
    cothread_item items[] = {item(COTHREAD_ITEM_RECEIVE, left, &a), item(COTHREAD_ITEM_RECEIVE, right, &b)};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].fired, 1);
    return unused;
}

static void *takes_from_the_right(void *unused) {
    int64_t element;
    expect(cothread_channel_receive(right, &element, COTHREAD_FOREVER), 0);
    expect(element, 2);
    return unused;
}

static void no_wake_is_taken_from_another(uint32_t capacity) {
    int64_t one = 1, two = 2;
    cothread_handle tasks[2];
    open_both(capacity);
    tasks[0] = spawn(takes_from_the_left, NULL);
    tasks[1] = spawn(takes_from_the_right, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_channel_send(left, &one, COTHREAD_NOW), 0);
    expect(cothread_channel_send(right, &two, COTHREAD_NOW), 0);
    join(tasks[0]);
    join(tasks[1]);
    close_both();
}

/* What a wait did not take is there for the next. */
static void *sends_left(void *unused) {
    int64_t element = 1;
    expect(cothread_channel_send(left, &element, COTHREAD_FOREVER), 0);
    return unused;
}

static void *sends_right(void *unused) {
    int64_t element = 2;
    expect(cothread_channel_send(right, &element, COTHREAD_FOREVER), 0);
    return unused;
}

static void receive_both(uint32_t flags) {
    int64_t a, b, sum = 0;
    for (int received = 0; received < 2;) {
        cothread_item items[] = {item(COTHREAD_ITEM_RECEIVE, left, &a), item(COTHREAD_ITEM_RECEIVE, right, &b)};
        int fired = cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, flags);
        expect(fired > 0, 1);
        received += fired;
        sum += (items[0].fired ? a : 0) + (items[1].fired ? b : 0);
    }
    expect(sum, 3);
}

static void what_is_not_chosen_stays(uint32_t capacity, uint32_t flags) {
    cothread_handle tasks[2];
    open_both(capacity);
    tasks[0] = spawn(sends_left, NULL);
    tasks[1] = spawn(sends_right, NULL);
    receive_both(flags);
    join(tasks[0]);
    join(tasks[1]);
    close_both();
}

static void channels_of_threads_and_of_tasks_are_waited_for_together(void) {
    pthread_t thread;
    cothread_handle task;
    left = handle(cothread_channel_create(sizeof(int64_t), 4, COTHREAD_FROM_THREADS));
    right = handle(cothread_channel_create(sizeof(int64_t), 0, 0));
    expect(pthread_create(&thread, NULL, sends_left, NULL), 0);
    task = spawn(sends_right, NULL);
    receive_both(0);
    pthread_join(thread, NULL);
    join(task);
    close_both();
}

int main(void) {
    handle(cothread_create(NULL));
    for (int round = 0; round < 20; round++) { /* which one is taken is left to chance */
        two_that_choose_meet(round % 2);
        no_wake_is_taken_from_another(round % 3);
        what_is_not_chosen_stays(0, 0);
        what_is_not_chosen_stays(1, COTHREAD_ALL);
        what_is_not_chosen_stays(1, COTHREAD_ONE);
        channels_of_threads_and_of_tasks_are_waited_for_together();
    }
    return nothing_left();
}
