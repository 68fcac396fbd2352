/* tasks.c - do the sanitizers follow the stacks of tasks? Each argument is a fault they must find inside a task, or a
 * program in which they must find none.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../c/test.h"

static int shared;

static void *writes(void *unused) {
    (void)unused;
    shared++;
    return NULL;
}

/* A task and a thread write one variable, and nothing orders the two. */
static void race(void) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, writes, NULL), 0);
    join(spawn(writes, NULL));
    expect(pthread_join(thread, NULL), 0);
}

/* A task and a thread write one variable; the thread's posted callback says when it is the task's turn. */
static cothread_handle scheduler, posted;

static void signals(void *event) {
    expect(cothread_event_signal(*(cothread_handle *)event, NULL), 1);
}

static void *writes_and_posts(void *unused) {
    (void)unused;
    shared++;
    expect(cothread_post(scheduler, signals, &posted, COTHREAD_NOW), 0);
    return NULL;
}

static void *waits_and_writes(void *unused) {
    (void)unused;
    expect(cothread_event_wait(posted, NULL, COTHREAD_FOREVER), 0);
    shared++;
    return NULL;
}

static void order_by_post(void) {
    pthread_t thread;
    posted = handle(cothread_event_create(0));
    cothread_handle task = spawn(waits_and_writes, NULL);
    expect(cothread_yield(), 0);
    expect(pthread_create(&thread, NULL, writes_and_posts, NULL), 0);
    join(task);
    expect(pthread_join(thread, NULL), 0);
}

/* The same by a mailbox: the value that is taken, and the one it took the place of. */
static cothread_handle mailbox;

static void takes(void *value) {
    expect(*(int *)value, 2);
    shared++;
    expect(cothread_event_signal(posted, NULL), 1);
}

static void *replaces(void *unused) {
    static int first = 0, second = 2;
    void *replaced;
    first = 1;
    expect(cothread_mailbox_post(mailbox, &first, NULL), 0);
    shared++;
    expect(cothread_mailbox_post(mailbox, &second, &replaced), 1);
    expect(*(int *)replaced, 1);
    return unused;
}

static void order_by_mailbox(void) {
    pthread_t thread;
    posted = handle(cothread_event_create(0));
    mailbox = handle(cothread_mailbox_create(takes, 0, 0));
    expect(pthread_create(&thread, NULL, replaces, NULL), 0);
    cothread_stats stats;
    do /* looks, and lets no callback run, until both are posted */
        stats = statistics(scheduler);
    while (stats.callback_replaced == 0);
    expect(cothread_event_wait(posted, NULL, COTHREAD_FOREVER), 0);
    shared++;
    expect(pthread_join(thread, NULL), 0);
}

/* The same by an element, for a task that waits and for one that takes what is there. */
static cothread_handle elements;

static void *writes_and_sends(void *unused) {
    shared++;
    expect(cothread_channel_send(elements, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void order_by_channel(void) {
    pthread_t thread;
    elements = handle(cothread_channel_create(0, 1, COTHREAD_FROM_THREADS));
    for (int i = 0; i < 2; i++) {
        expect(pthread_create(&thread, NULL, writes_and_sends, NULL), 0);
        while (cothread_channel_receive(elements, NULL, i ? COTHREAD_FOREVER : COTHREAD_NOW) != 0)
            ;
        shared++;
        expect(pthread_join(thread, NULL), 0);
    }
    expect(cothread_close(elements), 0);
}

/* The same by an interrupt. */
static void *writes_and_interrupts(void *unused) {
    shared++;
    expect(cothread_interrupt(scheduler), 0);
    return unused;
}

static void order_by_interrupt(void) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, writes_and_interrupts, NULL), 0);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EINTR);
    shared++;
    expect(pthread_join(thread, NULL), 0);
}

/* A thousand tasks wait inside calls of their own, and return from them in another order. */
static __attribute__((noinline)) int inner(int64_t ns) {
    int rc = cothread_sleep(ns);
    __asm__ volatile("");
    return rc + 1;
}

static __attribute__((noinline)) int outer(int64_t ns) {
    int rc = inner(ns);
    __asm__ volatile("");
    return rc + 1;
}

static void *calls(void *number) {
    for (int i = 0; i < 3; i++)
        expect(outer(COTHREAD_MICROSECOND * (int64_t)((size_t)number * 7 % 1000)), 2);
    return number;
}

static void calls_that_wait(void) {
    static cothread_handle tasks[1000];
    for (size_t i = 0; i < 1000; i++)
        tasks[i] = spawn(calls, (void *)i);
    for (size_t i = 0; i < 1000; i++)
        join(tasks[i]);
}

/* More tasks than ThreadSanitizer survives are refused. */
static void limit(void) {
    static cothread_handle tasks[8200];
    size_t count = 0;
    cothread_handle refused;
    while ((refused = cothread_spawn(writes, NULL, NULL)) > 0 && count < 8200)
        tasks[count++] = refused;
    expect(refused, COTHREAD_ELIMIT);
    for (size_t i = 0; i < count; i++)
        join(tasks[i]);
    join(spawn(writes, NULL));
}

/* A task suspends and then writes one byte beyond an array on its stack. */
static void *overruns(void *length) {
    volatile char array[16];
    cothread_yield();
    for (size_t i = 0; i < (size_t)length; i++)
        array[i] = 1;
    return (void *)(size_t)array[0];
}

static void overrun(void) {
    join(spawn(overruns, (void *)17));
}

/* A hundred thousand tasks, one after the other in one slot and on one stack, and some that never end. */
static void *suspends_for_ever(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    for (;;)
        cothread_yield();
    return unused;
}

static void reuse(void) {
    for (int i = 0; i < 100000; i++)
        join(spawn(overruns, (void *)16));
    for (int i = 0; i < 10; i++)
        spawn(suspends_for_ever, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 10);
    scheduler = handle(cothread_create(NULL)); /* on memory that the abandoned ones left as it was */
    join(spawn(overruns, (void *)16));
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } programs[] = {{"race", race}, {"order_by_post", order_by_post}, {"order_by_mailbox", order_by_mailbox},
                    {"order_by_channel", order_by_channel}, {"order_by_interrupt", order_by_interrupt},
                    {"calls_that_wait", calls_that_wait}, {"limit", limit}, {"overrun", overrun}, {"reuse", reuse}};
    scheduler = handle(cothread_create(NULL));
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (count == 2 && strcmp(arguments[1], programs[i].name) == 0) {
            programs[i].run();
            return nothing_left();
        }
    fail_at(__FILE__, __LINE__, "there is no such program");
}
