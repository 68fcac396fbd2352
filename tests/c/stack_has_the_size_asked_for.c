/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Writes to the far end of a stack and reads it back after others had theirs. */
static void *fills(void *bytes) {
    volatile char *block = __builtin_alloca(*(size_t *)bytes);
    size_t i;
    for (i = 0; i < *(size_t *)bytes; i += 512)
        block[i] = (char)i;
    expect(cothread_yield(), 0);
    for (i = 0; i < *(size_t *)bytes; i += 512)
        expect(block[i], (char)i);
    return NULL;
}

int main(void) {
    static const uint32_t sizes[] = {0, 16384, 16385, 65536, 1000000, 8 << 20};
    static size_t used[6];
    cothread_options options;
    cothread_handle tasks[6];
    size_t i;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.stack_size = 262144;
    handle(cothread_create(&options));
    for (i = 0; i < 6; i++) {
        cothread_task_options task_options = {sizeof task_options, 0, 0, 0, "fills"};
        task_options.stack_size = sizes[i];
        /* the rest is for the frames below and what is called from here */
        used[i] = (sizes[i] ? sizes[i] : options.stack_size) - 8192;
        tasks[i] = handle(cothread_spawn(fills, &used[i], &task_options));
    }
    for (i = 0; i < 6; i++)
        join(tasks[i]);
    return nothing_left();
}
