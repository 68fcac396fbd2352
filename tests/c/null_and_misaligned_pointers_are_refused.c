/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int64_t words[64];
#define crooked(type) ((type *)((char *)words + 1))

static void *task(void *argument) {
    return argument;
}

static void call(void) {
}

static void callback(void *argument) {
    (void)argument;
}

static void connections(int fd) {
    cothread_handle c = handle(cothread_connection_adopt(fd, NULL, 0, NULL));
    cothread_message message = {.size = sizeof message, .data = words, .length = 1, .descriptor_count = 1};
    cothread_span spans[2] = {{words, 1}, {NULL, 1}};
    size_t count;
    expect(cothread_connect(NULL, "1", NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect("::1", NULL, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect("::1", "1", crooked(cothread_connection_options), COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect_addresses(NULL, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect_addresses(crooked(cothread_address), 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect_unix(NULL, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_listen(NULL, NULL, NULL), COTHREAD_EINVAL);
    expect(cothread_listen_unix(NULL, NULL), COTHREAD_EINVAL);
    expect(cothread_connection_adopt(0, NULL, 1, NULL), COTHREAD_EINVAL);
    expect(cothread_connection_release(c, NULL, 1, &count), COTHREAD_EINVAL);
    expect(cothread_connection_release(c, words, 1, NULL), COTHREAD_EINVAL);
    expect(cothread_connection_release(c, words, 1, crooked(size_t)), COTHREAD_EINVAL);
    expect(cothread_connection_read(c, NULL, 1, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_read_exactly(c, NULL, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_read_exactly(c, words, 1, crooked(size_t), COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_read_until(c, NULL, 1, words, 8, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_read_until(c, "x", 1, NULL, 8, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_write(c, NULL, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_write(c, words, 1, crooked(size_t), COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_writev(c, NULL, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_writev(c, spans, 2, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_sendfile(c, 0, 0, 1, crooked(size_t), COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_send(c, NULL, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_send(c, &message, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_receive(c, &message, COTHREAD_NOW), COTHREAD_EINVAL);
    message.descriptor_count = 0;
    message.address = crooked(cothread_address);
    expect(cothread_connection_receive(c, &message, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_address(c, COTHREAD_PEER, NULL), COTHREAD_EINVAL);
    expect(cothread_address_text(NULL, (char *)words, 1), COTHREAD_EINVAL);
    expect(cothread_address_text((cothread_address *)words, NULL, 1), COTHREAD_EINVAL);
    expect(cothread_close(c), 0);
}

int main(void) {
    cothread_handle scheduler, event, channel, adopted, joined, mailbox, job;
    cothread_job started;
    int fds[2];
    expect(cothread_create(crooked(cothread_options)), COTHREAD_EINVAL);
    scheduler = handle(cothread_create(NULL));
    expect(cothread_spawn(NULL, NULL, NULL), COTHREAD_EINVAL);
    expect(cothread_spawn(task, NULL, crooked(cothread_task_options)), COTHREAD_EINVAL);

    joined = spawn(task, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_join(joined, crooked(void *), COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_task_name(joined, NULL, 8), COTHREAD_EINVAL);
    expect(cothread_task_name(joined, (char *)words, 0), COTHREAD_EINVAL);
    expect(cothread_task_name(joined, crooked(char), 8), 0); /* names are bytes */
    expect(cothread_join(joined, NULL, COTHREAD_FOREVER), 0); /* the refused call released nothing */

    event = handle(cothread_event_create(0));
    expect(cothread_event_signal(event, crooked(void)), 0); /* a value is never looked at */
    expect(cothread_event_wait(event, crooked(void *), COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), 0); /* and the signal was not consumed */

    channel = handle(cothread_channel_create(1, 1, 0));
    expect(cothread_channel_send(channel, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_channel_receive(channel, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_channel_send(channel, crooked(char), COTHREAD_NOW), 0); /* elements are bytes */

    expect(pipe(fds), 0);
    adopted = handle(cothread_adopt(fds[0], 0));
    expect(cothread_read(adopted, NULL, 1, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_read(adopted, words, 0, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_write(adopted, NULL, 1, COTHREAD_NOW), COTHREAD_EINVAL);

    expect(cothread_post(scheduler, NULL, NULL, COTHREAD_NOW), COTHREAD_EINVAL); /* only a host takes tokens */
    expect(cothread_mailbox_create(NULL, 0, 0), COTHREAD_EINVAL);
    mailbox = handle(cothread_mailbox_create(callback, 0, 0));
    expect(cothread_mailbox_post(mailbox, NULL, crooked(void *)), COTHREAD_EINVAL);

    expect(cothread_process_start(NULL), COTHREAD_EINVAL);
    expect(cothread_process_start(crooked(cothread_process_options)), COTHREAD_EINVAL);

    expect(cothread_statistics(scheduler, NULL), COTHREAD_EINVAL);
    expect(cothread_statistics(scheduler, crooked(cothread_stats)), COTHREAD_EINVAL);
    words[0] = 0; /* its size */
    expect(cothread_statistics(scheduler, (cothread_stats *)words), COTHREAD_EINVAL);

    expect(cothread_watch_open(NULL, COTHREAD_CHANGE_CREATED, 0), COTHREAD_EINVAL);
    expect(cothread_pool_create(crooked(cothread_pool_options)), COTHREAD_EINVAL);
    expect(cothread_pool_statistics(0, NULL), COTHREAD_EINVAL);
    expect(cothread_pool_statistics(0, crooked(cothread_pool_stats)), COTHREAD_EINVAL);
    expect(cothread_offload(0, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_offload(0, crooked(cothread_job), COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_offload(0, &(cothread_job){.size = sizeof(cothread_job)}, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_job_start(0, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    started = (cothread_job){.size = sizeof started, .function = (cothread_job_function)call, .count = 1};
    expect(cothread_job_start(0, &started, COTHREAD_NOW), COTHREAD_EINVAL);
    started.arguments = crooked(cothread_argument);
    expect(cothread_job_start(0, &started, COTHREAD_NOW), COTHREAD_EINVAL);
    started.count = 0;
    started.arguments = NULL;
    job = handle(cothread_job_start(0, &started, COTHREAD_NOW));
    expect(cothread_job_result(job, NULL), COTHREAD_EINVAL);
    while (cothread_job_result(job, &started) == COTHREAD_EBUSY)
        expect(cothread_yield(), 0);
    expect(cothread_close(job), 0);
    expect(cothread_resolve("127.0.0.1", NULL, NULL, crooked(cothread_address), 1, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve("127.0.0.1", NULL, crooked(cothread_hints), (cothread_address *)words, 1, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_open(NULL, 0, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_read(0, NULL, 1, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_write(0, NULL, 1, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_stat("/", NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_stat("/", crooked(cothread_file_status), COTHREAD_FOREVER), COTHREAD_EINVAL);

    expect(cothread_close(adopted), 0);
    connections(fds[1]);
    return nothing_left();
}
