/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include "items.h"

static cothread_handle host, event, other, channel, large, mutex;

/* request_items has the host's memory gone as soon as the request was taken. */
static void request_items(const cothread_item *items, int count, int64_t deadline, uint32_t flags) {
    cothread_item *lent = malloc((size_t)count * sizeof *lent);
    memcpy(lent, items, (size_t)count * sizeof *lent);
    request((cothread_request){.task = host,
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = count,
                               .deadline = deadline,
                               .object = (int64_t)(sizeof *lent | (uint64_t)flags << 32),
                               .value = (int64_t)(intptr_t)lent});
    expect(cothread_submit() >= 1, 1);
    memset(lent, 0xee, (size_t)count * sizeof *lent);
    free(lent);
}

static void expect_entry(int i, int32_t reason, uint32_t events, int64_t value, uint32_t item, uint32_t more) {
    const cothread_ready *ready = &ring->ready[i];
    expect(ready->token, 3);
    expect(ready->reason, reason);
    expect(ready->events, events);
    expect(ready->value, value);
    expect(ready->item, item);
    expect(ready->more, more);
}

static void withdraw(void) {
    request((cothread_request){.task = host, .operation = COTHREAD_WITHDRAW, .fd = -1});
}

static void *takes_the_mutex(void *unused) {
    int rc = cothread_mutex_lock(mutex, COTHREAD_FOREVER);
    expect(rc, 1); /* its owner ended */
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

static void plain(uint32_t flags) {
    static cothread_item many[10000];
    cothread_item items[6];
    cothread_handle manual, native;
    char *element, got[100], small = 0;
    int fds[2], i, n;
    hosted(flags);
    host = handle(cothread_host_create(3, NULL, 0));
    event = handle(cothread_event_create(0));
    other = handle(cothread_event_create(0));
    manual = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    channel = handle(cothread_channel_create(1, 0, 0));
    large = handle(cothread_channel_create(100, 0, 0));
    mutex = handle(cothread_mutex_create(0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);

    /* What is wrong is told by one entry about the whole. */
    items[0] = EVENT(event);
    items[1] = EVENT(0);
    request_items(items, 2, COTHREAD_FOREVER, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_EHANDLE, 0, 0, 0, 0);
    request_items(items, 1, COTHREAD_FOREVER, 7);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_EINVAL, 0, 0, 0, 0);
    request((cothread_request){.task = host, .operation = COTHREAD_WAIT_ITEMS, .fd = -1, .object = sizeof *items});
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_EINVAL, 0, 0, 0, 0);
    request_items(items, 1, COTHREAD_NOW, 0);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 1);
    expect_entry(0, COTHREAD_ETIMEDOUT, 0, 0, 0, 0);

    /* At once, and later: an entry for each that fired. */
    items[0] = EVENT(event);
    items[1] = EVENT(manual);
    items[2] = FD(fds[0], COTHREAD_READABLE | COTHREAD_WRITABLE);
    items[3] = EVENT(other);
    expect(cothread_event_signal(manual, (void *)5), 0);
    expect(cothread_event_signal(event, (void *)6), 0);
    request_items(items, 4, COTHREAD_FOREVER, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 3);
    expect_entry(0, 0, 0, 6, 1, 2);
    expect_entry(1, 0, 0, 5, 2, 1);
    expect_entry(2, 0, COTHREAD_WRITABLE, 0, 3, 0);
    expect(cothread_event_reset(manual), 1);
    items[2].want = COTHREAD_READABLE;
    request_items(items, 4, COTHREAD_FOREVER, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_event_signal(other, (void *)9), 1);
    expect(cothread_event_signal(manual, (void *)8), 1);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 3);
    expect_entry(0, 0, 0, 8, 2, 2);
    expect_entry(1, 0, COTHREAD_READABLE, 0, 3, 1);
    expect_entry(2, 0, 0, 9, 4, 0);
    expect(cothread_event_reset(manual), 1);
    expect(read(fds[0], got, 1), 1);

    /* An object that is closed meanwhile is that item's error. */
    items[0] = EVENT(handle(cothread_event_create(0)));
    request_items(items, 1, COTHREAD_FOREVER, 0);
    expect(cothread_close(items[0].object), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_ECLOSED, 0, 0, 1, 0);
    items[0] = EVENT(event);

    /* Elements are copied when the request is taken, and written while the batch is built. */
    for (i = 0; i < 2; i++) {
        element = malloc(100);
        memset(element, 'a' + i, 100);
        items[0] = SEND(large, element);
        items[1] = EVENT(manual);
        request_items(items, 2, COTHREAD_FOREVER, 0);
        memset(element, 0xee, 100);
        free(element);
        if (i) { /* woken by a condition, it looks once more at what it may send */
            expect(cothread_event_signal(manual, NULL), 1);
            expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
            expect_entry(0, 0, 0, 0, 2, 0);
            expect(cothread_channel_receive(large, got, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
            expect(cothread_event_reset(manual), 1);
        } else {
            expect(cothread_channel_receive(large, got, COTHREAD_NOW), 0);
            expect(got[0] == 'a' && got[99] == 'a', 1);
            expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
            expect_entry(0, 0, 0, 0, 1, 0);
        }
    }
    items[0] = RECEIVE(channel, &small);
    items[1] = RECEIVE(large, got);
    request_items(items, 2, COTHREAD_FOREVER, 0);
    expect(cothread_channel_send(channel, "s", COTHREAD_NOW), 0);
    expect(small, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, 0, 0, 0, 1, 0);
    expect(small, 's');

    /* One that took is neither withdrawn nor replaced; one that saw a condition is. */
    items[0] = EVENT(event);
    items[1] = EVENT(manual);
    request_items(items, 2, COTHREAD_FOREVER, 0);
    expect(cothread_event_signal(event, (void *)4), 1);
    withdraw();
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, 0, 0, 4, 1, 0);
    request_items(items, 2, COTHREAD_FOREVER, 0);
    expect(cothread_event_signal(manual, NULL), 1);
    withdraw();
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    request_items(items, 2, COTHREAD_FOREVER, 0); /* it holds at once */
    withdraw();
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    request_items(items, 2, COTHREAD_FOREVER, 0);
    wait_for(host, COTHREAD_NOW); /* replaces it */
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 1);
    expect_entry(0, COTHREAD_ETIMEDOUT, 0, 0, 0, 0);
    expect(cothread_event_reset(manual), 1);

    /* More entries than a batch has room for. */
    for (i = 0; i < 10000; i++)
        many[i] = EVENT(manual);
    expect(cothread_event_signal(manual, (void *)2), 0);
    request_items(many, 10000, COTHREAD_FOREVER, 0);
    for (n = 0; n < 10000;) {
        int count = cothread_poll_scheduler(COTHREAD_NOW);
        expect(count, n < 8192 ? 4096 : 10000 - 8192);
        for (i = 0; i < count; i++, n++)
            expect_entry(i, 0, 0, 2, (uint32_t)n + 1, 9999 - (uint32_t)n);
        withdraw(); /* ignored: its first entry was in a batch */
    }
    request_items(many, 10000, COTHREAD_FOREVER, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 4096);
    finish(host, 0); /* this alone is never ignored */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_event_reset(manual), 1);

    /* A task that ends with what it was handed: the mutex goes on, the rest is dropped. */
    host = handle(cothread_host_create(3, NULL, 0));
    items[0] = LOCK(mutex);
    items[1] = RECEIVE(large, got);
    request_items(items, 2, COTHREAD_FOREVER, COTHREAD_ALL);
    native = spawn(takes_the_mutex, NULL);
    finish(host, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    host = handle(cothread_host_create(3, NULL, 0));
    request_items(&items[1], 1, COTHREAD_FOREVER, 0);
    memset(got, 'x', sizeof got);
    expect(cothread_channel_send(large, got, COTHREAD_NOW), 0);
    memset(got, 'y', sizeof got);
    finish(host, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(got[0], 'y');

    /* Cancelled while it waits, and before. */
    host = handle(cothread_host_create(3, NULL, 0));
    items[0] = EVENT(event);
    request_items(items, 1, COTHREAD_FOREVER, 0);
    expect(cothread_cancel(host), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_ECANCELED, 0, 0, 0, 0);
    request_items(items, 1, COTHREAD_FOREVER, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, COTHREAD_ECANCELED, 0, 0, 0, 0);
    expect(cothread_event_signal(event, (void *)1), 0);
    request_items(items, 1, COTHREAD_FOREVER, 0); /* what is there it takes all the same */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    expect_entry(0, 0, 0, 1, 1, 0);
    finish(host, 0);
    expect(cothread_submit(), 1);
    close(fds[0]);
    close(fds[1]);
    expect(nothing_left(), 0);
}

/* A report of an adopted descriptor that came to nothing: the task waits on, unless it was cancelled meanwhile. */
static void hints(uint32_t flags) {
    cothread_item items[2];
    cothread_handle adopted;
    char byte;
    int fds[2], i;
    hosted(flags);
    event = handle(cothread_event_create(0));
    adopted = adopted_pair(fds);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    for (i = 0; i < 2; i++) {
        host = handle(cothread_host_create(3, NULL, 0));
        items[0] = ADOPTED(adopted, COTHREAD_PRIORITY);
        items[1] = EVENT(event);
        request_items(items, 2, COTHREAD_FOREVER, 0);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
        expect(write(fds[1], "x", 1), 1); /* nothing urgent */
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
        if (i)
            expect(cothread_cancel(host), 0);
        else
            expect(cothread_event_signal(event, (void *)1), 1);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
        if (i)
            expect_entry(0, COTHREAD_ECANCELED, 0, 0, 0, 0);
        else
            expect_entry(0, 0, 0, 1, 2, 0);
        finish(host, 0);
        expect(cothread_submit(), 1);
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1);
    }
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    expect(nothing_left(), 0);
}

int main(void) {
    plain(0);
    hints(0);
    return 0;
}
