/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "random.h"

/* Tasks do random things with shared objects, random deadlines and random cancels. Whatever the order: every element
 * sent is received once, a mutex has one owner, and no unit of the semaphore is lost. The words are the same in every
 * run, the deadlines fall as the machine likes. */
enum { TASKS = 100, STEPS = 200, ROUNDS = 10 };
static cothread_handle tasks[TASKS], channel, meeting, mutex, semaphore, event;
static int64_t next_element, sent, received;
static int inside, holders;

static int64_t some_deadline(void) {
    return below(4) == 0 ? COTHREAD_NOW : cothread_after((int64_t)below(300) * COTHREAD_MICROSECOND);
}

static int ended_well(int result) {
    if (result != 0 && result != COTHREAD_ETIMEDOUT && result != COTHREAD_ECANCELED)
        fail_at(__FILE__, __LINE__, "a wait gave %d: %s", result, cothread_last_error());
    return result;
}

static int step(void) {
    cothread_handle where = below(2) ? channel : meeting;
    int64_t element;
    int result, i;
    switch (below(8)) {
    case 0:
    case 1:
        element = ++next_element;
        if ((result = ended_well(cothread_channel_send(where, &element, some_deadline()))) == 0)
            sent += element;
        return result;
    case 2:
    case 3:
        if ((result = ended_well(cothread_channel_receive(where, &element, some_deadline()))) == 0)
            received += element;
        return result;
    case 4:
        if ((result = cothread_mutex_lock(mutex, some_deadline())) != 1 && ended_well(result) != 0)
            return result;
        expect(inside++, 0);
        result = below(2) ? cothread_yield() : 0;
        expect(--inside, 0);
        if (result == 0 || below(2)) /* a cancelled task may end holding it */
            expect(cothread_mutex_unlock(mutex), 0);
        return result;
    case 5:
        if ((result = ended_well(cothread_semaphore_acquire(semaphore, some_deadline()))) != 0)
            return result;
        expect(++holders <= 3, 1);
        result = below(2) ? cothread_yield() : 0;
        holders--;
        expect(cothread_semaphore_release(semaphore, 1), 0);
        return result;
    case 6:
        if (below(2))
            return ended_well(cothread_event_wait(event, NULL, some_deadline()));
        result = cothread_event_signal(event, NULL);
        expect(result == 0 || result == 1, 1);
        return 0;
    default:
        i = (int)below(TASKS);
        if (below(50) == 0)
            expect(cothread_cancel(tasks[i]), 0);
        else if (below(2))
            cothread_wakeup(tasks[i]);
        return below(2) ? cothread_yield() : ended_well(cothread_wait_until(some_deadline()));
    }
}

static void *task(void *unused) {
    int i;
    for (i = 0; i < STEPS && step() != COTHREAD_ECANCELED; i++)
        continue;
    return unused;
}

int main(void) {
    int64_t element;
    int i, round;
    handle(cothread_create(NULL));
    for (round = 0; round < ROUNDS; round++) {
        channel = handle(cothread_channel_create(sizeof element, 5, 0));
        meeting = handle(cothread_channel_create(sizeof element, 0, 0));
        mutex = handle(cothread_mutex_create(0));
        semaphore = handle(cothread_semaphore_create(3, 0));
        event = handle(cothread_event_create(0));
        sent = received = 0;
        for (i = 0; i < TASKS; i++)
            tasks[i] = spawn(task, NULL);
        expect(cothread_run(COTHREAD_FOREVER), 0);
        for (i = 0; i < TASKS; i++)
            expect(cothread_join(tasks[i], NULL, COTHREAD_NOW), 0);
        while (cothread_channel_receive(channel, &element, COTHREAD_NOW) == 0)
            received += element;
        expect(received, sent);
        expect(holders, 0);
        for (i = 0; i < 3; i++)
            expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
        expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(cothread_mutex_lock(mutex, COTHREAD_NOW) >= 0, 1); /* 1 if the last owner ended holding it */
        expect(cothread_mutex_unlock(mutex), 0);
        expect(cothread_close(channel), 0);
        expect(cothread_close(meeting), 0);
        expect(cothread_close(mutex), 0);
        expect(cothread_close(semaphore), 0);
        expect(cothread_close(event), 0);
    }
    return nothing_left();
}
