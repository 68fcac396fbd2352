/* descriptors.c - descriptors of the host are read and written without a trace: see
 * system/descriptors.h.
 * SPDX-License-Identifier: Apache-2.0
 * Built with -DCOTHREAD_FAILURES, so that what this kernel can do can be taken from it. */
#define _GNU_SOURCE
#include "../../system/descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../../system/system.h"
#include "each.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

static char buffer[64];
static bool drained;

static bool nonblocking(int fd)
{
    return (must(fcntl(fd, F_GETFL)) & O_NONBLOCK) != 0;
}

static int open_descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 1024; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static int listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = must(socket(AF_INET, SOCK_STREAM, 0));
    must(bind(fd, (struct sockaddr *)&address, sizeof address));
    must(listen(fd, 16));
    return fd;
}

static int connect_to(int listening)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = must(socket(AF_INET, SOCK_STREAM, 0)), yes = 1;
    must(getsockname(listening, (struct sockaddr *)&address, &length));
    must(connect(fd, (struct sockaddr *)&address, length));
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
    return fd;
}

static void until_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    expect(poll(&entry, 1, 60000), 1);
}

static int64_t read_from(struct system_descriptor *d)
{
    return system_read(d, buffer, sizeof buffer, &drained);
}

/* Reads, while it lasts, whether or not the descriptor would block by itself; the duplicate's flag never changes. */
static void no_trace_on(int fd, int other_end)
{
    struct system_descriptor d;
    int duplicate = must(dup(fd)), open = open_descriptors();
    for (int round = 0; round < 2; round++) {
        expect(system_adopt(&d, fd), 0);
        expect(nonblocking(duplicate), false);
        expect(read_from(&d), -EAGAIN);
        expect(drained, true);
        expect(write(other_end, "one\n", 4), 4);
        until_readable(fd);
        expect(read_from(&d), 4);
        expect(nonblocking(duplicate), false);
        expect(system_release(&d), fd);
        expect(nonblocking(duplicate), false);
        expect(open_descriptors(), open);
    }
    expect(system_adopt(&d, fd), 0);
    system_close(&d);
    expect(nonblocking(duplicate), false);
    expect(open_descriptors(), open - 1);
}

static void pipe_stays_blocking_for_others(void)
{
    int ends[2];
    must(pipe(ends));
    no_trace_on(ends[0], ends[1]);
}

static void named_pipe_stays_blocking_for_others(void)
{
    char directory[] = "/tmp/cothread-test-XXXXXX", name[64];
    must(mkdtemp(directory) ? 0 : -1);
    snprintf(name, sizeof name, "%s/fifo", directory);
    must(mkfifo(name, 0600));
    int reader = must(open(name, O_RDWR)), writer = must(open(name, O_WRONLY));
    unlink(name);
    rmdir(directory);
    no_trace_on(reader, writer);
}

static void terminal_stays_blocking_for_others(void)
{
    int master, slave;
    must(openpty(&master, &slave, NULL, NULL, NULL));
    no_trace_on(slave, master);
}

static void connected_socket_stays_blocking_for_others(void)
{
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    no_trace_on(ends[0], ends[1]);
}

static void datagram_socket_without_a_peer_stays_blocking(void)
{
    struct system_descriptor d;
    int fd = must(socket(AF_INET, SOCK_DGRAM, 0));
    expect(system_adopt(&d, fd), 0);
    expect(nonblocking(fd), false);
    expect(read_from(&d), -EAGAIN);
}

static void writer_of_a_full_pipe_does_not_block(void)
{
    struct system_descriptor d;
    int ends[2];
    static char much[1 << 20];
    must(pipe(ends));
    expect(system_adopt(&d, ends[1]), 0);
    expect(system_write(&d, much, sizeof much), 65536);
    expect(system_write(&d, much, sizeof much), -EAGAIN);
    expect(nonblocking(ends[1]), false);
}

static void pipe_ends_once_both_of_our_descriptors_are_closed(void)
{
    struct system_descriptor d;
    int ends[2];
    must(pipe(ends));
    expect(system_adopt(&d, ends[1]), 0);
    expect(system_write(&d, "last", 4), 4);
    system_close(&d);
    expect(read(ends[0], buffer, 64), 4);
    expect(read(ends[0], buffer, 64), 0);
}

static void pipe_of_packets_stays_one(void)
{
    struct system_descriptor d;
    int ends[2];
    must(pipe2(ends, O_DIRECT));
    expect(system_adopt(&d, ends[1]), 0);
    expect(system_write(&d, "one", 3), 3);
    expect(system_write(&d, "three", 5), 5);
    expect(read(ends[0], buffer, 64), 3);
    expect(read(ends[0], buffer, 64), 5);
}

/* Opening /dev/ptmx again would be another terminal. */
static void master_of_a_terminal_is_not_another_one(void)
{
    struct system_descriptor d;
    int master, slave;
    must(openpty(&master, &slave, NULL, NULL, NULL));
    expect(system_adopt(&d, master), 0);
    expect(nonblocking(master), true);
    expect(write(slave, "hello", 5), 5);
    until_readable(master);
    expect(read_from(&d), 5);
    expect(system_release(&d), master);
    expect(nonblocking(master), false);
}

static void flag_is_put_back_on(int fd)
{
    struct system_descriptor d;
    int duplicate = must(dup(fd));
    expect(system_adopt(&d, fd), 0);
    expect(nonblocking(duplicate), true);
    expect(system_release(&d), fd);
    expect(nonblocking(duplicate), false);
    expect(system_adopt(&d, fd), 0);
    system_close(&d);
    expect(nonblocking(duplicate), false);
}

static void listener_is_put_back(void)
{
    flag_is_put_back_on(listener());
}

static void unconnected_socket_is_put_back(void)
{
    flag_is_put_back_on(must(socket(AF_UNIX, SOCK_STREAM, 0)));
}

static void whatever_is_neither_socket_pipe_nor_terminal_is_put_back(void)
{
    flag_is_put_back_on(must(eventfd(0, 0)));
}

/* The third call of an adopt that can fail is the opening. */
static void pipe_that_cannot_be_opened_again_is_put_back(void)
{
    struct system_descriptor d;
    int ends[2], duplicate;
    must(pipe(ends));
    duplicate = must(dup(ends[0]));
    system_fail(3, EACCES);
    expect(system_adopt(&d, ends[0]), 0);
    expect(nonblocking(duplicate), true);
    expect(read_from(&d), -EAGAIN);
    expect(system_release(&d), ends[0]);
    expect(nonblocking(duplicate), false);
}

static void flag_that_the_host_had_set_stays_set(void)
{
    struct system_descriptor d;
    int listening = listener(), ends[2];
    must(fcntl(listening, F_SETFL, O_NONBLOCK));
    must(pipe2(ends, O_NONBLOCK));
    expect(system_adopt(&d, listening), 0);
    expect(system_release(&d), listening);
    expect(nonblocking(listening), true);
    expect(system_adopt(&d, ends[0]), 0);
    expect(system_release(&d), ends[0]);
    expect(nonblocking(ends[0]), true);
}

static void last_of_two_duplicates_puts_back(int first, int duplicate)
{
    struct system_descriptor a, b, c, d;
    int another = must(eventfd(0, 0)), unrelated = must(eventfd(0, EFD_NONBLOCK));
    expect(system_adopt(&c, another), 0);
    expect(system_adopt(&d, unrelated), 0);
    expect(system_adopt(&a, first), 0);
    expect(system_adopt(&b, duplicate), 0);
    expect(system_release(&a), first);
    expect(nonblocking(duplicate), true);
    expect(system_release(&b), duplicate);
    expect(nonblocking(duplicate), false);
    expect(system_release(&c), another);
    expect(nonblocking(another), false);
    expect(system_release(&d), unrelated);
    expect(nonblocking(unrelated), true);
}

static void last_adopted_duplicate_of_a_listener_puts_back(void)
{
    int listening = listener();
    last_of_two_duplicates_puts_back(listening, must(dup(listening)));
}

static void last_adopted_duplicate_of_an_eventfd_puts_back(void)
{
    int event = must(eventfd(0, 0)); /* they all share one inode */
    last_of_two_duplicates_puts_back(event, must(dup(event)));
}

static void in_a_child(void (*ends)(int), int fd)
{
    pid_t child = must(fork());
    int status;
    if (child == 0)
        ends(fd);
    waitpid(child, &status, 0);
    expect(status, 0);
}

static void adopts_and_exits(int fd)
{
    struct system_descriptor d;
    expect(system_adopt(&d, fd), 0);
    expect(nonblocking(fd), true);
    exit(0);
}

static void exit_puts_back(void)
{
    int listening = listener();
    in_a_child(adopts_and_exits, listening);
    expect(nonblocking(listening), false);
}

static void only_exits(int fd)
{
    (void)fd;
    exit(0);
}

static void exit_of_a_forked_child_puts_nothing_back(void)
{
    struct system_descriptor d;
    int listening = listener();
    expect(system_adopt(&d, listening), 0);
    in_a_child(only_exits, listening);
    expect(nonblocking(listening), true);
}

static void end_is_zero_and_not_drained(void)
{
    struct system_descriptor d;
    int ends[2];
    must(pipe(ends));
    expect(system_adopt(&d, ends[0]), 0);
    close(ends[1]);
    drained = true;
    expect(read_from(&d), 0);
    expect(drained, false);
}

/* ---- TCP ------------------------------------------------------------------------------------------- */

static struct system_descriptor accepting, connection;
static int client;

static void meet(void)
{
    int listening = listener();
    expect(system_adopt(&accepting, listening), 0);
    expect(system_accept(&accepting, &connection), -EAGAIN);
    client = connect_to(listening);
    until_readable(listening);
    expect(system_accept(&accepting, &connection), 0);
    expect(must(fcntl(connection.fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
}

static void arrives(const void *data, size_t size)
{
    int there = 0;
    expect(send(client, data, size, 0), size);
    while (recv(connection.fd, &(char[256]){0}, 256, MSG_PEEK | MSG_DONTWAIT) < (ssize_t)size && there++ < 60000)
        until_readable(connection.fd);
}

static void short_read_of_tcp_leaves_nothing(void)
{
    meet();
    arrives("12345", 5);
    expect(read_from(&connection), 5);
    expect(drained, true);
}

static void full_read_of_tcp_learns_what_it_left(void)
{
    char data[128] = {0};
    meet();
    arrives(data, 64);
    expect(read_from(&connection), 64); /* the first: from here on it asks */
    for (int round = 0; round < 3; round++) {
        arrives(data, 64);
        expect(read_from(&connection), 64);
        expect(drained, true);
    }
    arrives(data, 128);
    expect(read_from(&connection), 64);
    expect(drained, false);
    expect(read_from(&connection), 64);
    expect(drained, true);
    arrives(data, 10);
    expect(read_from(&connection), 10);
    expect(drained, true);
}

static void full_read_before_the_end_is_not_drained(void)
{
    char data[64] = {0};
    meet();
    arrives(data, 64);
    expect(read_from(&connection), 64);
    arrives(data, 64);
    must(shutdown(client, SHUT_WR));
    struct pollfd entry = {.fd = connection.fd, .events = POLLRDHUP};
    expect(poll(&entry, 1, 60000), 1);
    expect(read_from(&connection), 64);
    expect(drained, false);
    expect(read_from(&connection), 0);
}

static void option_of_a_connection_is_put_back(void)
{
    char data[64] = {0};
    int option = 0;
    socklen_t length = sizeof option;
    meet();
    arrives(data, 64);
    expect(read_from(&connection), 64);
    int fd = connection.fd;
    must(getsockopt(fd, IPPROTO_TCP, TCP_INQ, &option, &length));
    expect(option, 1);
    expect(system_release(&connection), fd);
    must(getsockopt(fd, IPPROTO_TCP, TCP_INQ, &option, &length));
    expect(option, 0);
}

static void option_of_an_adopted_socket_is_left_alone(void)
{
    char data[128] = {0};
    int listening = listener(), option = 1, there = must(connect_to(listening)), fd = must(accept(listening, NULL, NULL));
    socklen_t length = sizeof option;
    struct system_descriptor d;
    expect(system_adopt(&d, fd), 0);
    for (int i = 0; i < 3; i++) {
        expect(send(there, data, 64, 0), 64);
        until_readable(fd);
        expect(read_from(&d), 64);
        expect(drained, false);
    }
    must(getsockopt(fd, IPPROTO_TCP, TCP_INQ, &option, &length));
    expect(option, 0);
}

/* ---- SIGPIPE --------------------------------------------------------------------------------------- */

static volatile sig_atomic_t raised;

static void on_sigpipe(int signal)
{
    (void)signal;
    raised++;
}

static bool sigpipe_pending(void)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE) == 1;
}

static void write_to_nobody(int writer, int reader)
{
    struct system_descriptor d;
    signal(SIGPIPE, on_sigpipe);
    expect(system_adopt(&d, writer), 0);
    close(reader);
    expect(system_write(&d, "x", 1), -EPIPE);
    expect(errno, EPIPE);
    expect(raised, 0);
    expect(sigpipe_pending(), false);
}

static void socket_without_a_reader_raises_nothing(void)
{
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    write_to_nobody(ends[1], ends[0]);
}

static void pipe_without_a_reader_raises_nothing(void)
{
    int ends[2];
    must(pipe(ends));
    write_to_nobody(ends[1], ends[0]);
}

/* As on a kernel before RWF_NOSIGNAL, and before pwritev2. */
static void pipe_without_a_reader_raises_nothing_on_older_kernels(void)
{
    const int lacking[] = {EOPNOTSUPP, ENOSYS, EINVAL, EPERM};
    struct system_descriptor d;
    sigset_t mask;
    int ends[2];
    must(pipe(ends));
    signal(SIGPIPE, on_sigpipe);
    expect(system_adopt(&d, ends[1]), 0);
    system_fail(1, EOPNOTSUPP);
    expect(system_write(&d, "data", 4), 4);
    expect(read(ends[0], buffer, 64), 4);
    close(ends[0]);
    for (int i = 0; i < 4; i++) {
        system_fail(1, lacking[i]);
        expect(system_write(&d, "x", 1), -EPIPE);
        expect(raised, 0);
        expect(sigpipe_pending(), false);
        sigprocmask(SIG_SETMASK, NULL, &mask);
        expect(sigismember(&mask, SIGPIPE), 0);
    }
}

static void sigpipe_that_was_pending_before_stays_so(void)
{
    struct system_descriptor d;
    sigset_t mask;
    int ends[2];
    must(pipe(ends));
    signal(SIGPIPE, on_sigpipe);
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGPIPE);
    expect(system_adopt(&d, ends[1]), 0);
    close(ends[0]);
    system_fail(1, EOPNOTSUPP);
    expect(system_write(&d, "x", 1), -EPIPE);
    expect(sigpipe_pending(), true);
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    expect(raised, 1);
}

static void saying_something_to_nobody_raises_nothing(void)
{
    const int unsupported[] = {0, EOPNOTSUPP};
    int ends[2], saved = must(dup(2));
    must(pipe(ends));
    signal(SIGPIPE, on_sigpipe);
    must(dup2(ends[1], 2));
    system_say("heard\n", 6);
    close(ends[0]);
    for (int i = 0; i < 2; i++) {
        system_fail(unsupported[i] ? 1 : 0, unsupported[i]);
        errno = 5;
        system_say("unheard\n", 8);
        expect(errno, 5);
    }
    must(dup2(saved, 2));
    expect(raised, 0);
}

/* ---- Failures -------------------------------------------------------------------------------------- */

static void closed_descriptor_is_told(void)
{
    struct system_descriptor d;
    expect(system_adopt(&d, 999), -EBADF);
    expect(errno, EBADF);
    expect(system_adopt(&d, -1), -EBADF);
    expect(system_poll_now(999, POLLIN), -EBADF);
    expect(system_poll_now(-1, POLLIN), -EBADF);
}

static void regular_file_is_left_as_it_is(void)
{
    struct system_descriptor d;
    int fd = must(open("/proc/self/exe", O_RDONLY));
    expect(system_adopt(&d, fd), 0);
    expect(nonblocking(fd), false);
    expect(system_release(&d), fd);
}

static void interruption_ends_nothing(void)
{
    meet();
    arrives("12345", 5);
    system_fail(1, EINTR);
    expect(read_from(&connection), 5);
    expect(system_calls(), 2);
    system_fail(1, EINTR);
    expect(system_write(&connection, "12345", 5), 5);
    expect(system_calls(), 2);
    system_fail(1, EINTR);
    expect(system_poll_now(connection.fd, POLLOUT), POLLOUT);
    expect(system_calls(), 2);
    system_fail(1, EINTR);
    expect(system_accept(&accepting, &connection), -EAGAIN);
    expect(system_calls(), 2);
}

/* Whichever call of an adopt fails, with whatever: nothing is left, and the next adopt succeeds. */
static void failed_adopt_leaves_nothing(void)
{
    const int errors[] = {EINTR, EAGAIN, ENOMEM, EMFILE, ENOSYS, EPERM};
    int ends[2], fds[3], refused = 0, open;
    must(pipe(ends));
    fds[0] = listener(), fds[1] = ends[0], fds[2] = must(eventfd(0, 0));
    open = open_descriptors();
    for (int f = 0; f < 3; f++)
        for (int e = 0; e < 6; e++)
            for (uint64_t n = 1;; n++) {
                struct system_descriptor d;
                system_fail(n, errors[e]);
                int rc = system_adopt(&d, fds[f]);
                bool reached = system_calls() >= n;
                system_fail(0, 0);
                if (rc < 0) {
                    expect(rc, -errors[e]);
                    expect(nonblocking(fds[f]), false);
                    expect(open_descriptors(), open);
                    expect(system_adopt(&d, fds[f]), 0);
                    refused++;
                }
                expect(system_release(&d), fds[f]);
                expect(nonblocking(fds[f]), false);
                expect(open_descriptors(), open);
                if (!reached)
                    break;
            }
    expect(refused >= 3 * 6 * 2, true);
}

int main(void)
{
    static const struct each cases[] = {
        EACH(pipe_stays_blocking_for_others),
        EACH(named_pipe_stays_blocking_for_others),
        EACH(terminal_stays_blocking_for_others),
        EACH(connected_socket_stays_blocking_for_others),
        EACH(datagram_socket_without_a_peer_stays_blocking),
        EACH(writer_of_a_full_pipe_does_not_block),
        EACH(pipe_ends_once_both_of_our_descriptors_are_closed),
        EACH(pipe_of_packets_stays_one),
        EACH(master_of_a_terminal_is_not_another_one),
        EACH(listener_is_put_back),
        EACH(unconnected_socket_is_put_back),
        EACH(whatever_is_neither_socket_pipe_nor_terminal_is_put_back),
        EACH(pipe_that_cannot_be_opened_again_is_put_back),
        EACH(flag_that_the_host_had_set_stays_set),
        EACH(last_adopted_duplicate_of_a_listener_puts_back),
        EACH(last_adopted_duplicate_of_an_eventfd_puts_back),
        EACH(exit_puts_back),
        EACH(exit_of_a_forked_child_puts_nothing_back),
        EACH(end_is_zero_and_not_drained),
        EACH(short_read_of_tcp_leaves_nothing),
        EACH(full_read_of_tcp_learns_what_it_left),
        EACH(full_read_before_the_end_is_not_drained),
        EACH(option_of_a_connection_is_put_back),
        EACH(option_of_an_adopted_socket_is_left_alone),
        EACH(socket_without_a_reader_raises_nothing),
        EACH(pipe_without_a_reader_raises_nothing),
        EACH(pipe_without_a_reader_raises_nothing_on_older_kernels),
        EACH(sigpipe_that_was_pending_before_stays_so),
        EACH(saying_something_to_nobody_raises_nothing),
        EACH(closed_descriptor_is_told),
        EACH(regular_file_is_left_as_it_is),
        EACH(interruption_ends_nothing),
        EACH(failed_adopt_leaves_nothing),
    };
    return run_each(cases, sizeof cases / sizeof cases[0]);
}
