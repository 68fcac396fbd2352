/* SPDX-License-Identifier: Apache-2.0
 * The first create starts Go's runtime, which opens files of its own: none stays open behind the last scheduler. */
#include "test.h"
#include "open_descriptors.h"


int main(void) {
    int before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        handle(cothread_create(NULL));
        expect(open_descriptors(), before + 2);
        expect(cothread_sleep(COTHREAD_MICROSECOND), 0);
        expect(nothing_left(), 0);
        expect(open_descriptors(), before);
    }
    return 0;
}
