/* Many watches have as many changes queued as they may. Once these are taken, or their watches closed, the memory is the program's
 * again, but for what one watch needs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <malloc.h>

enum { WATCHES = 40, FILES = 1024, SMALL = 1 << 20 };

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

int main(void) {
    cothread_handle watches[WATCHES];
    char name[16];
    int i, k;
    make_directory();
    handle(cothread_create(NULL));
    for (i = 0; i < WATCHES; i++)
        watches[i] = handle(cothread_watch_open(directory, CREATED, 0));
    size_t before = in_use();
    for (k = 0; k < FILES; k++) {
        snprintf(name, sizeof name, "%d", k);
        write_file(name, "");
        if (k % 100 == 0) /* they are read before the system drops any */
            expect(cothread_yield(), 0);
    }
    expect(cothread_yield(), 0);
    expect(SANITIZED || in_use() - before > (size_t)WATCHES * FILES * 200, 1);
    for (i = 0; i < WATCHES; i++) {
        for (k = 0; i % 2 && k < FILES; k++) {
            expect(wait_item(COTHREAD_ITEM_FILE, watches[i], &change, COTHREAD_NOW), 1);
            expect(change.changes, CREATED);
            expect(atoi(change.name), k);
        }
        if (i % 2)
            expect(wait_item(COTHREAD_ITEM_FILE, watches[i], &change, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        else
            expect(cothread_close(watches[i]), 0);
    }
    if (!SANITIZED && in_use() > before + SMALL)
        fail_at(__FILE__, __LINE__, "%zu bytes are still in use", in_use() - before);
    for (i = 1; i < WATCHES; i += 2)
        expect(cothread_close(watches[i]), 0);
    for (k = 0; k < FILES; k++) {
        snprintf(name, sizeof name, "%d", k);
        remove_file(name);
    }
    expect(rmdir(directory), 0);
    return nothing_left();
}
