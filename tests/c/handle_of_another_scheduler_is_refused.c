/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"

static cothread_handle theirs[9];
static size_t count;

static void *other_thread(void *unused) {
    size_t i;
    handle(cothread_create(NULL));
    for (i = 0; i < count; i++)
        every_answer_is(by_handle_calls, ROWS(by_handle_calls), theirs[i], COTHREAD_ETHREAD,
                        i < 2 ? "cothread_close" : ""); /* a scheduler or a task cannot be closed anyway */
    expect(cothread_destroy(theirs[0], COTHREAD_FOREVER), COTHREAD_ETHREAD);
    nothing_left();
    return unused;
}

static void another_thread_is_refused(size_t handles) {
    pthread_t thread;
    count = handles;
    expect(pthread_create(&thread, NULL, other_thread, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
}

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_options hosted = {.size = sizeof hosted, .flags = COTHREAD_HOSTED};
    int fds[2];
    theirs[0] = handle(cothread_create(NULL));
    theirs[1] = spawn(waits, NULL);
    theirs[2] = handle(cothread_event_create(0));
    theirs[3] = handle(cothread_channel_create(8, 1, 0));
    theirs[4] = handle(cothread_mutex_create(0));
    theirs[5] = handle(cothread_semaphore_create(1, 0));
    theirs[6] = handle(cothread_group_create(0));
    expect(pipe(fds), 0);
    theirs[7] = handle(cothread_adopt(fds[0], 0));
    theirs[8] = handle(cothread_mailbox_create(every_call_callback, 0, 0));
    another_thread_is_refused(9);
    expect(cothread_cancel(theirs[1]), 0);
    join(theirs[1]);
    expect(cothread_close(theirs[7]), 0);
    close(fds[1]);
    nothing_left();

    theirs[0] = handle(cothread_create(&hosted));
    theirs[1] = handle(cothread_host_create(1, "host task", 0));
    another_thread_is_refused(2);
    expect(cothread_destroy(theirs[0], COTHREAD_FOREVER), 1); /* the host task */
    return 0;
}
