/* SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"
#include "random_sockets.h"

int main(void) {
    cothread_handle tasks[TASKS];
    int i;
    hosted(COTHREAD_HOST_POLLS);
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(lives, NULL);
    for (i = 0; i < TASKS; i++)
        while (cothread_join(tasks[i], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
            host_round();
    return nothing_left();
}
