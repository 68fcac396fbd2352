/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

int main(void) {
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,   SIGTRAP,
                                  SIGSYS,  SIGURG,  SIGPROF, 0,      -1,     65, 1 << 20};
    cothread_handle scheduler = handle(cothread_create(NULL));
    size_t i;
    for (i = 0; i < sizeof refused / sizeof *refused; i++) {
        char name[32];
        expect(cothread_signal_open(refused[i], 0), COTHREAD_EINVAL);
        snprintf(name, sizeof name, "signal %d ", refused[i]);
        expect(strstr(cothread_last_error(), name) != NULL, 1);
    }
    expect(cothread_signal_open(SIGUSR1, 2), COTHREAD_EINVAL);
    expect(statistics(scheduler).signals, 0);
    return nothing_left();
}
