/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *fails(void *unused) {
    expect(strcmp(cothread_last_error(), ""), 0);
    expect(cothread_semaphore_create(UINT32_MAX, 0), COTHREAD_ENOSCHEDULER);
    expect(cothread_last_error()[0] != 0, 1);
    return unused;
}

int main(void) {
    char before[512];
    pthread_t thread;
    handle(cothread_create(NULL));
    expect(cothread_close(12345), COTHREAD_EHANDLE);
    snprintf(before, sizeof before, "%s", cothread_last_error());
    expect(before[0] != 0, 1);
    expect(strstr(before, "12345") != NULL, 1); /* it names the value */
    expect(pthread_create(&thread, NULL, fails, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(strcmp(cothread_last_error(), before), 0);
    return nothing_left();
}
