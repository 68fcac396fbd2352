/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

#include <semaphore.h>

static cothread_handle scheduler, channel, mutex, semaphore, member;
static int fds[2];
static sem_t opened[8]; /* one for each call: what is left behind takes no other's */
static int last_opened = -1;

static void *waiter(void *deadline) {
    expect(cothread_wait_until(*(const int64_t *)deadline), 0);
    return NULL;
}

static void callback(void *unused) {
    (void)unused;
}

static int64_t sends(int64_t deadline) {
    return cothread_channel_send(channel, &deadline, deadline);
}

static void receive(void) {
    int64_t element;
    expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), 0);
}

static int64_t receives(int64_t deadline) {
    int64_t element;
    return cothread_channel_receive(channel, &element, deadline);
}

static void send_one(void) {
    int64_t element = 0;
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
}

static int64_t locks(int64_t deadline) { /* main holds it */
    int rc = cothread_mutex_lock(mutex, deadline);
    if (rc == 0)
        expect(cothread_mutex_unlock(mutex), 0);
    return rc;
}

static void unlock(void) {
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
}

static int64_t acquires(int64_t deadline) {
    return cothread_semaphore_acquire(semaphore, deadline);
}

static int64_t waits_for_things(int64_t deadline) {
    cothread_item items[] = {{.kind = COTHREAD_ITEM_ACQUIRE, .object = semaphore}, {.kind = COTHREAD_ITEM_FD, .object = fds[0], .want = COTHREAD_READABLE}};
    return cothread_wait(items, sizeof *items, 2, deadline, 0);
}

static int64_t waits_for_a_thing(int64_t deadline) {
    cothread_item item = {.kind = COTHREAD_ITEM_ACQUIRE, .object = semaphore};
    return cothread_wait(&item, sizeof item, 1, deadline, 0);
}

static void release(void) {
    expect(cothread_semaphore_release(semaphore, 1), 0);
}

static void *lives(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static int64_t waits_for_group(int64_t deadline) {
    cothread_handle group = handle(cothread_group_create(0));
    int rc;
    member = spawn(lives, NULL);
    expect(cothread_group_add(group, member), 0);
    rc = cothread_group_wait(group, 0, deadline);
    expect(cothread_group_cancel(group), rc < 0);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    expect(cothread_close(group), 0);
    return rc;
}

static void wake_member(void) {
    expect(cothread_wakeup(member), 1);
}

static int64_t waits_for_fd(int64_t deadline) {
    char byte;
    int rc = cothread_wait_fd(fds[0], COTHREAD_READABLE, deadline);
    if (rc > 0)
        expect(read(fds[0], &byte, 1), 1);
    return rc;
}

static int64_t offloads(int64_t deadline) {
    sem_t *own = &opened[++last_opened];
    cothread_argument argument = {COTHREAD_TYPE_POINTER, 0, {.pointer = own}};
    cothread_job job = {.size = sizeof job, .flags = COTHREAD_OWNS_MEMORY, .function = (cothread_job_function)sem_wait,
                        .arguments = &argument, .count = 1, .type = COTHREAD_TYPE_INT};
    expect(sem_init(own, 0, 0), 0);
    int rc = cothread_offload(0, &job, deadline);
    if (rc < 0)
        sem_post(own);
    return rc;
}

static void open_it(void) {
    sem_post(&opened[last_opened]);
}

static void write_one(void) {
    expect(write(fds[1], "x", 1), 1);
}

static const row rows[] = {
    {"channel_send", sends, receive, 0},
    {"channel_receive", receives, send_one, 0},
    {"mutex_lock", locks, unlock, 0},
    {"semaphore_acquire", acquires, release, 0},
    {"wait", waits_for_things, release, 1},
    {"wait for one", waits_for_a_thing, release, 1},
    {"group_wait", waits_for_group, wake_member, 1},
    {"offload", offloads, open_it, 0},
    {"wait_fd", waits_for_fd, write_one, COTHREAD_READABLE},
};

/* The queue has room for one callback, and is full until the next tick. There a task that posts gets the room, which
 * comes before deadlines; a thread, while this one waits for it, does not. */
static void *posts_from_a_task(void *deadline) {
    int64_t at = *(const int64_t *)deadline;
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, callback, NULL, at), at == COTHREAD_NOW ? COTHREAD_EFULL : 0);
    expect(cothread_yield(), 0);
    return NULL;
}

static void *posts_in_vain(void *deadline) {
    int64_t at = *(const int64_t *)deadline;
    expect(cothread_post(scheduler, callback, NULL, at), at == COTHREAD_NOW ? COTHREAD_EFULL : COTHREAD_ETIMEDOUT);
    return NULL;
}

static void *posts_in_the_end(void *deadline) {
    expect(cothread_post(scheduler, callback, NULL, *(const int64_t *)deadline), 0);
    return NULL;
}

static void every_post(void) {
    pthread_t thread;
    size_t i;
    for (i = 0; i < sizeof past / sizeof *past; i++)
        join(spawn(posts_from_a_task, (void *)&past[i]));
    for (i = 0; i < sizeof far / sizeof *far; i++)
        join(spawn(posts_from_a_task, (void *)&far[i]));
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    for (i = 0; i < sizeof past / sizeof *past; i++) {
        expect(pthread_create(&thread, NULL, posts_in_vain, (void *)&past[i]), 0);
        expect(pthread_join(thread, NULL), 0);
    }
    for (i = 0; i < sizeof far / sizeof *far; i++) {
        expect(pthread_create(&thread, NULL, posts_in_the_end, (void *)&far[i]), 0);
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0); /* makes room */
        expect(pthread_join(thread, NULL), 0);
        expect(cothread_yield(), 0);
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    }
    expect(cothread_yield(), 0);
}

static void *ends_when_cancelled(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void every_destroy(void) {
    size_t i;
    for (i = 0; i < sizeof past / sizeof *past; i++)
        expect(cothread_destroy(handle(cothread_create(NULL)), past[i]), 0);
    for (i = 0; i < sizeof far / sizeof *far; i++) {
        scheduler = handle(cothread_create(NULL));
        spawn(ends_when_cancelled, NULL);
        expect(cothread_destroy(scheduler, far[i]), 0);
    }
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 1};
    cothread_handle event, task, living;
    size_t i;
    scheduler = handle(cothread_create(&options));
    event = handle(cothread_event_create(0));
    living = spawn(waiter, (void *)&far[1]);
    for (i = 0; i < sizeof past / sizeof *past; i++) {
        expect(cothread_wait_until(past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_event_wait(event, NULL, past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_sleep_until(past[i]), 0);
        expect(cothread_join(living, NULL, past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_run(past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_event_signal(event, NULL), 0);
        expect(cothread_event_wait(event, NULL, past[i]), 0); /* and so is a signal */
    }
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(living), 1);
    join(living);
    for (i = 0; i < sizeof past / sizeof *past; i++)
        expect(cothread_run(past[i]), 0); /* no task is left: that is looked at first */
    expect(cothread_wait_until(cothread_now() - 1), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_until(cothread_now()), COTHREAD_ETIMEDOUT);
    for (i = 0; i < sizeof far / sizeof *far; i++) {
        task = spawn(waiter, (void *)&far[i]);
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        expect(cothread_wakeup(task), 1);
        join(task);
    }
    channel = handle(cothread_channel_create(sizeof(int64_t), 0, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    expect(pipe(fds), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    every_row(rows, sizeof rows / sizeof *rows);
    every_post();
    expect(cothread_mutex_unlock(mutex), 0);
    nothing_left();
    every_destroy();
    return 0;
}
