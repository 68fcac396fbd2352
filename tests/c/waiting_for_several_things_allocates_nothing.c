/* SPDX-License-Identifier: Apache-2.0
 * Once as many tasks have waited for as many things, waits for several things allocate nothing: not their items, not
 * their elements, not the looks at their descriptors. */
#include "items.h"

#include <dlfcn.h>

static _Atomic int allocations;

#if !SANITIZED
static void *next(const char *name) {
    allocations++;
    return dlsym(RTLD_NEXT, name);
}
void *malloc(size_t size) {
    static void *(*real)(size_t);
    if (real)
        allocations++;
    else
        *(void **)&real = next("malloc");
    return real(size);
}
void *calloc(size_t count, size_t size) {
    void *memory = malloc(count * size);
    return memory ? memset(memory, 0, count * size) : NULL;
}
void *realloc(void *memory, size_t size) {
    static void *(*real)(void *, size_t);
    if (real)
        allocations++;
    else
        *(void **)&real = next("realloc");
    return real(memory, size);
}
#endif

enum { TASKS = 20, THINGS = 40 };
static cothread_handle channels[THINGS];
static int fds[2], rounds;

static void *waits(void *unused) {
    cothread_item items[THINGS + 1];
    char memory[THINGS][100];
    int i, round;
    memset(memory, 1, sizeof memory);
    for (round = 0; round < rounds; round++) {
        for (i = 0; i < THINGS; i++)
            items[i] = i % 2 ? RECEIVE(channels[i], memory[i]) : SEND(channels[i], memory[i]);
        items[i] = FD(fds[0], COTHREAD_READABLE);
        expect(wait_items(items, THINGS + 1, cothread_after(100 * COTHREAD_MICROSECOND), 0), COTHREAD_ETIMEDOUT);
    }
    return unused;
}

static void crowd(void) {
    cothread_handle tasks[TASKS];
    int i;
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(waits, NULL);
    for (i = 0; i < TASKS; i++)
        join(tasks[i]);
}

int main(void) {
    int i, before;
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    for (i = 0; i < THINGS; i++)
        channels[i] = handle(cothread_channel_create(100, 0, 0));
    rounds = 2;
    before = allocations;
    crowd();
    expect(SANITIZED || allocations > before + TASKS, 1); /* these are seen */
    before = allocations;
    rounds = 20;
    crowd();
    expect(allocations - before, 0);
    return nothing_left();
}
