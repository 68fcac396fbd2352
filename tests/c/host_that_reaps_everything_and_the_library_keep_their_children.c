/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

enum { ROUNDS = 100 };

static _Atomic int stop;
static _Atomic int taken_from_us;
static _Atomic int own_status[ROUNDS];
static _Atomic pid_t own[ROUNDS];

/* A host that takes every status there is, as fast as it can. */
static void *reaps(void *unused) {
    int status;
    while (!stop) {
        pid_t pid = waitpid(-1, &status, 0);
        int mine = 0;
        for (int i = 0; pid > 0 && i < ROUNDS; i++)
            if (own[i] == pid) {
                own_status[i] = WEXITSTATUS(status);
                mine = 1;
            }
        taken_from_us += pid > 0 && !mine;
        if (pid < 0)
            usleep(100);
    }
    return unused;
}

/* 7, or on a kernel that does not tell perhaps unknown; never another's. */
static void ends_with_7(cothread_handle process) {
    int result = ended_by(process, cothread_after(60 * COTHREAD_SECOND));
    if (result != COTHREAD_ESYSTEM || kernel_tells_what_was_taken())
        expect(result, 7);
    expect(ended_by(process, COTHREAD_NOW), result);
    expect(cothread_close(process), 0);
}

int main(void) {
    pthread_t thread;
    int noted[2];
    char byte;
    handle(cothread_create(NULL));
    int before = open_descriptors();
    pthread_create(&thread, NULL, reaps, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        cothread_handle process = start(SH("exit 7"));
        expect(pipe2(noted, O_CLOEXEC), 0); /* the child ends when its pid is noted */
        pid_t pid = fork();
        if (pid == 0)
            _exit(read(noted[0], &byte, 1) == 1 ? 100 + i : 1);
        own[i] = pid;
        expect(write(noted[1], "", 1), 1);
        close(noted[0]);
        close(noted[1]);
        ends_with_7(process);
    }
    cothread_handle last = start(WORDS("sleep", "600")); /* so that the reaper is never without a child */
    for (int i = 0; i < ROUNDS; i++)
        while (own_status[i] == 0)
            expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    for (int i = 0; i < ROUNDS; i++)
        expect(own_status[i], 100 + i);
    stop = 1;
    expect(cothread_process_signal(last, SIGKILL, 0), 0);
    ended_by(last, COTHREAD_FOREVER);
    expect(cothread_close(last), 0);
    pthread_join(thread, NULL);

    signal(SIGCHLD, SIG_IGN); /* no zombie is kept, for nobody */
    for (int i = 0; i < ROUNDS; i++)
        ends_with_7(start(SH("exit 7")));
    no_child_is_left();
    expect(open_descriptors(), before);
    return nothing_left();
}
