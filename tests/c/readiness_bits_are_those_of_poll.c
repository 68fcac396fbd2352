/* SPDX-License-Identifier: Apache-2.0
 * As the header says, so that a host passes on what its own poll(2) gave, and the list host its entries as they are. */
#include "test.h"
#include <poll.h>

_Static_assert(COTHREAD_READABLE == POLLIN, "");
_Static_assert(COTHREAD_PRIORITY == POLLPRI, "");
_Static_assert(COTHREAD_WRITABLE == POLLOUT, "");
_Static_assert(COTHREAD_ERROR == POLLERR, "");
_Static_assert(COTHREAD_HANGUP == POLLHUP, "");
_Static_assert(COTHREAD_READHUP == POLLRDHUP, "");
_Static_assert(sizeof(cothread_pollfd) == sizeof(struct pollfd), "");
_Static_assert(offsetof(cothread_pollfd, fd) == offsetof(struct pollfd, fd), "");
_Static_assert(offsetof(cothread_pollfd, events) == offsetof(struct pollfd, events), "");
_Static_assert(offsetof(cothread_pollfd, revents) == offsetof(struct pollfd, revents), "");

int main(void) {
    return 0;
}
