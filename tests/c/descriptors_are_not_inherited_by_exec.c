/* SPDX-License-Identifier: Apache-2.0
 * Whatever the library opens, for itself or for its caller, is closed on exec. */
#include "list_host.h"

#include <dirent.h>
#include <fcntl.h>

/* Those above 2 that an exec keeps, but for `others` that this test opened itself. */
static void none_is_inherited(const char *what, int others) {
    struct dirent *entry;
    DIR *directory = opendir("/proc/self/fd");
    int kept = 0, open = 0;
    expect(directory != NULL, 1);
    while ((entry = readdir(directory)) != NULL) {
        int fd = atoi(entry->d_name);
        char path[64], target[256] = "";
        if (fd <= 2 || fd == dirfd(directory))
            continue;
        open++;
        if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        expect(readlink(path, target, sizeof target - 1) > 0, 1);
        if (++kept > others)
            fail_at(__FILE__, __LINE__, "%s: descriptor %d (%s) would survive an exec", what, fd, target);
    }
    closedir(directory);
    expect(open > others, 1);
}

static int inherited; /* what was open before */

static void everything(uint32_t flags) {
    const char *const words[] = {"sleep", "600", NULL};
    cothread_process_options sleeps = {.size = sizeof sleeps, .arguments = words};
    cothread_connection_options datagrams = {.size = sizeof datagrams, .flags = COTHREAD_DATAGRAM};
    cothread_handle scheduler = hosted(flags), listener, process, ends[2];
    cothread_address address;
    char name[64], byte = 'x';
    int pair[2], pipe_ends[2], passed[1];
    int32_t received[1] = {-1};
    cothread_message message = {.size = sizeof message, .data = &byte, .length = 1, .descriptors = passed, .descriptor_count = 1};
    sigset_t blocked;
    if (!flags)
        expect(cothread_poll_fd() >= 0, 1);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    handle(cothread_signal_open(SIGUSR1, 0));
    handle(cothread_signal_open(SIGUSR2, 0));
    handle(cothread_watch_open("/", COTHREAD_CHANGE_CREATED, 0));
    handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS));
    process = handle(cothread_process_start(&sleeps));
    handle(cothread_process_open(getppid()));
    expect(cothread_thread_open(gettid()) != 0, 1);
    none_is_inherited("objects", inherited);

    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    handle(cothread_connect_addresses(&address, 1, NULL, COTHREAD_NOW));
    handle(cothread_connection_accept(listener, COTHREAD_NOW));
    snprintf(name, sizeof name, "@cothread-inherited-%d", getpid());
    listener = handle(cothread_listen_unix(name, NULL));
    handle(cothread_connect_unix(name, NULL, COTHREAD_NOW));
    handle(cothread_connection_accept(listener, COTHREAD_NOW));
    handle(cothread_listen("127.0.0.1", "0", &datagrams));
    none_is_inherited("connections", inherited);

    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ends[0] = handle(cothread_connection_adopt(pair[0], NULL, 0, NULL));
    ends[1] = handle(cothread_connection_adopt(pair[1], NULL, 0, NULL));
    passed[0] = pair[0];
    expect(cothread_connection_send(ends[0], &message, NULL, COTHREAD_NOW), 0);
    message.descriptors = received;
    expect(cothread_connection_receive(ends[1], &message, COTHREAD_NOW), 1);
    expect(received[0] >= 0, 1);
    expect(pipe2(pipe_ends, O_CLOEXEC), 0); /* opened once more */
    handle(cothread_adopt(pipe_ends[0], 0));
    none_is_inherited("what was passed and adopted", inherited);
    close(received[0]);
    close(pipe_ends[1]);
    expect(cothread_process_signal(process, SIGKILL, 0), 0);
    expect(cothread_close(process), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
}

int main(void) {
    for (int fd = 3; fd < 1024; fd++)
        inherited += fcntl(fd, F_GETFD) == 0;
    everything(0);
    everything(COTHREAD_HOST_POLLS);
    return 0;
}
