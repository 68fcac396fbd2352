/* The smallest host: a language whose coroutines are C functions cut by hand at each wait. A
 * binding puts its own greenlets, fibers or generators in their place; the rest stays as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct coroutine;
typedef void (*step)(struct coroutine *self, const cothread_ready *why);

struct coroutine {
    cothread_handle task;
    step next; /* where it goes on */
    int64_t element; /* stays put while the library may read it */
};

static cothread_ring *ring;
static int living;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, cothread_last_error());
    exit(1);
}

/* ---- What every binding has: start, wait, finish, and the hub -------------------------------- */

static void request(struct coroutine *self, cothread_request r) {
    if (ring->request_count == ring->capacity && cothread_submit() < 0)
        die("submit");
    r.task = self->task;
    ring->requests[ring->request_count++] = r;
}

static void start(struct coroutine *self, const char *name, step first) {
    static const cothread_ready begin; /* reason 0 */
    self->task = cothread_host_create((uint64_t)(uintptr_t)self, name, 0);
    if (self->task < 0)
        die(name);
    living++;
    first(self, &begin);
}

static void finish(struct coroutine *self, int64_t result) {
    request(self, (cothread_request){.operation = COTHREAD_FINISH, .fd = -1, .value = result});
    living--;
}

static void hub(void (*on_post)(uint64_t token)) {
    while (living) {
        int count = cothread_poll_scheduler(COTHREAD_FOREVER); /* 0: time to handle signals */
        if (count < 0)
            die("poll");
        for (int i = 0; i < count; i++) {
            const cothread_ready *ready = &ring->ready[i];
            if (ready->reason == COTHREAD_POSTED) {
                on_post(ready->token);
                continue;
            }
            struct coroutine *self = (struct coroutine *)(uintptr_t)ready->token;
            ring->current = self->task;
            ring->switches++;
            self->next(self, ready);
            ring->current = 0;
        }
    }
}

/* ---- A program in that language -------------------------------------------------------------- */

static cothread_handle channel, scheduler;
static int64_t received, posted;

static void sent(struct coroutine *self, const cothread_ready *why) {
    finish(self, why->reason);
}

static void slept(struct coroutine *self, const cothread_ready *why) {
    if (why->reason != COTHREAD_ETIMEDOUT)
        die("slept");
    self->element = 42;
    self->next = sent;
    request(self, (cothread_request){.operation = COTHREAD_WAIT_SEND,
                                     .fd = -1,
                                     .deadline = COTHREAD_FOREVER,
                                     .object = channel,
                                     .value = (int64_t)(intptr_t)&self->element});
}

static void producer(struct coroutine *self, const cothread_ready *why) {
    (void)why;
    self->next = slept;
    request(self, (cothread_request){.operation = COTHREAD_WAIT,
                                     .fd = -1,
                                     .deadline = cothread_after(10 * COTHREAD_MILLISECOND)});
}

static void woken(struct coroutine *self, const cothread_ready *why) {
    finish(self, why->reason);
}

static void sleeper(struct coroutine *self, const cothread_ready *why) { /* a post wakes it */
    (void)why;
    self->next = woken;
    request(self, (cothread_request){.operation = COTHREAD_WAIT,
                                     .fd = -1,
                                     .deadline = COTHREAD_FOREVER});
}

static void *consumer(void *unused) { /* a native task beside the host's */
    if (cothread_channel_receive(channel, &received, COTHREAD_FOREVER) < 0)
        die("receive");
    return unused;
}

static void on_post(uint64_t token) {
    struct coroutine *self = (struct coroutine *)(uintptr_t)token;
    posted++;
    cothread_wakeup(self->task);
}

static void *thread_main(void *token) {
    if (cothread_post(scheduler, NULL, token, cothread_after(60 * COTHREAD_SECOND)) < 0)
        die("post");
    return NULL;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED};
    struct coroutine one = {0}, two = {0};
    pthread_t thread;
    if ((scheduler = cothread_create(&options)) < 0 || !(ring = cothread_host_ring()))
        die("create");
    if ((channel = cothread_channel_create(sizeof received, 0, 0)) < 0)
        die("channel");
    const cothread_task_options detached = {.size = sizeof detached, .flags = COTHREAD_DETACHED};
    if (cothread_spawn(consumer, NULL, &detached) < 0)
        die("spawn");
    start(&one, "producer", producer);
    start(&two, "sleeper", sleeper);
    pthread_create(&thread, NULL, thread_main, &two);
    hub(on_post);
    pthread_join(thread, NULL);
    printf("received %d, %d post\n", (int)received, (int)posted);
    if (received != 42 || posted != 1)
        return 1;
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
