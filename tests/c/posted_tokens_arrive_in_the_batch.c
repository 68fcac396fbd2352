/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle scheduler, mailbox;

static void *posts(void *unused) {
    void *replaced = NULL;
    expect(cothread_post(scheduler, NULL, (void *)11, COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, (void *)1, NULL), 0);
    expect(cothread_mailbox_post(mailbox, (void *)2, &replaced), 1);
    expect((intptr_t)replaced, 1);
    expect(cothread_post(scheduler, NULL, (void *)12, COTHREAD_NOW), 0);
    return unused;
}

int main(void) {
    pthread_t thread;
    scheduler = hosted(0);
    mailbox = handle(cothread_mailbox_create(NULL, 500, 0));
    expect(pthread_create(&thread, NULL, posts, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(batch(COTHREAD_FOREVER), 3);
    expect(ring->ready[0].token, 11);
    expect(ring->ready[0].reason, COTHREAD_POSTED);
    expect(ring->ready[1].token, 500);
    expect(ring->ready[1].reason, COTHREAD_POSTED);
    expect(ring->ready[1].value, 2);
    expect(ring->ready[2].token, 12);
    expect(ring->ready[2].reason, COTHREAD_POSTED);
    order_length = 0;

    expect(cothread_mailbox_post(mailbox, (void *)3, NULL), 0);
    expect(cothread_close(mailbox), 0);
    expect(batch(COTHREAD_NOW), 0); /* dropped */
    return nothing_left();
}
