/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* A handler sends to a channel whatever it interrupts: the scheduler's thread in the middle of its own sends and receives, and
 * another thread that sends. Each element comes once, and in the order of its sender. */
enum { SIGNALS = SANITIZED ? 500 : 5000 };

static cothread_handle channel;
static _Atomic int sent[2];
static __thread int handler; /* 1 + which of them runs on this thread */

static void on_signal(int number) {
    int saved = errno;
    int64_t element = (int64_t)handler << 32 | sent[handler - 1];
    (void)number;
    int rc = cothread_channel_send(channel, &element, COTHREAD_NOW);
    if (rc == 0)
        sent[handler - 1]++;
    else
        expect(rc, COTHREAD_EFULL);
    expect(errno, saved);
}

static _Atomic int finished;

static void *other_thread(void *unused) {
    int64_t element = 0;
    handler = 2;
    while (!finished) {
        int rc = cothread_channel_send(channel, &element, cothread_after(COTHREAD_MILLISECOND));
        if (rc != COTHREAD_ETIMEDOUT)
            expect(rc, 0);
    }
    return unused;
}

static void *shooter(void *threads) {
    for (int i = 0; i < SIGNALS; i++) {
        pthread_kill(((pthread_t *)threads)[i % 2], SIGUSR1);
        if (i % 16 == 0)
            usleep(50);
    }
    finished = 1;
    return NULL;
}

static int64_t next[3];

static void look(int64_t element) {
    if (element)
        expect((int)element, next[element >> 32]);
    next[element >> 32]++;
}

static void *receiver(void *unused) {
    int64_t element;
    while (cothread_channel_receive(channel, &element, COTHREAD_FOREVER) == 0)
        look(element);
    return unused;
}

static void *sending_task(void *unused) {
    int64_t element = 0;
    while (!finished) {
        expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), 0);
        expect(cothread_yield(), 0);
    }
    return unused;
}

int main(void) {
    pthread_t threads[2], signals;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(8, 16, COTHREAD_FROM_THREADS));
    handler = 1;
    expect(sigaction(SIGUSR1, &action, NULL), 0);
    threads[0] = pthread_self();
    expect(pthread_create(&threads[1], NULL, other_thread, NULL), 0);
    cothread_handle receives = spawn(receiver, NULL), sends = spawn(sending_task, NULL);
    expect(pthread_create(&signals, NULL, shooter, threads), 0);
    join(sends);
    expect(pthread_join(signals, NULL), 0);
    expect(pthread_join(threads[1], NULL), 0);
    expect(cothread_channel_done(channel), 0);
    join(receives);
    expect(next[1], sent[0]);
    expect(next[2], sent[1]);
    expect(cothread_close(channel), 0);
    return nothing_left();
}
