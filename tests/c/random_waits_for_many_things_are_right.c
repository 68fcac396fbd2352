/* SPDX-License-Identifier: Apache-2.0
 * Native tasks wait for random lists of everything, while others wait for the same objects singly, close them, cancel each other.
 * usage: NAME [WAITS [SEED]] */
#include "random_items.h"

enum { WORKERS = 60 };
static struct worker workers[WORKERS];

int main(int argc, char **argv) {
    waits_wanted = argc > 1 ? atoll(argv[1]) : SANITIZED ? 20000 : 200000;
    if (argc > 2)
        state ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u;
    handle(cothread_create(NULL));
    open_objects();
    for (int i = 0; i < WORKERS; i++) {
        begin_worker(&workers[i]);
        workers[i].task = spawn(native_worker, &workers[i]);
    }
    while (waits_done < waits_wanted) {
        int i = (int)below(WORKERS);
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        expect(cothread_cancel(workers[i].task), 0);
        expect(cothread_join(workers[i].task, NULL, COTHREAD_FOREVER), 0);
        begin_worker(&workers[i]);
        workers[i].task = spawn(native_worker, &workers[i]);
    }
    for (int i = 0; i < WORKERS; i++)
        join(workers[i].task);
    expect(cothread_run(COTHREAD_FOREVER), 0); /* children and members */
    close_objects();
    return nothing_left();
}
