/* libuv.c - libuv: callbacks, no tasks, so d and e measure its timers alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#define PEER "libuv"
#include "post_queue.h"
#include <uv.h>

static uv_loop_t *loop;

/* Timeouts are in ms and count from the loop's cached time: refresh it, or an instant is met early. */
static void start_timer(uv_timer_t *timer, uv_timer_cb callback, int64_t instant) {
    uv_timer_init(loop, timer);
    uv_update_time(loop);
    uv_timer_start(timer, callback, (uint64_t)((instant - wall_ns()) / NS_PER_MS), 0);
}

static void count_sleeper(uv_timer_t *timer) {
    (*(long *)timer->data)++;
}

static void take_cpu(uv_timer_t *timer) {
    *(int64_t *)timer->data = cpu_ns();
}

static void sleepers(long count) {
    int64_t resident_before = resident_bytes(), instant = sleepers_instant(count), cpu_before = 0;
    uv_timer_t *timers = malloc((size_t)count * sizeof *timers), margin;
    long woken = 0;
    for (long i = 0; i < count; i++) {
        timers[i].data = &woken;
        start_timer(&timers[i], count_sleeper, instant);
    }
    report_sleeper_memory(resident_before, count, instant, "B/timer");
    margin.data = &cpu_before;
    start_timer(&margin, take_cpu, instant - WAKE_MARGIN_NS);
    uv_run(loop, UV_RUN_DEFAULT);
    if (woken != count)
        give_up("a timer was lost");
    report("d_wake_cpu", (double)(cpu_ns() - cpu_before) / (double)count, "cpu-ns/timer");
}

struct repeated_timer {
    uv_timer_t timer;
    long left;
};

static void sleep_again(uv_timer_t *timer) {
    struct repeated_timer *repeated = (struct repeated_timer *)timer;
    if (--repeated->left > 0)
        uv_timer_start(timer, sleep_again, (uint64_t)short_sleep_ms(), 0);
}

static void timers(long unused) {
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    struct repeated_timer *all = calloc(TIMER_TASKS, sizeof *all);
    (void)unused;
    for (long i = 0; i < TIMER_TASKS; i++) {
        all[i].left = SLEEPS_PER_TASK;
        uv_timer_init(loop, &all[i].timer);
        uv_timer_start(&all[i].timer, sleep_again, (uint64_t)short_sleep_ms(), 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    report_timers(cpu_before, user_before, TIMER_TASKS * SLEEPS_PER_TASK);
}

struct periodic_timer {
    uv_timer_t timer;
    int64_t next;
    long left;
};

/* A timeout is a number of ms: a timer that is to keep 2 kHz takes the turns that are due together. */
static void take_turns(uv_timer_t *timer) {
    struct periodic_timer *periodic = (struct periodic_timer *)timer;
    while (periodic->left > 0 && periodic->next <= wall_ns()) {
        take_turn(periodic->next);
        periodic->next += TURN_NS;
        periodic->left--;
    }
    if (periodic->left > 0)
        uv_timer_start(timer, take_turns, 1, 0);
}

static void periodic(long unused) {
    int64_t first = first_turn();
    struct periodic_timer *all = calloc(PERIODIC_TASKS, sizeof *all);
    (void)unused;
    for (long i = 0; i < PERIODIC_TASKS; i++) {
        all[i].next = first;
        all[i].left = TURNS_PER_TASK;
        uv_timer_init(loop, &all[i].timer);
        uv_timer_start(&all[i].timer, take_turns, 1, 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    report_turns();
}

static uv_async_t wakeup;

static void post(posted_function function, void *argument) {
    post_queue_add(function, argument);
    uv_async_send(&wakeup);
}

static void run_posts(uv_async_t *unused) {
    (void)unused;
    post_queue_run();
}

static void finish(void *unused) {
    (void)unused;
    uv_stop(loop);
}

static void run_loop(void) {
    uv_run(loop, UV_RUN_DEFAULT);
}

static void posts_from_a_thread(long unused) {
    static const struct post_loop post_loop = {post, run_loop, finish};
    (void)unused;
    uv_async_init(loop, &wakeup, run_posts);
    measure_post_flood(&post_loop, "g_inject", "g_inject_cpu");
    measure_idle_posts(&post_loop);
}

struct connection {
    uv_tcp_t stream;
    char message[ECHO_BUFFER_SIZE];
};

static void offer_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    *buffer = uv_buf_init(((struct connection *)handle)->message, (unsigned)echo_account.buffer_size);
}

static void forget_connection(uv_handle_t *handle) {
    free(handle);
    echo_connection_gone();
}

static void free_write(uv_write_t *write, int status) {
    (void)status;
    free(write);
}

/* uv_try_write first: it is libuv's fast path, and what a careful user writes. */
static void echo_back(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
    if (size < 0) {
        uv_close((uv_handle_t *)stream, forget_connection);
        return;
    }
    if (size == 0)
        return;
    uv_buf_t answer = uv_buf_init(buffer->base, (unsigned)size);
    int written = uv_try_write(stream, &answer, 1);
    if (written < size) {
        unsigned done = written < 0 ? 0 : (unsigned)written;
        uv_buf_t rest = uv_buf_init(buffer->base + done, (unsigned)size - done);
        uv_write(malloc(sizeof(uv_write_t)), stream, &rest, 1, free_write);
    }
    echo_message();
}

static void accept_connection(uv_stream_t *listener, int status) {
    struct connection *connection = malloc(sizeof *connection);
    (void)status;
    uv_tcp_init(loop, &connection->stream);
    if (uv_accept(listener, (uv_stream_t *)&connection->stream) < 0)
        give_up("uv_accept failed");
    uv_tcp_nodelay(&connection->stream, 1);
    uv_read_start((uv_stream_t *)&connection->stream, offer_buffer, echo_back);
}

static void echo(long port) {
    struct sockaddr_in address = loopback(port);
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    if (uv_listen((uv_stream_t *)&listener, LISTEN_BACKLOG, accept_connection) < 0)
        give_up("uv_listen failed");
    uv_run(loop, UV_RUN_DEFAULT);
}

static void echo_full_reads(long port) {
    echo_account.buffer_size = MESSAGE_SIZE;
    echo(port);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {
        {"d", sleepers}, {"e", timers},   {"g", posts_from_a_thread},
        {"p", periodic}, {"echo", echo},   {"echo64", echo_full_reads},
        {NULL, NULL}};
    loop = uv_default_loop();
    return benchmark_main(argc, argv, benchmarks);
}
