/* Loading starts nothing that a child would lack.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/wait.h>

static int ran;

static void callback(void *unused) {
    (void)unused;
    ran++;
}

static int uses_it(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    ran = 0;
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(ran, 1);
    return nothing_left();
}

int main(void) {
    int status = 1;
    pid_t pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0)
        _exit(uses_it());
    expect(waitpid(pid, &status, 0), pid);
    expect(status, 0);
    return uses_it();
}
