/* SPDX-License-Identifier: Apache-2.0 */
#include "random_connections.h"

#include "list_host.h"

int main(void) {
    cothread_handle tasks[PAIRS];
    int i;
    hosted(COTHREAD_HOST_POLLS);
    prepare();
    for (i = 0; i < PAIRS; i++)
        tasks[i] = spawn(lives, NULL);
    for (i = 0; i < PAIRS; i++)
        while (cothread_join(tasks[i], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
            host_round();
    close(file);
    return nothing_left();
}
