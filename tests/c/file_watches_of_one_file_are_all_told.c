/* By two paths, in one scheduler and another; and a closed one takes nothing from the others.
 * SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

static pthread_barrier_t open_now, changed;

static void *second_thread(void *unused) {
    cothread_handle watch;
    handle(cothread_create(NULL));
    watch = handle(cothread_watch_open(directory, CREATED, 0));
    pthread_barrier_wait(&open_now);
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &change, COTHREAD_FOREVER), 1);
    expect(strcmp(change.name, "a"), 0);
    pthread_barrier_wait(&changed);
    expect(cothread_close(watch), 0);
    expect(nothing_left(), 0);
    return unused;
}

int main(void) {
    cothread_handle watches[40];
    pthread_t thread;
    char link[80];
    int i;
    make_directory();
    snprintf(link, sizeof link, "%s-link", directory);
    expect(symlink(directory, link), 0);
    expect(pthread_barrier_init(&open_now, NULL, 2), 0);
    expect(pthread_barrier_init(&changed, NULL, 2), 0);
    handle(cothread_create(NULL));
    expect(pthread_create(&thread, NULL, second_thread, NULL), 0);
    for (i = 0; i < 40; i++)
        watches[i] = handle(cothread_watch_open(i % 2 ? link : directory, i < 20 ? CREATED : DELETED, 0));
    pthread_barrier_wait(&open_now);
    write_file("a", "");
    pthread_barrier_wait(&changed);
    expect(pthread_join(thread, NULL), 0);
    for (i = 0; i < 40; i += 3)
        expect(cothread_close(watches[i]), 0);
    remove_file("a");
    for (i = 0; i < 40; i++) {
        if (i % 3 == 0)
            continue;
        note_change(watches[i], COTHREAD_NOW);
        expect_order(i < 20 ? "1:a" : "16:a");
        note_change(watches[i], COTHREAD_NOW);
        expect_order("nothing");
        expect(cothread_close(watches[i]), 0);
    }
    expect(unlink(link), 0);
    expect(rmdir(directory), 0);
    return nothing_left();
}
