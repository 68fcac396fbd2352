/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_pollfd list[1];
    int64_t deadline;
    memset(list, 0, sizeof list);
    handle(cothread_create(NULL));
    expect(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EHOSTED);
    expect(cothread_poll_fd(), COTHREAD_EHOSTED);
    expect(cothread_poll_list(list, 1), COTHREAD_EHOSTED);
    expect(cothread_poll_deliver(list, 0), COTHREAD_EHOSTED);
    expect(cothread_host_create(1, NULL, 0), COTHREAD_EHOSTED);
    expect(cothread_host_ring() == NULL, 1);
    expect(cothread_last_error()[0] != 0, 1);
    (void)deadline;
    nothing_left();

    hosted(0); /* and the list form needs its flag */
    expect(cothread_poll_list(list, 1), COTHREAD_EHOSTED);
    expect(cothread_poll_deliver(list, 0), COTHREAD_EHOSTED);
    expect(cothread_poll_fd() >= 0, 1);
    nothing_left();

    hosted(COTHREAD_HOST_POLLS);
    expect(cothread_poll_fd(), COTHREAD_EHOSTED);
    return nothing_left();
}
