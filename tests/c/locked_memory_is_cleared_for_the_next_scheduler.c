/* SPDX-License-Identifier: Apache-2.0
 * What a thread left that ended with its scheduler alive is given back by MADV_DONTNEED, which mlockall forbids. */
#include <sys/mman.h>

#include "test.h"

static void *naps(void *unused) {
    expect(cothread_sleep_until(cothread_after(20 * COTHREAD_MILLISECOND)), 0);
    return unused;
}

static void *leaves(void *number) {
    *(cothread_handle *)number = handle(cothread_create(NULL)) >> 53;
    spawn(naps, NULL);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0); /* its deadline is armed now */
    return NULL;
}

int main(void) {
    pthread_t thread;
    cothread_handle left;
    if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
        printf("note: skipped: mlockall is not permitted here\n");
        return 0;
    }
    expect(pthread_create(&thread, NULL, leaves, &left), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(handle(cothread_create(NULL)) >> 53, left); /* the same memory */
    join(spawn(naps, NULL));
    return nothing_left();
}
