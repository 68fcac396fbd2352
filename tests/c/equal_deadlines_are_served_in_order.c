/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int64_t deadline;

static void *sleeper(void *name) {
    expect(cothread_sleep_until(deadline), 0);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    cothread_handle tasks[8];
    int i;
    handle(cothread_create(NULL));
    deadline = cothread_after(200 * COTHREAD_MILLISECOND);
    for (i = 0; i < 8; i++)
        tasks[i] = spawn(sleeper, (void *)names[i]);
    for (i = 0; i < 8; i++)
        join(tasks[i]);
    expect_order("a b c d e f g h");
    return nothing_left();
}
