/* A thread loads a plugin whose constructor waits for callbacks: the scheduler looks for C++ runtimes that were loaded
 * without waiting for the linker, which that thread holds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../c/test.h"
#include <dlfcn.h>
#include <semaphore.h>

static cothread_handle scheduler;
static const char *name;
static sem_t run;

static void callback(void *unused) {
    (void)unused;
    sem_post(&run);
}

void wait_for_ticks(void);
void wait_for_ticks(void) {
    for (int tick = 0; tick < 200; tick++) { /* one at a time: a tick each */
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
        expect(sem_wait(&run), 0);
    }
}

static void *loads(void *unused) {
    if (!dlopen(name, RTLD_NOW | RTLD_LOCAL))
        fail_at(__FILE__, __LINE__, "%s", dlerror());
    expect(cothread_interrupt(scheduler), 0);
    return unused;
}

int main(int count, char **arguments) {
    pthread_t loader;
    expect(count, 2);
    name = arguments[1];
    expect(sem_init(&run, 0, 0), 0);
    scheduler = handle(cothread_create(NULL));
    expect(pthread_create(&loader, NULL, loads, NULL), 0);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(loader, NULL), 0);
    return nothing_left();
}
