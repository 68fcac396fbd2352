/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"
#include "open_descriptors.h"


static void *waits(void *signal) {
    (void)wait_signal(*(cothread_handle *)signal, COTHREAD_FOREVER);
    return NULL;
}

static void *waits_for_files(void *watch) {
    (void)wait_item(COTHREAD_ITEM_FILE, *(cothread_handle *)watch, NULL, COTHREAD_FOREVER);
    return NULL;
}

static void *leaves_it_open(void *unused) {
    static cothread_handle signal, watch;
    handle(cothread_create(NULL));
    signal = handle(cothread_signal_open(SIGUSR1, 0));
    watch = handle(cothread_watch_open("/", COTHREAD_CHANGE_CREATED, 0));
    handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS));
    expect(cothread_detach(spawn(waits, &signal)), 0);
    expect(cothread_detach(spawn(waits_for_files, &watch)), 0);
    expect(cothread_yield(), 0);
    return unused;
}

int main(void) {
    struct sigaction action;
    cothread_handle signal;
    pthread_t thread;
    int i, open = 0;
    for (i = 0; i < 20; i++) {
        expect(pthread_create(&thread, NULL, leaves_it_open, NULL), 0);
        expect(pthread_join(thread, NULL), 0);
        expect(sigaction(SIGUSR1, NULL, &action), 0);
        expect(action.sa_handler == SIG_DFL, 1);
        handle(cothread_create(NULL)); /* gives the rest back */
        signal = handle(cothread_signal_open(SIGUSR1, 0));
        expect(raise(SIGUSR1), 0);
        expect(wait_signal(signal, COTHREAD_FOREVER), 1);
        expect(cothread_close(signal), 0);
        expect(nothing_left(), 0);
        if (i == 0)
            open = open_descriptors();
        expect(open_descriptors(), open);
    }
    return 0;
}
