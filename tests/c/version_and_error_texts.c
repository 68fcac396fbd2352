/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#define LAST COTHREAD_ESTATE

int main(void) {
    int code;
    expect(strcmp(cothread_version(), COTHREAD_VERSION), 0);
    expect(cothread_abi(), COTHREAD_ABI);
    expect(strcmp(cothread_strerror(COTHREAD_EFULL), "COTHREAD_EFULL: the queue is full"), 0);
    for (code = COTHREAD_ESTATE; code < 0; code++)
        expect(strncmp(cothread_strerror(code), "COTHREAD_E", 10), 0);
    expect(strcmp(cothread_strerror(COTHREAD_ESTATE - 1), "unknown error code"), 0);
    expect(strcmp(cothread_strerror(1), "unknown error code"), 0);
    expect(strcmp(cothread_strerror(INT32_MIN), "unknown error code"), 0);
    expect(strcmp(cothread_strerror(INT32_MAX), "unknown error code"), 0);
    expect(strcmp(cothread_last_error(), ""), 0); /* nothing failed yet */
    expect(cothread_current(), COTHREAD_ENOSCHEDULER);
    expect(cothread_last_error()[0] != 0, 1);
    return 0;
}
