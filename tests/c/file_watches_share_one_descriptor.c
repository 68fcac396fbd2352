/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"
#include "open_descriptors.h"

enum { FILES = 300 };

int main(void) {
    static cothread_handle watches[FILES];
    static char all[FILES][16];
    const char *names[FILES];
    int i, round, before;
    make_directory();
    handle(cothread_create(NULL));
    before = open_descriptors();
    for (i = 0; i < FILES; i++) {
        snprintf(all[i], sizeof all[i], "%d", i);
        names[i] = all[i];
        write_file(names[i], "");
        watches[i] = handle(cothread_watch_open(in_directory(names[i]), MODIFIED, 0));
    }
    expect(open_descriptors(), before + 1);
    for (round = 1; round <= 4; round++) {
        for (i = 0; i < FILES; i++)
            write_file(names[i], "text");
        for (i = 0; i < FILES; i++) {
            if (!watches[i])
                continue;
            expect(wait_item(COTHREAD_ITEM_FILE, watches[i], NULL, COTHREAD_NOW), 1);
            expect(wait_item(COTHREAD_ITEM_FILE, watches[i], NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
            if (i % 4 < round) {
                expect(cothread_close(watches[i]), 0);
                watches[i] = 0;
            }
        }
    }
    expect(open_descriptors(), before);
    for (i = 0; i < FILES; i++)
        remove_file(names[i]);
    expect(rmdir(directory), 0);
    return nothing_left();
}
