/* SPDX-License-Identifier: Apache-2.0
 *
 * Hammers the callback queue under a sanitizer, without Go. Each round is one owner of the same queue: four
 * producers post while the main thread pops, and sleeps whenever it may. In two rounds of three it closes
 * the queue in the middle; and in half of them it opens it again while producers of the last owner still post.
 * Then every posted value was popped, replaced, refused or dead, exactly once, in the order of its producer.
 *
 *   cc -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=thread tests/tsan/queue_hammer.c callback/queue.c -pthread
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../callback/queue.h"

enum { PRODUCERS = 4, POSTS = 4000, ROUNDS = 100 };

#define expect(got, want)                                                                                              \
    do {                                                                                                               \
        long long got_ = (long long)(got), want_ = (long long)(want);                                                  \
        if (got_ != want_) {                                                                                           \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_);                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum way { REFUSE, WAIT, WAIT_BRIEFLY, LATEST };

/* By round % 4. */
static const enum way ways[4][PRODUCERS] = {
    {REFUSE, WAIT, WAIT_BRIEFLY, LATEST},
    {WAIT, WAIT, WAIT, WAIT},
    {LATEST, LATEST, LATEST, LATEST},
    {REFUSE, REFUSE, LATEST, LATEST},
};

struct producer {
    pthread_t thread;
    struct round *round;
    enum way way;
    int number;
    uint64_t accepted, refused, replaced, dead;
};

struct round {
    int64_t owner;
    uint32_t bound;
    uint32_t generation; /* of the mailbox */
    _Atomic int started; /* producers: all begin at once */
    _Atomic int active;  /* producers not done */
    _Atomic uint32_t ended[PRODUCERS * POSTS]; /* how often the post of a value came to an end */
    struct producer producers[PRODUCERS];
    uint64_t popped;
    uint64_t dropped; /* by closing the mailbox */
};

static struct queue queue;
static struct mailbox mailbox;
static struct round rounds[ROUNDS];

/* The queue hands it out; nobody calls it. */
static void callback(void *argument) {
    (void)argument;
    abort();
}

static int post(struct producer *p, void *value, void **replaced) {
    int64_t owner = p->round->owner;
    switch (p->way) {
    case REFUSE:
        return queue_post(&queue, owner, callback, value);
    case WAIT:
        return queue_post_wait(&queue, owner, callback, value, COTHREAD_FOREVER);
    case WAIT_BRIEFLY:
        return queue_post_wait(&queue, owner, callback, value, 1);
    default:
        return mailbox_post(&queue, owner, &mailbox, p->round->generation, value, replaced);
    }
}

static void *produce(void *argument) {
    struct producer *p = argument;
    struct round *round = p->round;
    atomic_fetch_add(&round->started, 1);
    while (atomic_load(&round->started) < PRODUCERS)
        sched_yield();
    for (uintptr_t i = 0; i < POSTS; i++) {
        uintptr_t value = (uintptr_t)p->number * POSTS + i;
        void *replaced = NULL;
        switch (post(p, (void *)value, &replaced)) {
        case 0:
            p->accepted++;
            continue;
        case 1:
            p->replaced++;
            value = (uintptr_t)replaced;
            break;
        case COTHREAD_EFULL:
            expect(p->way == REFUSE || p->way == LATEST, 1);
            p->refused++;
            break;
        case COTHREAD_ETIMEDOUT:
            expect(p->way, WAIT_BRIEFLY);
            p->refused++;
            break;
        case COTHREAD_EHANDLE:
            expect(p->way, LATEST);
            p->dead++;
            break;
        case COTHREAD_EDEAD:
            p->dead++;
            break;
        default:
            abort();
        }
        atomic_fetch_add(&round->ended[value], 1);
    }
    atomic_fetch_sub(&round->active, 1);
    queue_wake(&queue);
    return NULL;
}

static int pop_slice(struct round *round, uintptr_t next[PRODUCERS]) {
    struct queue_item item;
    int n = 0;
    while (n < 16 && queue_pop(&queue, &item)) {
        uintptr_t value = (uintptr_t)item.argument;
        expect(item.callback == callback, 1);
        expect(value / POSTS < PRODUCERS, 1);
        expect(value >= next[value / POSTS], 1);
        next[value / POSTS] = value + 1;
        atomic_fetch_add(&round->ended[value], 1);
        round->popped++;
        n++;
    }
    queue_popped(&queue);
    return n;
}

/* As Queue.PrepareSleep and Queue.Awake do it. Returns 0 when nothing will come any more. */
static int sleep_until_woken(struct round *round, int wake_fd) {
    int more = 1;
    uint64_t tail = atomic_fetch_or(&queue.tail, QUEUE_SLEEPING) & QUEUE_TICKET;
    if (tail == atomic_load(&queue.head)) {
        more = atomic_load(&round->active) > 0;
        if (more) {
            struct pollfd wait = {.fd = wake_fd, .events = POLLIN};
            uint64_t count;
            expect(poll(&wait, 1, 60000), 1); /* or a wakeup was lost */
            expect(read(wake_fd, &count, sizeof count), sizeof count);
        }
    }
    atomic_fetch_and(&queue.tail, ~QUEUE_SLEEPING);
    return more;
}

static void run(struct round *round, int number) {
    static const uint32_t bounds[] = {64, 1, 4, 1024, 2};
    uintptr_t next[PRODUCERS] = {0};
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    round->owner = number + 1;
    round->bound = bounds[number % 5];
    while (number > 0 && !mailbox_idle(&mailbox))
        sched_yield(); /* a poster of the last round is inside */
    expect(queue_open(&queue, round->owner, round->bound, wake_fd), 0);
    mailbox_open(&mailbox, callback, 0);
    round->generation = atomic_load(&mailbox.generation);
    atomic_store(&round->active, PRODUCERS);
    for (int i = 0; i < PRODUCERS; i++) {
        struct producer *p = &round->producers[i];
        p->round = round;
        p->way = ways[number % 4][i];
        p->number = i;
        expect(pthread_create(&p->thread, NULL, produce, p), 0);
    }

    uint64_t close_at = number % 3 == 0 ? UINT64_MAX : (uint64_t)(number * 97 % (2 * POSTS));
    while (round->popped < close_at)
        if (pop_slice(round, next) == 0 && !sleep_until_woken(round, wake_fd))
            break;
    if (number % 2 == 0)
        round->dropped = (uint64_t)mailbox_close(&mailbox);
    queue_close(&queue);
    while (pop_slice(round, next) > 0)
        ;
    if (number % 2 != 0)
        round->dropped = (uint64_t)mailbox_close(&mailbox);
    expect(queue_pending(&queue), 0);
    queue_retire(&queue);
    close(wake_fd);
}

static void join(struct round *round) {
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(round->producers[i].thread, NULL);
}

static void check(struct round *round, const cothread_stats *stats) {
    struct producer all = {.accepted = 0};
    for (int i = 0; i < PRODUCERS; i++) {
        struct producer *p = &round->producers[i];
        expect(p->accepted + p->refused + p->replaced + p->dead, POSTS);
        all.accepted += p->accepted;
        all.refused += p->refused;
        all.replaced += p->replaced;
        all.dead += p->dead;
    }
    expect(all.accepted, round->popped + round->dropped);
    uint64_t lost = 0;
    for (int value = 0; value < PRODUCERS * POSTS; value++) {
        expect(round->ended[value] <= 1, 1);
        lost += round->ended[value] == 0;
    }
    expect(lost, round->dropped);
    if (stats == NULL)
        return;
    expect(stats->callback_accepted, all.accepted);
    expect(stats->callback_run, round->popped);
    expect(stats->callback_refused, all.refused);
    expect(stats->callback_replaced, all.replaced);
    expect(stats->callback_high_water <= stats->callback_bound, 1);
    expect(all.refused == 0 || stats->callback_high_water == stats->callback_bound, 1);
}

/* Half of the rounds, four in a row, for all ways. */
static int overlaps_with_next(int number) {
    return number & 4;
}

int main(void) {
    for (int i = 0; i < ROUNDS; i++) {
        int late = i > 0 && overlaps_with_next(i - 1);
        run(&rounds[i], i);
        if (late) {
            join(&rounds[i - 1]);
            check(&rounds[i - 1], NULL);
        }
        if (!overlaps_with_next(i)) {
            cothread_stats stats;
            join(&rounds[i]);
            queue_statistics(&queue, &stats);
            check(&rounds[i], late ? NULL : &stats); /* a late producer may count a refusal here */
        }
    }
    return 0;
}
