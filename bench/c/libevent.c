/* libevent.c - libevent: callbacks, no tasks, so d and e measure its timers alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#define PEER "libevent"
#include "post_queue.h"
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>

static struct event_base *base;

static void start_timer(struct event *timer, int64_t ns) {
    struct timeval delay = {ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000};
    evtimer_add(timer, &delay);
}

static void count_sleeper(evutil_socket_t fd, short what, void *woken) {
    (void)fd, (void)what;
    (*(long *)woken)++;
}

static void take_cpu(evutil_socket_t fd, short what, void *cpu) {
    (void)fd, (void)what;
    *(int64_t *)cpu = cpu_ns();
}

static void sleepers(long count) {
    int64_t resident_before = resident_bytes(), instant = sleepers_instant(count), cpu_before = 0;
    long woken = 0;
    for (long i = 0; i < count; i++)
        start_timer(evtimer_new(base, count_sleeper, &woken), instant - wall_ns());
    report_sleeper_memory(resident_before, count, instant, "B/timer");
    start_timer(evtimer_new(base, take_cpu, &cpu_before), instant - WAKE_MARGIN_NS - wall_ns());
    event_base_dispatch(base);
    if (woken != count)
        give_up("a timer was lost");
    report("d_wake_cpu", (double)(cpu_ns() - cpu_before) / (double)count, "cpu-ns/timer");
}

struct repeated_timer {
    struct event *timer;
    long left;
};

static void sleep_again(evutil_socket_t fd, short what, void *argument) {
    struct repeated_timer *repeated = argument;
    (void)fd, (void)what;
    if (--repeated->left > 0)
        start_timer(repeated->timer, short_sleep_ms() * NS_PER_MS);
}

static void timers(long unused) {
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    struct repeated_timer *all = calloc(TIMER_TASKS, sizeof *all);
    (void)unused;
    for (long i = 0; i < TIMER_TASKS; i++) {
        all[i].left = SLEEPS_PER_TASK;
        all[i].timer = evtimer_new(base, sleep_again, &all[i]);
        start_timer(all[i].timer, short_sleep_ms() * NS_PER_MS);
    }
    event_base_dispatch(base);
    report_timers(cpu_before, user_before, TIMER_TASKS * SLEEPS_PER_TASK);
}

static struct event *wakeup;

static void post(posted_function function, void *argument) {
    post_queue_add(function, argument);
    event_active(wakeup, EV_READ, 0);
}

static void run_posts(evutil_socket_t fd, short what, void *unused) {
    (void)fd, (void)what, (void)unused;
    post_queue_run();
}

static void finish(void *unused) {
    (void)unused;
    event_base_loopbreak(base);
}

static void run_loop(void) {
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void posts_from_a_thread(long unused) {
    static const struct post_loop post_loop = {post, run_loop, finish};
    (void)unused;
    evthread_use_pthreads();
    base = event_base_new(); /* a base made before threads were announced has no lock */
    wakeup = event_new(base, -1, EV_PERSIST, run_posts, NULL);
    event_add(wakeup, NULL);
    measure_post_flood(&post_loop, "g_inject", "g_inject_cpu");
    measure_idle_posts(&post_loop);
}

static void echo_back(struct bufferevent *connection, void *unused) {
    (void)unused;
    bufferevent_write_buffer(connection, bufferevent_get_input(connection));
    echo_message();
}

static void forget_connection(struct bufferevent *connection, short what, void *unused) {
    (void)what, (void)unused;
    bufferevent_free(connection);
    echo_connection_gone();
}

static void accept_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
                              void *unused) {
    (void)listener, (void)address, (void)length, (void)unused;
    struct bufferevent *connection = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    send_at_once(fd);
    bufferevent_setcb(connection, echo_back, NULL, forget_connection, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static void echo(long port) {
    struct sockaddr_in address = loopback(port);
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE;
    if (evconnlistener_new_bind(base, accept_connection, NULL, flags, LISTEN_BACKLOG, (struct sockaddr *)&address,
                                sizeof address) == NULL)
        give_up("evconnlistener_new_bind failed");
    event_base_dispatch(base);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {
        {"d", sleepers}, {"e", timers}, {"g", posts_from_a_thread}, {"echo", echo}, {NULL, NULL}};
    base = event_base_new();
    return benchmark_main(argc, argv, benchmarks);
}
