/* raw.c - the floor: epoll, an eventfd and a mutex, written by hand for one purpose.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#define PEER "raw"
#include "post_queue.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

static int epoll_fd, wake_fd;

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        give_up_errno("epoll_ctl");
}

static void post(posted_function function, void *argument) {
    uint64_t one = 1;
    if (post_queue_add(function, argument) && write(wake_fd, &one, sizeof one) < 0)
        give_up_errno("write to an eventfd");
}

static int finished;

static void finish(void *unused) {
    (void)unused;
    finished = 1;
}

static void run_loop(void) {
    for (finished = 0; !finished;) {
        struct epoll_event event;
        uint64_t wakes;
        if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
            continue;
        if (read(wake_fd, &wakes, sizeof wakes) < 0)
            give_up_errno("read from an eventfd");
        post_queue_run();
    }
}

static void posts_from_a_thread(long unused) {
    static const struct post_loop post_loop = {post, run_loop, finish};
    (void)unused;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    watch(wake_fd);
    measure_post_flood(&post_loop, "g_inject", "g_inject_cpu");
    measure_idle_posts(&post_loop);
}

/* A thread waits in a read from one eventfd, its caller in one from another. */
static int asked_fd, answered_fd;

static void hand_over(int fd) {
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        give_up_errno("write to an eventfd");
}

static void take_over(int fd) {
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        give_up_errno("read from an eventfd");
}

static void nothing(void) {}

static void (*volatile asked_for)(void);

static void *serve_calls(void *unused) {
    (void)unused;
    for (;;) {
        take_over(asked_fd);
        asked_for();
        hand_over(answered_fd);
    }
    return NULL;
}

static void call_elsewhere(void) {
    asked_for = nothing;
    hand_over(asked_fd);
    take_over(answered_fd);
}

static void calls_elsewhere(long unused) {
    pthread_t thread;
    (void)unused;
    asked_fd = eventfd(0, EFD_CLOEXEC);
    answered_fd = eventfd(0, EFD_CLOEXEC);
    if (pthread_create(&thread, NULL, serve_calls, NULL) != 0)
        give_up("no thread");
    measure_calls_elsewhere(call_elsewhere);
}

static void accept_all(int listener) {
    int connection;
    while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        send_at_once(connection);
        watch(connection);
    }
}

static void echo_once(int connection) {
    char message[ECHO_BUFFER_SIZE];
    ssize_t size = read(connection, message, echo_account.buffer_size);
    if (size <= 0) {
        close(connection);
        echo_connection_gone();
    } else {
        if (write(connection, message, (size_t)size) != size)
            give_up_errno("write to a connection");
        echo_message();
    }
}

/* As often as libcothread's connections do it in a tick: 16 operations. */
static void echo_within_budget(int connection) {
    char message[ECHO_BUFFER_SIZE];
    for (int round = 0; round < 8; round++) {
        ssize_t size = read(connection, message, echo_account.buffer_size);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            close(connection);
            echo_connection_gone();
            return;
        }
        if (write(connection, message, (size_t)size) != size)
            give_up_errno("write to a connection");
        echo_message();
    }
}

static void serve(long port, void (*echo_back)(int connection)) {
    int listener = listen_on(port);
    struct epoll_event events[256];
    if (fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
        give_up_errno("fcntl");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(listener);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                echo_back(events[i].data.fd);
        }
    }
}

static void echo(long port) {
    serve(port, echo_once);
}

static void quiet(long port) {
    serve(port, echo_within_budget);
}

static void echo_full_reads(long port) {
    echo_account.buffer_size = MESSAGE_SIZE;
    echo(port);
}

static void start_and_wait(long unused) {
    int64_t start = wall_ns();
    (void)unused;
    for (int i = 0; i < STARTED_PROCESSES; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, nothing_to_do[0], NULL, NULL, (char **)(uintptr_t)nothing_to_do, environ) || waitpid(child, &status, 0) != child || status)
            give_up("/bin/true failed");
    }
    report_per_switch("q_process", start, "ns", STARTED_PROCESSES);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {{"g", posts_from_a_thread}, {"j", calls_elsewhere}, {"q", start_and_wait},
                                                  {"echo", echo}, {"quiet", quiet}, {"echo64", echo_full_reads}, {NULL, NULL}};
    return benchmark_main(argc, argv, benchmarks);
}
