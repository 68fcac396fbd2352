/* SPDX-License-Identifier: Apache-2.0 */
#include "random_sockets.h"

int main(void) {
    cothread_handle tasks[TASKS];
    int i;
    handle(cothread_create(NULL));
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(lives, NULL);
    for (i = 0; i < TASKS; i++)
        join(tasks[i]);
    return nothing_left();
}
