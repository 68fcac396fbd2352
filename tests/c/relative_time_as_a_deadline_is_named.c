/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#define YEAR (365 * 24 * 3600 * COTHREAD_SECOND)

static void says_absolute(void) {
    if (!strstr(cothread_last_error(), "deadlines are absolute: use cothread_after"))
        fail_at(__FILE__, __LINE__, "last error: %s", cothread_last_error());
}

int main(void) {
    cothread_handle event, scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_event_wait(event, NULL, -YEAR), COTHREAD_ETIMEDOUT);
    says_absolute();
    expect(cothread_event_wait(event, NULL, cothread_now() - 1), COTHREAD_ETIMEDOUT);
    expect(strstr(cothread_last_error(), "absolute") == NULL, 1);
    expect(cothread_sleep_until(-YEAR), 0);
    says_absolute();
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(strstr(cothread_last_error(), "absolute") == NULL, 1);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(cothread_sleep(0), 0);
    expect(cothread_sleep(-YEAR), 0);
    expect(strstr(cothread_last_error(), "absolute") == NULL, 1);
    (void)scheduler;
    return nothing_left();
}
