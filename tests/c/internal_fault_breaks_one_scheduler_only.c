/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>

/* The fault: the program closes what is not its own, the epoll set of a scheduler, and the number is another file's
 * then, on which the kernel cannot wait. */
static cothread_handle broken, neighbour;
static int finished;

static void callback(void *unused) {
    (void)unused;
    fail_at(__FILE__, __LINE__, "a callback of the broken scheduler ran");
}

static void *waits(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    fail_at(__FILE__, __LINE__, "a task of the broken scheduler ran");
    return unused;
}

static void *task(void *result) {
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    return result;
}

static void *works_on(void *unused) {
    __atomic_store_n(&neighbour, handle(cothread_create(NULL)), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE))
        join(spawn(task, NULL));
    expect(cothread_post(broken, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    expect(cothread_post(broken, callback, NULL, COTHREAD_FOREVER), COTHREAD_EDEAD);
    join(spawn(task, NULL));
    nothing_left();
    return unused;
}

/* The descriptors that are epoll sets, as a mask. */
static uint64_t epoll_sets(void) {
    char path[32], name[32];
    uint64_t sets = 0;
    int fd;
    for (fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        memset(name, 0, sizeof name);
        if (readlink(path, name, sizeof name - 1) > 0 && strcmp(name, "anon_inode:[eventpoll]") == 0)
            sets |= UINT64_C(1) << fd;
    }
    return sets;
}

static void expect_fault(const char *call) {
    if (!strstr(cothread_last_error(), "internal fault"))
        fail_at(__FILE__, __LINE__, "after %s the last error was: %s", call, cothread_last_error());
}
#define expect_broken(call) (expect(call, COTHREAD_EBROKEN), expect_fault(#call))

int main(void) {
    uint64_t sets = epoll_sets();
    pthread_t thread;
    int other;
    broken = handle(cothread_create(NULL));
    sets ^= epoll_sets();
    expect(__builtin_popcountll(sets), 1);
    expect(pthread_create(&thread, NULL, works_on, NULL), 0);
    while (__atomic_load_n(&neighbour, __ATOMIC_ACQUIRE) == 0)
        expect(cothread_yield(), 0);
    spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect((other = open("/dev/null", O_RDONLY)) >= 0, 1);
    expect(dup2(other, __builtin_ctzll(sets)), __builtin_ctzll(sets));
    expect_broken(cothread_sleep_until(COTHREAD_FOREVER));
    expect_broken(cothread_sleep_until(COTHREAD_FOREVER));
    expect_broken(cothread_yield());
    expect_broken(cothread_spawn(task, NULL, NULL));
    expect_broken(cothread_event_create(0));
    expect(cothread_post(broken, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    expect(cothread_post(broken, callback, NULL, COTHREAD_FOREVER), COTHREAD_EDEAD);
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    expect(pthread_join(thread, NULL), 0);
    expect(cothread_destroy(broken, COTHREAD_FOREVER), 1); /* the task that waited */
    handle(cothread_create(NULL));
    join(spawn(task, NULL));
    close(other);
    return nothing_left();
}
