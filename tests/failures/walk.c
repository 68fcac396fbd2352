/* walk.c - whichever system call or allocation fails, with whatever: the call says so by a
 * documented error, nothing is leaked, and the next calls work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A life goes through every kind of call that asks something of the system. It is lived once for
 * each n with the n-th such call failing, until none is left to fail, and after each of them once
 * in health. */
#include "../c/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "failures.h"

static bool healthy;   /* everything has to succeed */
static int refused;    /* calls that failed, ever */
static uint64_t now_n; /* what is made to fail, for messages */
static int now_error, now_half;

/* ok says whether a call succeeded. If not, and something was made to fail, its code is one of those documented for it. */
static bool ok_at(int line, const char *call, int64_t got, const int *documented)
{
    if (got >= 0)
        return true;
    for (; !healthy && *documented; documented++)
        if (*documented == got) {
            refused++;
            return false;
        }
    fail_at(__FILE__, line, "%s gave %s (%s); half %d, call %llu fails with errno %d%s", call, cothread_strerror((int)got),
            cothread_last_error(), now_half, (unsigned long long)now_n, now_error, healthy ? ", before this" : "");
    return false;
}
#define ok(call, ...) ok_at(__LINE__, #call, (int64_t)(call), (const int[]){__VA_ARGS__, 0})

#define NO_SPACE COTHREAD_ENOMEM, COTHREAD_ELIMIT

/* EINTR and EAGAIN are reasons to try again, and of an accept ECONNABORTED: an operation on a connection survives them, whichever
 * of its calls they come from. What it allocates may still not be had. */
static bool only_hint(int another)
{
    return now_half == TASK_HALF && (now_error == EINTR || now_error == EAGAIN || now_error == another);
}
static bool not_served; /* the other end had no memory */
#define survives(call, ...) (only_hint(0) && !not_served ? ok(call, COTHREAD_ENOMEM) : ok(call, __VA_ARGS__))

static int open_descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 1024; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static void *returns(void *unused)
{
    return unused;
}

static void *writes(void *fd)
{
    if (write((int)(intptr_t)fd, "x", 1) < 0)
        fail_at(__FILE__, __LINE__, "no room");
    return NULL;
}

static void tasks(void)
{
    cothread_task_options large = {.size = sizeof large, .stack_size = 1 << 20, .name = "large"};
    cothread_handle task = cothread_spawn(returns, NULL, &large);
    if (ok(task, NO_SPACE))
        ok(cothread_join(task, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    cothread_handle channel = cothread_channel_create(8, 4, 0);
    if (ok(channel, NO_SPACE))
        ok(cothread_close(channel), COTHREAD_EINVAL);
    if (ok(channel = cothread_channel_create(8, 4, COTHREAD_FROM_THREADS), NO_SPACE))
        ok(cothread_close(channel), COTHREAD_EINVAL);
    cothread_handle group = cothread_group_create(0);
    if (!ok(group, NO_SPACE))
        return;
    for (int i = 0; i < 20; i++)
        if (ok(task = cothread_spawn(returns, NULL, NULL), NO_SPACE) && !ok(cothread_group_add(group, task), NO_SPACE))
            ok(cothread_detach(task), COTHREAD_EINVAL);
    ok(cothread_close(group), COTHREAD_EINVAL);
    ok(cothread_sleep(1000), COTHREAD_EINTR);
}

/* EPERM is how epoll says that a file is always ready: then adopting is EINVAL, and a wait ends at once. */
#define NOT_WATCHED NO_SPACE, COTHREAD_ESYSTEM, COTHREAD_EINVAL, COTHREAD_EBADF, COTHREAD_EEXIST

static void waits_by_number(int fds[2])
{
    char byte;
    cothread_handle writer = cothread_spawn(writes, (void *)(intptr_t)fds[1], NULL);
    if (!ok(writer, NO_SPACE))
        return;
    ok(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), NOT_WATCHED);
    ok(cothread_join(writer, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    if (read(fds[0], &byte, 1) != 1)
        fail_at(__FILE__, __LINE__, "nothing was written");
}

static void adopts(int fds[2])
{
    char byte;
    cothread_handle reader = cothread_adopt(fds[0], 0), writer = 0;
    if (!ok(reader, NOT_WATCHED))
        return;
    if (ok(writer = cothread_adopt(fds[1], 0), NOT_WATCHED)) {
        cothread_handle task = cothread_spawn(writes, (void *)(intptr_t)fds[1], NULL);
        if (ok(task, NO_SPACE)) {
            ok(cothread_wait_ready(reader, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
            ok(cothread_join(task, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
            while (!ok(cothread_read(reader, &byte, 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM))
                ;
        }
        if (ok(cothread_write(writer, "x", 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM))
            while (!ok(cothread_read(reader, &byte, 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM))
                ;
        expect(cothread_release(writer), fds[1]);
    }
    expect(cothread_release(reader), fds[0]);
}

static int in_time(int rc)
{
    return rc == COTHREAD_ETIMEDOUT ? 0 : rc;
}

/* Of everything that needs a block, cells, room for looks and a poll; one that fails took nothing. */
static void waits_for_things(int fds[2])
{
    char byte, memory[3][100] = {{0}};
    cothread_handle event = cothread_event_create(0), timer = cothread_timer_create(0), writer;
    cothread_handle channel = cothread_channel_create(100, 0, 0), adopted = cothread_adopt(fds[1], 0);
    if (ok(event, NO_SPACE) && ok(timer, NO_SPACE) && ok(channel, NO_SPACE) && ok(adopted, NOT_WATCHED)) {
        cothread_item items[] = {{.kind = COTHREAD_ITEM_EVENT, .object = event},
                                 {.kind = COTHREAD_ITEM_TIMER, .object = timer},
                                 {.kind = COTHREAD_ITEM_RECEIVE, .object = channel, .element = memory[0]},
                                 {.kind = COTHREAD_ITEM_SEND, .object = channel, .element = memory[1]},
                                 {.kind = COTHREAD_ITEM_READY, .object = adopted, .want = COTHREAD_PRIORITY},
                                 {.kind = COTHREAD_ITEM_FD, .object = fds[0], .want = COTHREAD_READABLE}};
        ok(in_time(cothread_wait(items, sizeof *items, 6, cothread_after(1000), 0)), COTHREAD_EINTR, NOT_WATCHED);
        ok(cothread_event_signal(event, NULL), COTHREAD_EINVAL);
        ok(cothread_timer_set(timer, COTHREAD_NOW, 0), COTHREAD_EINVAL);
        while (!ok(cothread_wait(items, sizeof *items, 6, COTHREAD_FOREVER, COTHREAD_ALL), COTHREAD_EINTR, NOT_WATCHED))
            expect(items[0].fired + items[1].fired, 0);
        expect(items[0].fired && items[0].result == 0, 1);
        expect(items[1].fired && items[1].result == 1, 1);
        if (ok(writer = cothread_spawn(writes, (void *)(intptr_t)fds[1], NULL), NO_SPACE)) {
            ok(cothread_wait(items, sizeof *items, 6, COTHREAD_FOREVER, 0), COTHREAD_EINTR, NOT_WATCHED);
            ok(cothread_join(writer, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
            if (read(fds[0], &byte, 1) != 1)
                fail_at(__FILE__, __LINE__, "nothing was written");
        }
    }
    if (adopted > 0)
        expect(cothread_release(adopted), fds[1]);
    if (event > 0)
        expect(cothread_close(event), 0);
    if (timer > 0)
        expect(cothread_close(timer), 0);
    if (channel > 0)
        expect(cothread_close(channel), 0);
}

/* A host task asks for the same; whatever fails is its entry. */
static void host_waits_for_things(void)
{
    char memory[2][100] = {{0}};
    cothread_ring *ring = cothread_host_ring();
    cothread_handle task = cothread_host_create(1, NULL, 0), channel = cothread_channel_create(100, 0, 0);
    if (ok(task, NO_SPACE) && ok(channel, NO_SPACE)) {
        cothread_item items[] = {{.kind = COTHREAD_ITEM_RECEIVE, .object = channel, .element = memory[0]},
                                 {.kind = COTHREAD_ITEM_SEND, .object = channel, .element = memory[1]}};
        ring->requests[ring->request_count++] = (cothread_request){.task = task,
                                                                   .operation = COTHREAD_WAIT_ITEMS,
                                                                   .fd = 2,
                                                                   .deadline = COTHREAD_NOW,
                                                                   .object = sizeof *items,
                                                                   .value = (int64_t)(intptr_t)items};
        int count;
        while (!ok(count = cothread_poll_scheduler(cothread_after(60 * COTHREAD_SECOND)), COTHREAD_EINTR, NO_SPACE) || count == 0)
            ;
        expect(count, 1);
        ok(in_time(ring->ready[0].reason), NO_SPACE);
    }
    if (task > 0) {
        ring->requests[ring->request_count++] = (cothread_request){.task = task, .operation = COTHREAD_FINISH, .fd = -1};
        while (!ok(cothread_submit(), COTHREAD_EINTR, NO_SPACE))
            ;
    }
    if (channel > 0)
        expect(cothread_close(channel), 0);
}

/* A host connects by number, name and path, and gives one up. */
static void host_connects(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    char port[16];
    if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4) ||
        getsockname(listening, (struct sockaddr *)&address, &length))
        fail_at(__FILE__, __LINE__, "no listener: errno %d", errno);
    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    cothread_ring *ring = cothread_host_ring();
    cothread_handle task = cothread_host_create(2, NULL, 0);
    cothread_request request = {.task = task, .operation = COTHREAD_CONNECT, .value = (int64_t)(intptr_t)port};
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.1", "localhost"};
    for (int i = 0; i < 4 && ok(task, NO_SPACE); i++) {
        request.object = (int64_t)(intptr_t)hosts[i % 3];
        request.deadline = i == 0 ? COTHREAD_NOW : COTHREAD_FOREVER;
        ring->requests[ring->request_count++] = request;
        if (i == 3)
            break;
        int count;
        while (!ok(count = cothread_poll_scheduler(cothread_after(60 * COTHREAD_SECOND)), COTHREAD_EINTR, NO_SPACE) || count == 0)
            ;
        expect(count, 1);
        if (ok(ring->ready[0].reason, COTHREAD_ETIMEDOUT, NOT_WATCHED, COTHREAD_ENAME))
            expect(cothread_close(ring->ready[0].value), 0);
    }
    if (task > 0) {
        while (!ok(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EINTR, NO_SPACE)) /* it may be there, or be looked up */
            ;
        ring->requests[ring->request_count++] = (cothread_request){.task = task, .operation = COTHREAD_FINISH, .fd = -1};
        while (!ok(cothread_submit(), COTHREAD_EINTR, NO_SPACE))
            ;
        if (ring->ready_count && ring->ready[0].reason == 0)
            expect(cothread_close(ring->ready[0].value), 0);
    }
    close(listening);
}

static void accepts(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4) ||
        getsockname(listening, (struct sockaddr *)&address, &length) || connect(client, (struct sockaddr *)&address, length))
        fail_at(__FILE__, __LINE__, "no connection: errno %d", errno);
    cothread_handle listener = cothread_adopt(listening, 0);
    if (!ok(listener, NOT_WATCHED)) {
        close(listening);
    } else {
        cothread_handle connection = cothread_accept(listener, COTHREAD_FOREVER);
        if (ok(connection, NOT_WATCHED))
            expect(cothread_close(connection), 0);
        expect(cothread_close(listener), 0);
    }
    close(client);
}

/* One end of a connection is used, in every way, and closed; the other is told by the end. `line` is what may come. */
static void *serves(void *listener)
{
    char text[64];
    cothread_handle connection;
    while ((connection = cothread_connection_accept(*(cothread_handle *)listener, COTHREAD_FOREVER)) < 0) {
        if (connection == COTHREAD_ECLOSED || connection == COTHREAD_EHANDLE || connection == COTHREAD_ECANCELED)
            return NULL;
        if (only_hint(ECONNABORTED))
            ok(connection, COTHREAD_ENOMEM);
        not_served = true;
    }
    int64_t n;
    do
        n = cothread_connection_read_until(connection, "\n", 1, text, sizeof text, COTHREAD_FOREVER);
    while (n > 0);
    if (n != COTHREAD_ECLOSED) /* the end */
        survives(n, COTHREAD_ENOMEM, COTHREAD_ESYSTEM);
    do
        n = cothread_connection_read(connection, text, sizeof text, COTHREAD_FOREVER);
    while (n > 0);
    survives(n, COTHREAD_ESYSTEM, COTHREAD_ESTATE);
    cothread_connection_close(connection, COTHREAD_NOW);
    return NULL;
}

static int file;

static void uses(cothread_handle connection, bool local)
{
    cothread_span spans[] = {{"two ", 4}, {"pieces\n", 7}};
    cothread_message message = {.size = sizeof message, .data = "with it\n", .length = 8, .descriptors = &file, .descriptor_count = local};
    cothread_address address;
    size_t written = 99;
    if (!survives(cothread_connection_write(connection, "line\n", 5, &written, COTHREAD_FOREVER), COTHREAD_ESYSTEM, COTHREAD_ESTATE))
        expect(written, 0);
    survives(cothread_connection_writev(connection, spans, 2, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM, COTHREAD_ESTATE);
    survives(cothread_connection_sendfile(connection, file, 0, 4, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM, COTHREAD_ESTATE, COTHREAD_EBADF);
    survives(cothread_connection_send(connection, &message, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM, COTHREAD_ESTATE);
    ok(cothread_connection_address(connection, COTHREAD_PEER, &address), COTHREAD_ESYSTEM);
    ok(cothread_connection_unacknowledged(connection), COTHREAD_ESYSTEM);
    ok(cothread_connection_finish(connection, COTHREAD_FOREVER), COTHREAD_ESYSTEM, COTHREAD_ESTATE);
    survives(cothread_connection_close(connection, COTHREAD_FOREVER), COTHREAD_EINVAL);
}

#define NOT_CONNECTED NOT_WATCHED, COTHREAD_ENAME

static void connections(void)
{
    cothread_address address;
    char name[32];
    snprintf(name, sizeof name, "@cothread-walk-%d", getpid());
    cothread_handle listeners[2] = {cothread_listen("127.0.0.1", "0", NULL), cothread_listen_unix(name, NULL)};
    for (int local = 0; local < 2; local++) {
        if (!ok(listeners[local], NOT_CONNECTED))
            continue;
        not_served = false;
        cothread_handle task = cothread_spawn(serves, &listeners[local], NULL);
        if (ok(task, NO_SPACE)) {
            cothread_handle connection = COTHREAD_ESYSTEM;
            if (local)
                connection = cothread_connect_unix(name, NULL, COTHREAD_FOREVER);
            else if (ok(cothread_connection_address(listeners[local], COTHREAD_LOCAL, &address), COTHREAD_ESYSTEM))
                connection = cothread_connect_addresses(&address, 1, NULL, COTHREAD_FOREVER);
            if (ok(connection, NOT_CONNECTED))
                uses(connection, local);
        }
        expect(cothread_close(listeners[local]), 0); /* if nobody came, it ends the task */
        if (task > 0)
            ok(cothread_join(task, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    }
    int fds[2];
    size_t buffered;
    char text[8];
    if (pipe(fds))
        fail_at(__FILE__, __LINE__, "no pipe");
    cothread_handle reader = cothread_connection_adopt(fds[0], "buffered", 8, NULL);
    if (ok(reader, NOT_WATCHED))
        expect(cothread_connection_release(reader, text, sizeof text, &buffered), fds[0]);
    close(fds[0]);
    close(fds[1]);
    cothread_connection_options datagrams = {.size = sizeof datagrams, .flags = COTHREAD_DATAGRAM};
    cothread_handle one = cothread_listen("127.0.0.1", "0", &datagrams);
    if (ok(one, NOT_CONNECTED)) {
        cothread_message message = {.size = sizeof message, .data = text, .length = 8, .address = &address};
        if (ok(cothread_connection_address(one, COTHREAD_LOCAL, &address), COTHREAD_ESYSTEM) &&
            ok(cothread_connection_send(one, &message, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM))
            while (!ok(cothread_connection_receive(one, &message, COTHREAD_FOREVER), COTHREAD_ESYSTEM))
                ;
        expect(cothread_close(one), 0);
    }
}

/* A task is still connecting when its scheduler ends: what it had allocated is found. */
static void *connects_shielded(void *address)
{
    expect(cothread_shield(1), 0);
    cothread_handle connection = cothread_connect_addresses(address, 1, NULL, COTHREAD_FOREVER);
    if (ok(connection, NOT_CONNECTED))
        expect(cothread_close(connection), 0);
    return NULL;
}

static void abandons(void)
{
    cothread_address address = {.family = AF_INET, .type = SOCK_STREAM, .length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)address.address;
    int fds[3] = {socket(AF_INET, SOCK_STREAM, 0)};
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fds[0], (struct sockaddr *)in, sizeof *in) || listen(fds[0], 0) || getsockname(fds[0], (struct sockaddr *)in, &address.length))
        fail_at(__FILE__, __LINE__, "no listener: errno %d", errno);
    for (int i = 1; i < 3; i++) { /* then it answers no more */
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)in, sizeof *in);
    }
    cothread_handle scheduler = cothread_create(NULL);
    if (ok(scheduler, NO_SPACE, COTHREAD_ESYSTEM)) {
        cothread_handle task = cothread_spawn(connects_shielded, &address, NULL);
        if (ok(task, NO_SPACE)) {
            ok(cothread_yield(), COTHREAD_EINTR);
            ok(cothread_detach(task), COTHREAD_EINVAL);
        }
        int left = cothread_destroy(scheduler, COTHREAD_NOW);
        expect(left == 1 || (!healthy && left == 0), true);
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static int calls;
static cothread_handle here;

static void is_called(void *event)
{
    calls++;
    cothread_event_signal(*(cothread_handle *)event, NULL);
}

static void *posts(void *event)
{
    int rc;
    while ((rc = cothread_post(here, is_called, event, COTHREAD_FOREVER)) == COTHREAD_EFULL)
        ;
    expect(rc, 0);
    return NULL;
}

static void callbacks(void)
{
    pthread_t thread;
    cothread_handle event = cothread_event_create(0);
    if (!ok(event, NO_SPACE))
        return;
    int wanted = calls + 8;
    pthread_create(&thread, NULL, posts, &event);
    for (int i = 1; i < 8; i++)
        while (cothread_post(here, is_called, &event, COTHREAD_NOW) == COTHREAD_EFULL)
            ok(cothread_yield(), COTHREAD_EINTR);
    cothread_handle mailbox = cothread_mailbox_create(is_called, 0, 0);
    if (ok(mailbox, NO_SPACE)) {
        while (cothread_mailbox_post(mailbox, &event, NULL) == COTHREAD_EFULL)
            ok(cothread_yield(), COTHREAD_EINTR);
        wanted++;
    }
    while (calls < wanted)
        ok(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_EINTR);
    if (mailbox > 0)
        expect(cothread_close(mailbox), 0);
    pthread_join(thread, NULL);
    expect(cothread_close(event), 0);
}

/* wait_item waits for what is there or is about to come. */
static void wait_item(uint32_t kind, cothread_handle object, void *element)
{
    cothread_item item = {.kind = kind, .object = object, .element = element};
    while (!ok(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), COTHREAD_EINTR, COTHREAD_ENOMEM))
        ;
    expect(item.result, 1);
}

static void signals_of(int number)
{
    cothread_handle first = cothread_signal_open(number, 0), second;
    if (!ok(first, NO_SPACE, COTHREAD_ESYSTEM))
        return;
    if (ok(second = cothread_signal_open(number, 0), NO_SPACE, COTHREAD_ESYSTEM)) {
        expect(kill(getpid(), number), 0);
        wait_item(COTHREAD_ITEM_SIGNAL, second, NULL);
        wait_item(COTHREAD_ITEM_SIGNAL, first, NULL);
        expect(cothread_close(second), 0);
    }
    expect(cothread_close(first), 0);
}

static void signals(void)
{
    sigset_t set;
    struct sigaction action;
    signals_of(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    expect(action.sa_handler == SIG_DFL, true);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signals_of(SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void clocks(void)
{
    cothread_handle timer = cothread_timer_create(COTHREAD_CLOCK_JUMPS);
    if (!ok(timer, NO_SPACE, COTHREAD_ESYSTEM))
        return;
    cothread_fail_clock(COTHREAD_SECOND, 0);
    wait_item(COTHREAD_ITEM_TIMER, timer, NULL);
    expect(cothread_close(timer), 0);
}

static void watches(void)
{
    char directory[] = "/tmp/cothread-test-XXXXXX", file[64];
    cothread_change change = {.size = sizeof change};
    if (!mkdtemp(directory))
        fail_at(__FILE__, __LINE__, "no directory");
    snprintf(file, sizeof file, "%s/a", directory);
    cothread_handle watch = cothread_watch_open(directory, COTHREAD_CHANGE_CREATED, 0);
    if (ok(watch, NO_SPACE, COTHREAD_ESYSTEM)) {
        close(open(file, O_CREAT | O_WRONLY, 0600));
        wait_item(COTHREAD_ITEM_FILE, watch, &change);
        expect(change.changes == COTHREAD_CHANGE_CREATED || (!healthy && change.changes == COTHREAD_CHANGE_LOST), true);
        expect(cothread_close(watch), 0);
        unlink(file);
    }
    rmdir(directory);
}

static int64_t twice(const int64_t *number)
{
    return 2 * *number;
}

#define NOT_OPENED NO_SPACE, COTHREAD_ESYSTEM

static void jobs(void)
{
    int64_t number = 21;
    cothread_argument argument = {COTHREAD_TYPE_IN, sizeof number, {.pointer = &number}};
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)twice, .arguments = &argument, .count = 1,
                        .type = COTHREAD_TYPE_LONG};
    cothread_pool_options options = {.size = sizeof options, .threads = 2, .bound = 4};
    cothread_handle pool = cothread_pool_create(&options);
    if (ok(pool, NO_SPACE)) {
        if (ok(cothread_offload(pool, &job, COTHREAD_FOREVER), NO_SPACE))
            expect(job.result.integer, 42);
        cothread_handle started = cothread_job_start(pool, &job, COTHREAD_NOW);
        if (ok(started, NO_SPACE)) {
            cothread_item item = {.kind = COTHREAD_ITEM_JOB, .object = started};
            while (!ok(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), NO_SPACE))
                ;
            expect(item.value, 42);
            expect(cothread_close(started), 0);
        }
        expect(cothread_close(pool), 0);
    }
}

static void files(void)
{
    char path[64], read[4] = "";
    cothread_address address;
    cothread_file_status status;
    /* In memory, if that can be: thousands of lives sync their file. */
    snprintf(path, sizeof path, "%s/cothread-walk-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    int fd = cothread_file_open(path, O_RDWR | O_CREAT, 0600, COTHREAD_FOREVER);
    if (ok(fd, NOT_OPENED)) {
        if (ok(cothread_file_write(fd, "abc", 3, 0, COTHREAD_FOREVER), NOT_OPENED) &&
            ok(cothread_file_read(fd, read, 3, 0, COTHREAD_FOREVER), NOT_OPENED))
            expect(memcmp(read, "abc", 3), 0);
        ok(cothread_file_sync(fd, COTHREAD_FOREVER), NOT_OPENED);
        ok(cothread_file_stat(path, &status, COTHREAD_FOREVER), NOT_OPENED);
        close(fd);
        unlink(path);
    }
    ok(cothread_resolve("127.0.0.1", "7", NULL, &address, 1, COTHREAD_FOREVER), NOT_OPENED);
}

/* Threads of pools may be about to give back the last of what they had: a leak is waited for in vain. held_again returns
 * less if they had some when the first life was over. */
static int64_t held_again(int64_t held)
{
    int64_t now;
    while ((now = cothread_fail_held()) > held)
        usleep(100);
    return now;
}

static void descriptors_again(int open)
{
    while (open_descriptors() != open)
        usleep(100);
}

/* The loop of a host that polls lists, or the descriptor. */
static void host(uint32_t flags, int fds[2])
{
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED | flags};
    cothread_handle scheduler = cothread_create(&options);
    if (!ok(scheduler, NO_SPACE, COTHREAD_ESYSTEM))
        return;
    if (flags == 0)
        ok(cothread_poll_fd(), NO_SPACE, COTHREAD_ESYSTEM, COTHREAD_EINVAL, COTHREAD_EEXIST);
    host_waits_for_things();
    host_connects();
    cothread_handle reader = cothread_adopt(fds[0], 0);
    ok(reader, NOT_WATCHED);
    cothread_handle task = cothread_spawn(returns, NULL, NULL);
    ok(task, NO_SPACE);
    ok(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EINTR);
    if (reader > 0)
        expect(cothread_release(reader), fds[0]);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
}

/* One that is started and waited for, one that is closed while it runs, one that is only watched. */
static void processes(void)
{
    const char *const ends[] = {"true", NULL}, *const stays[] = {"sleep", "600", NULL};
    const cothread_process_descriptor pairs[] = {{0, 1}, {1, 0}, {2, 2}};
    const cothread_process_limit limits[] = {{RLIMIT_CORE, 0, 0, 0}};
    cothread_process_options options = {.size = sizeof options, .flags = COTHREAD_NEW_GROUP, .arguments = ends, .directory = "/",
                                        .descriptors = pairs, .descriptor_count = 3, .limits = limits, .limit_count = 1};
    cothread_handle process = cothread_process_start(&options);
    cothread_item item = {.kind = COTHREAD_ITEM_PROCESS, .object = process};
    if (ok(process, NO_SPACE, COTHREAD_ESYSTEM, COTHREAD_EBADF)) {
        while (!ok(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), COTHREAD_ENOMEM, COTHREAD_EINTR) ||
               !ok(item.result, COTHREAD_ESYSTEM)) /* its status was not to be had: ask again */
            ;
        expect(item.result, 0);
        expect(cothread_close(process), 0);
    }
    options.arguments = stays;
    if (!ok(process = cothread_process_start(&options), NO_SPACE, COTHREAD_ESYSTEM, COTHREAD_EBADF))
        return;
    int pid = cothread_process_pid(process);
    cothread_handle watched = cothread_process_open(pid);
    if (ok(watched, NO_SPACE, COTHREAD_ESYSTEM))
        expect(cothread_close(watched), 0);
    int open = open_descriptors();
    while (!ok(cothread_process_signal(process, SIGKILL, COTHREAD_TO_GROUP), COTHREAD_ESYSTEM))
        ;
    expect(cothread_close(process), 0);
    for (int64_t end = cothread_after(60 * COTHREAD_SECOND); open_descriptors() == open && cothread_now() < end;)
        ok(cothread_sleep(COTHREAD_MILLISECOND), COTHREAD_EINTR);
    while (waitpid(-1, NULL, WNOHANG) > 0) /* a system that refuses the status keeps the zombie */
        expect(healthy, false);
}

static bool network; /* what is made to fail is an error of connections: nothing else is tried */

static void live(void)
{
    cothread_options options = {.size = sizeof options, .callback_bound = 4};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        fail_at(__FILE__, __LINE__, "no sockets");
    here = cothread_create(&options);
    if (ok(here, NO_SPACE, COTHREAD_ESYSTEM)) {
        int pipe_fds[2];
        if (pipe(pipe_fds))
            fail_at(__FILE__, __LINE__, "no pipe");
        connections();
        if (!network) {
            tasks();
            waits_by_number(fds);
            adopts(fds);
            adopts(pipe_fds);
            waits_for_things(fds);
            accepts();
            callbacks();
            signals();
            watches();
            processes();
            jobs();
            files();
            clocks();
        }
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        expect(cothread_destroy(here, COTHREAD_FOREVER), 0);
    }
    abandons();
    if (!network) {
        host(0, fds);
        host(COTHREAD_HOST_POLLS, fds);
    }
    close(fds[0]);
    close(fds[1]);
}

/* walk [PART]: only every other error, beginning with the first (0) or the second (1), so that two can walk side by side. */
int main(int argc, char **argv)
{
    int part = argc > 1 ? atoi(argv[1]) : -1;
    static const int errors[] = {EINTR, EAGAIN, ENOMEM, EMFILE, ENOSYS, EPERM, /* network: */ ECONNRESET, EPIPE, EINPROGRESS, ECONNABORTED};
    int lives = 0;
    signal(SIGPIPE, SIG_IGN);
    healthy = true;
    file = memfd_create("file", 0);
    if (write(file, "text", 4) != 4)
        fail_at(__FILE__, __LINE__, "no file");
    live();
    int open = open_descriptors();
    int64_t held = cothread_fail_held();
    for (now_half = TASK_HALF; now_half <= TICK_HALF; now_half++) {
        uint64_t most = 0;
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            bool reached = part < 0 || (int)(e % 2) == part;
            now_error = errors[e];
            network = e >= 6;
            for (now_n = 1; reached; now_n++, lives++) {
                healthy = false;
                cothread_fail((enum half)now_half, now_n, now_error);
                live();
                reached = cothread_fail_calls((enum half)now_half) >= now_n;
                cothread_fail((enum half)now_half, 0, 0);
                descriptors_again(open);
                healthy = true;
                live();
                descriptors_again(open);
                held = held_again(held);
            }
            most = now_n > most ? now_n : most;
        }
        if (most > 0)
            printf("%s half: up to %llu calls in a life\n", now_half == TASK_HALF ? "task" : "tick", (unsigned long long)most - 2);
    }
    printf("%d lives with a failure, %d calls refused\n", lives, refused);
    expect(refused > 0, true);
    return 0;
}
