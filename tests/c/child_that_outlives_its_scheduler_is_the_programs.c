/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static int pid;

static void *starts_one(void *unused) {
    handle(cothread_create(NULL));
    pid = cothread_process_pid(start(WORDS("sleep", "600")));
    return unused; /* the thread ends with its scheduler alive */
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), closed;
    int before, status;
    pthread_t thread;
    pid = cothread_process_pid(start(WORDS("sleep", "600")));
    closed = start(WORDS("sleep", "600"));
    int other = cothread_process_pid(closed);
    expect(cothread_close(closed), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect(strstr(cothread_last_error(), "not closed: process 1") != NULL, 1);
    before = open_descriptors();
    expect(kill(pid, SIGTERM), 0);
    expect(waitpid(pid, &status, 0), pid);
    expect(WTERMSIG(status), SIGTERM);
    expect(kill(other, SIGTERM), 0);
    expect(waitpid(other, &status, 0), other);

    expect(pthread_create(&thread, NULL, starts_one, NULL), 0);
    pthread_join(thread, NULL);
    expect(kill(pid, SIGKILL), 0);
    expect(waitpid(pid, &status, 0), pid);
    expect(WTERMSIG(status), SIGKILL);
    handle(cothread_create(NULL)); /* gives back the rest of that thread's */
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
    expect(open_descriptors(), before);
    return 0;
}
