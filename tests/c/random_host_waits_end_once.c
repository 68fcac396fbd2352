/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include "random.h"
#include <sys/socket.h>

/* Host tasks wait for random things beside native tasks that wake, cancel, signal and write. Each request is answered once. */
enum { TASKS = 300, TURNS = 30 };
static cothread_handle tasks[TASKS], event, channel;
static int turns[TASKS], waiting[TASKS];
static int64_t sent[TASKS], got[TASKS], sent_sum, got_sum;
static int receives[TASKS], sends[TASKS], left = TASKS, fds[2];

static void next_wait(int i) {
    cothread_request r = {.task = tasks[i], .operation = COTHREAD_WAIT, .fd = -1};
    r.deadline = cothread_after((int64_t)below(500) * COTHREAD_MICROSECOND);
    sends[i] = receives[i] = 0;
    if (++turns[i] > TURNS) {
        finish(tasks[i], i);
        left--;
        return;
    }
    switch (below(5)) {
    case 0:
        r.operation = COTHREAD_WAIT_EVENT;
        r.object = event;
        break;
    case 1:
        r.operation = COTHREAD_WAIT_SEND;
        r.object = channel;
        sent[i] = (int64_t)below(1000000);
        sends[i] = 1;
        r.value = (int64_t)(intptr_t)&sent[i];
        break;
    case 2:
        r.operation = COTHREAD_WAIT_RECEIVE;
        r.object = channel;
        receives[i] = 1;
        r.value = (int64_t)(intptr_t)&got[i];
        break;
    case 3:
        r.fd = fds[0];
        r.object = COTHREAD_READABLE;
        break;
    }
    waiting[i] = 1;
    request(r);
}

static void *native(void *unused) {
    while (left > 0) {
        int64_t element;
        char byte;
        if (below(300) == 0)
            cothread_cancel(tasks[below(TASKS)]); /* living or stale */
        switch (below(6)) {
        case 0:
            cothread_event_signal(event, NULL);
            break;
        case 1:
            cothread_wakeup(tasks[below(TASKS)]); /* 0, 1, or stale */
            break;
        case 2:
            expect(send(fds[1], "x", 1, MSG_DONTWAIT) == 1 || errno == EAGAIN, 1);
            break;
        case 3:
            expect(recv(fds[0], &byte, 1, MSG_DONTWAIT) == 1 || errno == EAGAIN, 1);
            break;
        case 4:
            element = (int64_t)below(1000000);
            if (cothread_channel_send(channel, &element, cothread_after(COTHREAD_MICROSECOND)) == 0)
                sent_sum += element;
            break;
        default:
            if (cothread_channel_receive(channel, &element, cothread_after(COTHREAD_MICROSECOND)) == 0)
                got_sum += element;
        }
        expect(cothread_yield(), 0);
    }
    return unused;
}

int main(void) {
    cothread_handle natives[5];
    int64_t element;
    int i, count;
    hosted(0);
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int64_t), 3, 0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (i = 0; i < 5; i++)
        natives[i] = spawn(native, NULL);
    for (i = 0; i < TASKS; i++) {
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));
        next_wait(i);
    }
    while (left > 0) {
        count = cothread_poll_scheduler(COTHREAD_FOREVER);
        expect(count >= 0, 1);
        for (i = 0; i < count; i++) {
            int which = (int)ring->ready[i].token, reason = ring->ready[i].reason;
            expect(waiting[which], 1);
            waiting[which] = 0;
            expect(reason == 0 || reason == COTHREAD_ETIMEDOUT || reason == COTHREAD_ECANCELED, 1);
            if (reason == 0 && sends[which])
                sent_sum += sent[which];
            if (reason == 0 && receives[which])
                got_sum += got[which];
            if (reason == COTHREAD_ECANCELED)
                turns[which] = TURNS;
            next_wait(which);
        }
    }
    for (i = 0; i < 5; i++)
        while (cothread_join(natives[i], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
            expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    while (cothread_channel_receive(channel, &element, COTHREAD_NOW) == 0)
        got_sum += element;
    expect(got_sum, sent_sum);
    for (i = 0; i < TASKS; i++) /* a finished host task keeps nothing */
        expect(cothread_join(tasks[i], NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    return nothing_left();
}
