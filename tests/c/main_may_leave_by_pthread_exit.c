/* A process that has loaded the library and created no scheduler ends with its last thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *last(void *main_thread) {
    expect(pthread_join(*(pthread_t *)main_thread, NULL), 0);
    return NULL;
}

int main(void) {
    static pthread_t self;
    pthread_t thread;
    self = pthread_self();
    expect(strcmp(cothread_version(), COTHREAD_VERSION), 0);
    expect(pthread_create(&thread, NULL, last, &self), 0);
    pthread_exit(NULL);
}
