/* A program as it was built against this header: it uses every function and every struct, and looks at what they answer.
 * SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include <cothread.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void expect_at(int line, const char *call, long long got, long long wanted) {
    if (got != wanted) {
        fprintf(stderr, "line %d: %s gave %lld, expected %lld: %s\n", line, call, got, wanted, cothread_last_error());
        exit(1);
    }
}
#define expect(call, wanted) expect_at(__LINE__, #call, (long long)(call), (long long)(wanted))

static cothread_handle handle_at(int line, const char *call, cothread_handle got) {
    expect_at(line, call, got > 0, 1);
    return got;
}
#define handle(call) handle_at(__LINE__, #call, call)

static cothread_handle scheduler, event, channel, mutex, semaphore, group, mailbox;
static int64_t called, newest;

static void *doubles(void *argument) {
    return (char *)argument + (size_t)argument;
}

static void *waits(void *wanted) {
    expect(cothread_wait_until(COTHREAD_FOREVER), (intptr_t)wanted);
    return NULL;
}

static void *cleans_up(void *unused) {
    expect(cothread_yield(), COTHREAD_ECANCELED);
    expect(cothread_shield(1), 0);
    expect(cothread_sleep(0), 0);
    expect(cothread_shield(0), 1);
    return unused;
}

static void callback(void *argument) {
    called += *(int64_t *)argument;
}

static void on_newest(void *value) {
    newest = *(int64_t *)value;
}

/* ---- A scheduler of the program's own ------------------------------------------------------------ */

static void *no_exceptions(void) {
    static long list[2];
    return list;
}

static void tasks(void) {
    cothread_task_options named = {sizeof named, 0, 0, 0, "waiter"};
    char name[32];
    cothread_exceptions exceptions = no_exceptions;
    cothread_task_options options = {sizeof options, 0, 0, 0, NULL};
    cothread_handle task;
    void *result;
    options.name = "doubles";
    options.stack_size = 65536;
    task = handle(cothread_spawn(doubles, (void *)21, &options));
    expect(cothread_join(task, &result, COTHREAD_FOREVER), 0);
    expect((intptr_t)result, 42);
    expect(cothread_register_exceptions(exceptions), 0);
    options.flags = COTHREAD_DETACHED;
    handle(cothread_spawn(doubles, NULL, &options));
    task = handle(cothread_spawn(waits, (void *)0, &named));
    expect(cothread_task_name(task, name, sizeof name), 6);
    expect(strcmp(name, "waiter"), 0);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(task), 1);
    expect(cothread_detach(task), 0);
    task = handle(cothread_spawn(cleans_up, NULL, NULL));
    expect(cothread_cancel(task), 0);
    expect(cothread_join(task, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_self() > 0, 1);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MICROSECOND)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
}

static void objects(void) {
    int64_t element = 7, got = 0;
    void *value;
    event = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    expect(cothread_event_signal(event, &element), 0);
    expect(cothread_event_wait(event, &value, COTHREAD_NOW), 0);
    expect(value == &element, 1);
    expect(cothread_event_reset(event), 1);
    channel = handle(cothread_channel_create(sizeof element, 1, 0));
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    expect(cothread_channel_done(channel), 0);
    expect(cothread_channel_receive(channel, &got, COTHREAD_NOW), 0);
    expect(got, 7);
    mutex = handle(cothread_mutex_create(0));
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    semaphore = handle(cothread_semaphore_create(0, 0));
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
    group = handle(cothread_group_create(0));
    expect(cothread_group_add(group, handle(cothread_spawn(waits, (void *)COTHREAD_ECANCELED, NULL))), 0);
    expect(cothread_group_cancel(group), 1);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    expect(cothread_close(event), 0);
    expect(cothread_close(channel), 0);
    expect(cothread_close(mutex), 0);
    expect(cothread_close(semaphore), 0);
    expect(cothread_close(group), 0);
}

static void descriptors(void) {
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    cothread_handle listener, adopted, accepted;
    char byte;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    expect(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0); /* the system chooses a name */
    expect(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    expect(listen(fd, 1), 0);
    expect(connect(peer, (struct sockaddr *)&address, size), 0);
    listener = handle(cothread_adopt(fd, 0));
    accepted = handle(cothread_accept(listener, COTHREAD_FOREVER));
    expect(cothread_wait_fd(peer, COTHREAD_WRITABLE, COTHREAD_FOREVER), COTHREAD_WRITABLE);
    expect(cothread_wake_fd(peer), 0);
    adopted = handle(cothread_adopt(peer, 0));
    expect(cothread_descriptor(adopted), peer);
    expect(cothread_write(adopted, "!", 1, COTHREAD_FOREVER), 1);
    expect(cothread_wait_ready(accepted, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_read(accepted, &byte, 1, COTHREAD_FOREVER), 1);
    expect(byte, '!');
    expect(cothread_release(adopted), peer);
    close(peer);
    expect(cothread_close(accepted), 0);
    expect(cothread_close(listener), 0);
}

static void *stranger(void *unused) {
    static int64_t one = 1, two = 2;
    void *replaced = NULL;
    expect(cothread_post(scheduler, callback, &one, COTHREAD_FOREVER), 0);
    expect(cothread_mailbox_post(mailbox, &one, NULL), 0);
    expect(cothread_mailbox_post(mailbox, &two, &replaced), 1);
    expect(replaced == &one, 1);
    expect(cothread_interrupt(scheduler), 0);
    return unused;
}

static void other_threads(void) {
    pthread_t thread;
    mailbox = handle(cothread_mailbox_create(on_newest, 0, 0));
    expect(pthread_create(&thread, NULL, stranger, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_EINTR);
    while (!called || !newest)
        expect(cothread_yield(), 0);
    expect(called, 1);
    expect(newest, 2);
    expect(cothread_close(mailbox), 0);
}

/* ---- A scheduler in a loop of the program's ------------------------------------------------------ */

static void host_tasks(void) {
    cothread_options options = {sizeof options, COTHREAD_HOSTED, 0, 0, 0, 0};
    cothread_request request = {0, COTHREAD_WAIT, -1, COTHREAD_NOW, 0, 0};
    cothread_ready ready;
    cothread_ring *ring;
    int64_t deadline;
    char *requests;
    scheduler = handle(cothread_create(&options));
    ring = cothread_host_ring();
    expect(ring != NULL && ring->size >= sizeof *ring, 1);
    expect(ring->request_size >= sizeof request && ring->ready_size >= sizeof ready, 1);
    requests = (char *)ring->requests;
    memset(requests, 0, 2 * ring->request_size); /* entries may be larger than ours */
    request.task = handle(cothread_host_create(42, "host task", 0));
    memcpy(requests, &request, sizeof request);
    ring->request_count = 1;
    expect(cothread_poll_fd() >= 0, 1);
    expect(cothread_post(scheduler, NULL, (void *)43, COTHREAD_NOW), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 2);
    memcpy(&ready, ring->ready, sizeof ready);
    expect(ready.token, 43);
    expect(ready.reason, COTHREAD_POSTED);
    memcpy(&ready, (char *)ring->ready + ring->ready_size, sizeof ready);
    expect(ready.token, 42);
    expect(ready.reason, COTHREAD_ETIMEDOUT);
    request.operation = COTHREAD_FINISH;
    memcpy(requests, &request, sizeof request);
    ring->request_count = 1;
    expect(cothread_submit(), 1);
    expect(cothread_next_deadline(&deadline), 0);
    expect(deadline, COTHREAD_FOREVER);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
}

static void host_that_polls(void) {
    cothread_options options = {sizeof options, COTHREAD_HOSTED | COTHREAD_HOST_POLLS, 0, 0, 0, 0};
    cothread_pollfd list[1];
    scheduler = handle(cothread_create(&options));
    expect(cothread_poll_list(list, 1), 1);
    expect(list[0].fd >= 0, 1);
    list[0].revents = 0;
    expect(cothread_poll_deliver(list, 1), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
}

int main(void) {
    cothread_options options = {sizeof options, 0, 32768, 16, 8, 1000};
    cothread_stats stats;
    int64_t before = cothread_now();
    expect(cothread_abi(), COTHREAD_ABI);
    expect(cothread_version() != NULL, 1);
    expect(strncmp(cothread_strerror(COTHREAD_EFULL), "COTHREAD_EFULL", 14), 0);
    expect(cothread_after(0) >= before, 1);
    expect(cothread_current(), COTHREAD_ENOSCHEDULER);
    scheduler = handle(cothread_create(&options));
    expect(cothread_current(), scheduler);
    tasks();
    objects();
    descriptors();
    other_threads();
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    expect(cothread_statistics(scheduler, &stats), 0);
    expect(stats.tasks_spawned >= 5, 1);
    expect(stats.callback_bound, 16);
    expect(stats.mailboxes, 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    host_tasks();
    host_that_polls();
    return 0;
}
