/* No descriptor is left: every call that needs one says so, takes nothing and leaves nothing; what needs none goes on; and when
 * there are descriptors again, everything works.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include "process.h"

#include <sys/resource.h>

static const char *const words[] = {"true", NULL};
static const cothread_process_options program = {.size = sizeof program, .arguments = words};
static cothread_handle listener, local;
static cothread_address address, found;
static char name[64], in_file[8];
static int file, pipes[2], stream[2];

/* Each gives a handle or a descriptor, which `undo` gives back; 0: there is nothing to give back. */
static int64_t opens_signal(void) { return cothread_signal_open(SIGUSR1, 0); }
static int64_t opens_watch(void) { return cothread_watch_open("/", COTHREAD_CHANGE_CREATED, 0); }
static int64_t opens_clock(void) { return cothread_timer_create(COTHREAD_CLOCK_JUMPS); }
static int64_t opens_process(void) { return cothread_process_open(getppid()); }
static int64_t opens_thread(void) { return cothread_thread_open(gettid()); }
static int64_t starts(void) {
    cothread_handle process = cothread_process_start(&program);
    if (process > 0)
        ends(process, 0);
    return process;
}
static int64_t listens(void) { return cothread_listen("127.0.0.1", "0", NULL); }
static int64_t listens_here(void) {
    char other[80];
    snprintf(other, sizeof other, "%s-other", name);
    return cothread_listen_unix(other, NULL);
}
static int64_t connects(void) { return cothread_connect_addresses(&address, 1, NULL, COTHREAD_FOREVER); }
static int64_t connects_by_number(void) { return cothread_connect("127.0.0.1", "7", NULL, COTHREAD_FOREVER); }
static int64_t connects_here(void) { return cothread_connect_unix(name, NULL, COTHREAD_FOREVER); }
static int64_t accepts(void) { return cothread_connection_accept(listener, COTHREAD_FOREVER); }
static int64_t accepts_here(void) { return cothread_connection_accept(local, COTHREAD_FOREVER); }
static int64_t opens_file(void) { return cothread_file_open("/", O_RDONLY, 0, COTHREAD_FOREVER); }
static int64_t reads_file(void) { return cothread_file_read(file, in_file, sizeof in_file, 0, COTHREAD_FOREVER); }
static int64_t syncs_file(void) { return cothread_file_sync(file, COTHREAD_FOREVER); }

static int64_t looks_up(void) { return cothread_resolve("localhost", "7", NULL, &found, 1, COTHREAD_FOREVER); }
static int64_t looks_up_a_service(void) { return cothread_resolve("127.0.0.1", "http", NULL, &found, 1, COTHREAD_FOREVER); }
static int64_t connects_by_name(void) { return cothread_connect("localhost", "http", NULL, COTHREAD_FOREVER); }

enum { WHATEVER = 1 };
enum undo { CLOSE_HANDLE, CLOSE_DESCRIPTOR, NOTHING };
static const struct {
    const char *what;
    int64_t (*call)(void);
    enum undo undo;
    int afterwards; /* what it gives when there are descriptors; 0: something good */
} calls[] = {
    {"signal_open", opens_signal, CLOSE_HANDLE, 0},
    {"watch_open", opens_watch, CLOSE_HANDLE, 0},
    {"timer_create", opens_clock, CLOSE_HANDLE, 0},
    {"process_open", opens_process, CLOSE_HANDLE, 0},
    {"thread_open", opens_thread, CLOSE_HANDLE, 0},
    {"process_start", starts, CLOSE_HANDLE, 0},
    {"listen", listens, CLOSE_HANDLE, 0},
    {"listen_unix", listens_here, CLOSE_HANDLE, 0},
    {"connect_addresses", connects, CLOSE_HANDLE, 0},
    {"connect", connects_by_number, CLOSE_HANDLE, COTHREAD_ESYSTEM}, /* nobody listens there */
    {"connect_unix", connects_here, CLOSE_HANDLE, 0},
    {"connection_accept", accepts, CLOSE_HANDLE, 0},
    {"connection_accept, locally", accepts_here, CLOSE_HANDLE, 0},
    {"file_open", opens_file, CLOSE_DESCRIPTOR, 0},
    {"file_read", reads_file, NOTHING, 0},
    {"file_sync", syncs_file, NOTHING, 0},
    {"resolve", looks_up, NOTHING, 0},
    {"resolve, a service", looks_up_a_service, NOTHING, WHATEVER}, /* the system may know none */
    {"connect, by name", connects_by_name, CLOSE_HANDLE, WHATEVER},
};
enum { CALLS = sizeof calls / sizeof *calls };

static int taken[4096], count;

static void take_all(void) {
    while ((taken[count] = fcntl(0, F_DUPFD_CLOEXEC, 3)) >= 0)
        count++;
    expect(errno, EMFILE);
}

static void give_back(void) {
    while (count > 0)
        close(taken[--count]);
}

static void *yields(void *unused) {
    expect(cothread_yield(), 0);
    return unused;
}

/* What needs no descriptor. */
static void goes_on(void) {
    cothread_handle ends[2], reader, task;
    char byte;
    ends[0] = connection_of(stream[0]);
    ends[1] = connection_of(stream[1]);
    say(ends[0], "x");
    expect(cothread_connection_read(ends[1], &byte, 1, COTHREAD_FOREVER), 1);
    size_t none;
    expect(cothread_connection_release(ends[0], NULL, 0, &none), stream[0]);
    expect(cothread_connection_release(ends[1], NULL, 0, &none), stream[1]);
    reader = handle(cothread_adopt(pipes[0], 0)); /* if it cannot be reopened, the flag does */
    expect(fcntl(pipes[0], F_GETFL) & O_NONBLOCK, count ? O_NONBLOCK : 0);
    expect(cothread_read(reader, &byte, 1, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_release(reader), pipes[0]);
    expect(fcntl(pipes[0], F_GETFL) & O_NONBLOCK, 0);
    task = spawn(yields, NULL);
    join(task);
    expect(cothread_wait_fd(pipes[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
}

/* A descriptor that is passed on and finds no number is dropped by the system; its bytes arrive. */
static void passed_one_is_dropped(void) {
    cothread_handle ends[2];
    int32_t descriptor = 0, got[2] = {-1, -1};
    char byte = 'x';
    size_t none;
    cothread_message message = {.size = sizeof message, .data = &byte, .length = 1, .descriptors = &descriptor, .descriptor_count = 1};
    ends[0] = connection_of(stream[0]);
    ends[1] = connection_of(stream[1]);
    expect(cothread_connection_send(ends[0], &message, NULL, COTHREAD_FOREVER), 0);
    take_all();
    message.descriptors = got;
    message.descriptor_count = 2;
    expect(cothread_connection_receive(ends[1], &message, COTHREAD_FOREVER), 1);
    expect(message.descriptor_count, 0);
    expect(got[0], -1);
    give_back();
    expect(cothread_connection_release(ends[0], NULL, 0, &none), stream[0]);
    expect(cothread_connection_release(ends[1], NULL, 0, &none), stream[1]);
}

int main(void) {
    struct rlimit limit;
    cothread_handle scheduler = handle(cothread_create(NULL)), clients[2];
    int before;
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    snprintf(name, sizeof name, "@cothread-without-%d", getpid());
    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    local = handle(cothread_listen_unix(name, NULL));
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    expect(pipe2(pipes, O_CLOEXEC), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
    goes_on(); /* all that it opens once is open */
    for (int i = 0; i < 2; i++)
        clients[i] = handle(i ? connects_here() : connects()); /* they wait to be accepted */
    before = open_descriptors();
    for (int round = 0; round < 3; round++) {
        take_all();
        for (int i = 0; i < CALLS; i++) {
            int64_t got = calls[i].call();
            if (got != COTHREAD_ELIMIT)
                fail_at(__FILE__, __LINE__, "%s gave %lld: %s", calls[i].what, (long long)got, cothread_last_error());
        }
        goes_on();
        give_back();
        expect(open_descriptors(), before);
    }
    passed_one_is_dropped();
    for (int i = 0; i < CALLS; i++) {
        int64_t got = calls[i].call();
        if (calls[i].afterwards == WHATEVER)
            continue;
        if (calls[i].afterwards ? got != calls[i].afterwards : got < 0)
            fail_at(__FILE__, __LINE__, "%s gave %lld afterwards: %s", calls[i].what, (long long)got, cothread_last_error());
        if (got > 0 && calls[i].undo == CLOSE_HANDLE)
            expect(cothread_close(got), 0);
        else if (calls[i].undo == CLOSE_DESCRIPTOR)
            close((int)got);
    }
    expect(open_descriptors(), before);
    for (int i = 0; i < 2; i++)
        expect(cothread_close(clients[i]), 0);
    expect(cothread_close(listener), 0);
    expect(cothread_close(local), 0);
    expect(statistics(scheduler).connections, 0);
    expect(statistics(scheduler).processes, 0);
    no_child_is_left();
    return nothing_left();
}
