/* state_threads.c - State Threads, whose hand-over is the fastest of the peers'.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Its release 1.9 has no yield: b has a thread sleep for no time at all, which goes by the heap of its sleepers.
 */
#define _GNU_SOURCE
#define PEER "state-threads"
#include "measure.h"
#include <st.h>

static long ended;

static void spawn_detached(void *(*function)(void *), void *argument) {
    if (st_thread_create(function, argument, 0, 0) == NULL)
        give_up_errno("st_thread_create");
}

static st_thread_t spawn(void *(*function)(void *), void *argument) {
    st_thread_t thread = st_thread_create(function, argument, 1, 0);
    if (thread == NULL)
        give_up_errno("st_thread_create");
    return thread;
}

static void *empty_task(void *argument) {
    return argument;
}

static void spawn_and_join(long unused) {
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < SPAWNED_TASKS; i++) {
        void *result = NULL;
        st_thread_join(spawn(empty_task, &start), &result);
        if (result != &start)
            give_up("a result was lost");
    }
    report_per_switch("a_spawn", start, "ns", SPAWNED_TASKS);
}

static void *yielding_task(void *unused) {
    for (long i = 0; i < YIELDS_PER_TASK; i++)
        st_usleep(0);
    return unused;
}

static void yield_among_many(long unused) {
    st_thread_t tasks[READY_TASKS];
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < READY_TASKS; i++)
        tasks[i] = spawn(yielding_task, NULL);
    for (long i = 0; i < READY_TASKS; i++)
        st_thread_join(tasks[i], NULL);
    report_per_switch("b_yield1000", start, "ns/sched", READY_TASKS * YIELDS_PER_TASK);
}

struct flag {
    st_cond_t changed;
    int set;
};

static struct flag ping, pong;

static void set_flag(struct flag *flag) {
    flag->set = 1;
    st_cond_signal(flag->changed);
}

static void take_flag(struct flag *flag) {
    while (!flag->set)
        st_cond_wait(flag->changed);
    flag->set = 0;
}

static void *answering_task(void *unused) {
    for (long i = 0; i < ROUND_TRIPS; i++) {
        take_flag(&ping);
        set_flag(&pong);
    }
    return unused;
}

static void hand_over(long unused) {
    int64_t start;
    (void)unused;
    ping.changed = st_cond_new();
    pong.changed = st_cond_new();
    st_thread_t answerer = spawn(answering_task, NULL);
    start = wall_ns();
    for (long i = 0; i < ROUND_TRIPS; i++) {
        set_flag(&ping);
        take_flag(&pong);
    }
    report_per_switch("c_pingpong", start, "ns/hand-over", 2 * ROUND_TRIPS);
    st_thread_join(answerer, NULL);
}

static void *timer_task(void *unused) {
    for (long i = 0; i < SLEEPS_PER_TASK; i++)
        st_usleep((st_utime_t)short_sleep_ms() * 1000);
    ended++;
    return unused;
}

static void timers(long unused) {
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    (void)unused;
    for (long i = 0; i < TIMER_TASKS; i++)
        spawn_detached(timer_task, NULL);
    while (ended < TIMER_TASKS)
        st_usleep(1000);
    report_timers(cpu_before, user_before, TIMER_TASKS * SLEEPS_PER_TASK);
}

static void *connection_task(void *argument) {
    st_netfd_t connection = argument;
    char message[ECHO_BUFFER_SIZE];
    ssize_t size;
    while ((size = st_read(connection, message, echo_account.buffer_size, ST_UTIME_NO_TIMEOUT)) > 0) {
        if (st_write(connection, message, (size_t)size, ST_UTIME_NO_TIMEOUT) != size)
            break;
        echo_message();
    }
    st_netfd_close(connection);
    echo_connection_gone();
    return NULL;
}

static void echo(long port) {
    st_netfd_t listener = st_netfd_open_socket(listen_on(port));
    for (;;) {
        st_netfd_t connection = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
        if (connection == NULL)
            give_up_errno("st_accept");
        send_at_once(st_netfd_fileno(connection));
        spawn_detached(connection_task, connection);
    }
}

static void echo_full_reads(long port) {
    echo_account.buffer_size = MESSAGE_SIZE;
    echo(port);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {{"a", spawn_and_join}, {"b", yield_among_many}, {"c", hand_over},
                                                  {"e", timers},         {"echo", echo},          {"echo64", echo_full_reads},
                                                  {NULL, NULL}};
    st_set_eventsys(ST_EVENTSYS_ALT); /* epoll */
    if (st_init() < 0)
        give_up_errno("st_init");
    return benchmark_main(argc, argv, benchmarks);
}
