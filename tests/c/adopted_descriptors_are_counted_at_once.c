/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <unistd.h>

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), adopted;
    int pipes[2];
    expect(pipe(pipes), 0);
    adopted = handle(cothread_adopt(pipes[0], 0));
    expect(statistics(scheduler).descriptors, 1);
    expect(cothread_release(adopted), pipes[0]);
    expect(statistics(scheduler).descriptors, 0);
    return cothread_destroy(scheduler, COTHREAD_NOW);
}
