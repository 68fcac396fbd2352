/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>
#include <sys/time.h>

/* SIGALRM every 200 us, without SA_RESTART: every system call of the scheduler's thread may end with EINTR. */
enum { SIZE = 8 << 20 };
static cothread_handle writing, reading, channel, scheduler;
static char sent[SIZE], got[SIZE];
static _Atomic int signals;
static int run;

static void handler(int number) {
    (void)number;
    signals++;
}

static void *writer(void *unused) {
    expect(cothread_write(writing, sent, SIZE, COTHREAD_FOREVER), SIZE);
    expect(cothread_close(writing), 0);
    return unused;
}

static void *reader(void *unused) {
    int64_t n, total = 0;
    while ((n = cothread_read(reading, got + total, 4096, COTHREAD_FOREVER)) > 0)
        total += n;
    expect(n, 0);
    expect(total, SIZE);
    return unused;
}

static void *sleeper(void *unused) {
    int i;
    for (i = 0; i < 50; i++) {
        int64_t deadline = cothread_after(2 * COTHREAD_MILLISECOND);
        expect(cothread_sleep_until(deadline), 0);
        expect(cothread_now() >= deadline, 1);
    }
    return unused;
}

static void *sender(void *unused) {
    int i;
    for (i = 0; i < 20000; i++)
        expect(cothread_channel_send(channel, &i, COTHREAD_FOREVER), 0);
    return unused;
}

static void *receiver(void *unused) {
    int i, element;
    for (i = 0; i < 20000; i++) {
        expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
        expect(element, i);
    }
    return unused;
}

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void *poster(void *unused) {
    int i;
    sigset_t mask;
    sigfillset(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL); /* the signals are for the scheduler's thread */
    for (i = 0; i < 20000; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    static const cothread_function functions[] = {writer, reader, sleeper, sender, receiver};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    cothread_handle tasks[5];
    pthread_t thread;
    int fds[2], i;
    scheduler = handle(cothread_create(NULL));
    for (i = 0; i < SIZE; i++)
        sent[i] = (char)(i % 251);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    writing = handle(cothread_adopt(fds[0], 0));
    reading = handle(cothread_adopt(fds[1], 0));
    channel = handle(cothread_channel_create(sizeof(int), 16, 0));
    expect(sigaction(SIGALRM, &action, NULL), 0);
    expect(setitimer(ITIMER_REAL, &often, NULL), 0);
    expect(pthread_create(&thread, NULL, poster, NULL), 0);
    for (i = 0; i < 5; i++)
        tasks[i] = spawn(functions[i], NULL);
    for (i = 0; i < 5; i++)
        join(tasks[i]);
    while (run < 20000)
        expect(cothread_yield(), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(setitimer(ITIMER_REAL, &never, NULL), 0);
    expect(memcmp(sent, got, SIZE), 0);
    expect(signals > 0, 1);
    expect(cothread_close(reading), 0);
    return nothing_left();
}
