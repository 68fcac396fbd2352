/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int i;
    handle(cothread_create(NULL));
    for (i = 0; i < 1000; i++)
        expect(cothread_yield(), 0);
    return nothing_left();
}
