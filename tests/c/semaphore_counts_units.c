/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle semaphore;

static void *task(void *name) {
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    static const char *const names[] = {"a", "b", "c", "d"};
    cothread_handle tasks[4], full;
    int i;
    handle(cothread_create(NULL));
    semaphore = handle(cothread_semaphore_create(1, 0));
    for (i = 0; i < 4; i++)
        tasks[i] = spawn(task, (void *)names[i]);
    expect(cothread_yield(), 0);
    expect_order("a");
    expect(cothread_semaphore_release(semaphore, 2), 0);
    expect(cothread_yield(), 0);
    expect_order("b c");
    expect(cothread_semaphore_release(semaphore, 3), 0);
    for (i = 0; i < 4; i++)
        join(tasks[i]);
    expect_order("d");
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_close(semaphore), 0);

    expect(cothread_semaphore_create(0x80000000u, 0), COTHREAD_EINVAL);
    full = handle(cothread_semaphore_create(0x7fffffffu, 0));
    expect(cothread_semaphore_release(full, 1), COTHREAD_EINVAL);
    expect(cothread_semaphore_release(full, UINT32_MAX), COTHREAD_EINVAL);
    expect(cothread_semaphore_acquire(full, COTHREAD_NOW), 0);
    expect(cothread_semaphore_release(full, 0), COTHREAD_EINVAL);
    expect(cothread_semaphore_release(full, 2), COTHREAD_EINVAL);
    expect(cothread_semaphore_release(full, 1), 0);
    expect(cothread_close(full), 0);
    return nothing_left();
}
