/* SPDX-License-Identifier: Apache-2.0 */
#include "random_connections.h"

#include "alarms.h"

int main(void) {
    cothread_handle tasks[PAIRS], scheduler = handle(cothread_create(NULL));
    int i;
    prepare();
    alarms_begin(SA_RESTART);
    for (i = 0; i < PAIRS; i++)
        tasks[i] = spawn(lives, NULL);
    for (i = 0; i < PAIRS; i++)
        join(tasks[i]);
    alarms_end();
    expect(statistics(scheduler).connections, 0);
    expect(statistics(scheduler).adopted, 0);
    close(file);
    return nothing_left();
}
