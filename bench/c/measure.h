/* measure.h - what every benchmark program here shares: sizes, clocks, the output line, the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A program is called with the name of one benchmark and prints a line per figure: "metric peer value unit".
 * Called with "list" it prints the benchmarks it has. The same work in the same amounts for everybody:
 *
 *   a       spawn, run, finish and join an empty task, one after the other
 *   b       yield with 1000 ready tasks
 *   c       two tasks hand a token to and fro
 *   d N     N tasks sleep until one instant: memory while they sleep, CPU to wake and end them all
 *   e       1000 tasks sleep 100 times, 1 to 5 ms each
 *   p       100 tasks wake 2000 times a second each: CPU per turn, turns a second, how late
 *   w       a task waits for 1, 4 and 64 channels at a time, another sends on one and waits for its answer
 *   g       another thread posts callbacks: a million as fast as it can, then one each 200 us
 *   j       an empty function is called on another thread, one call after the other
 *   echo P  TCP echo server on port P of loopback, until $CONNS connections (1000) have come and gone
 *   echo_connections P  the same through a connection layer: ours only
 *   quiet P  the same, of a connection no more than 8 messages in a turn: see quiet_client.c
 *   echo64 P  the same as echo, but it reads into 64 bytes, which each message fills: no read tells that it was the last
 *
 * Include it after defining PEER, the name that the output carries.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SLOWER_BY
#define SLOWER_BY 1 /* a peer that would need minutes does this many times less in a, b and c */
#endif
#define SPAWNED_TASKS (1000000L / SLOWER_BY)
#define READY_TASKS 1000L
#define YIELDS_PER_TASK (2000L / SLOWER_BY)
#define ROUND_TRIPS (1000000L / SLOWER_BY)
#define CHOICES (200000L / SLOWER_BY)
#define MOST_CHANNELS 64
#define TIMER_TASKS 1000L
#define SLEEPS_PER_TASK 100L
#define PERIODIC_TASKS 100L
#define TURNS_PER_TASK 1000L
#define TURN_NS 500000LL
#define FLOOD_POSTS 1000000L
#define IDLE_POSTS 5000
#define CALLS_ELSEWHERE 20000
#define MESSAGE_SIZE 64      /* what the echo client sends */
#define ECHO_BUFFER_SIZE 1024 /* what the servers read into: they do not know. echo64: MESSAGE_SIZE */
#define LISTEN_BACKLOG 1024

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS 1000000LL

/* ---- Clocks and counters ------------------------------------------------------------------------ */

static inline int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static inline int64_t wall_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

/* All threads of the process, user and system. */
static inline int64_t cpu_ns(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline int64_t user_cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec * NS_PER_SECOND + usage.ru_utime.tv_usec * 1000LL;
}

static inline int64_t resident_bytes(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm != NULL) {
        if (fscanf(statm, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(statm);
    }
    return pages * (int64_t)sysconf(_SC_PAGESIZE);
}

/* ---- Output ------------------------------------------------------------------------------------- */

static inline void report(const char *metric, double value, const char *unit) {
    printf("%s %s %.2f %s\n", metric, PEER, value, unit);
    fflush(stdout);
}

static inline void give_up(const char *reason) {
    fprintf(stderr, "%s: %s\n", PEER, reason);
    exit(1);
}

static inline void give_up_errno(const char *call) {
    fprintf(stderr, "%s: %s: %s\n", PEER, call, strerror(errno));
    exit(1);
}

static inline int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts the samples. */
static inline double percentile(double *samples, int count, double fraction) {
    qsort(samples, (size_t)count, sizeof *samples, compare_doubles);
    return samples[(int)(fraction * (count - 1))];
}

/* One call on another thread after the other, the first ones not counted: a thread is made, memory is touched. */
static inline void measure_calls_elsewhere(void (*call)(void)) {
    static double samples[CALLS_ELSEWHERE];
    for (int i = -100; i < CALLS_ELSEWHERE; i++) {
        int64_t start = wall_ns();
        call();
        if (i >= 0)
            samples[i] = (double)(wall_ns() - start) / 1e3;
    }
    report("j_call_p50", percentile(samples, CALLS_ELSEWHERE, 0.5), "us");
    report("j_call_p99", percentile(samples, CALLS_ELSEWHERE, 0.99), "us");
}

static inline void report_per_switch(const char *metric, int64_t start, const char *unit, double switches) {
    report(metric, (double)(wall_ns() - start) / switches, unit);
}

/* ---- w, waits for several things ------------------------------------------------------------------ */

static const int channel_counts[] = {1, 4, MOST_CHANNELS};
#define CHANNEL_COUNTS ((int)(sizeof channel_counts / sizeof *channel_counts))

static inline long choices_among(int channels) {
    return channels > 4 ? CHOICES / 10 : CHOICES;
}

static inline void report_choices(int channels, int64_t start) {
    char metric[32];
    snprintf(metric, sizeof metric, "w_choose_%d", channels);
    report_per_switch(metric, start, "ns/round", choices_among(channels));
}

/* ---- d, sleepers: everybody sleeps until one instant, far enough away that all are asleep by then -- */

/* The instant is announced 20 ms ahead to whoever takes the time: CPU used from there on is the wake. */
#define WAKE_MARGIN_NS (20 * NS_PER_MS)

static inline int64_t sleepers_instant(long count) {
    const char *override = getenv("SLEEP_MS");
    long ms = override != NULL ? atol(override) : count >= 500000 ? 30000 : 2500;
    return wall_ns() + ms * NS_PER_MS;
}

static inline void report_sleeper_memory(int64_t resident_before, long count, int64_t instant, const char *unit) {
    report("d_bytes", (double)(resident_bytes() - resident_before) / (double)count, unit);
    if (wall_ns() > instant - 2 * WAKE_MARGIN_NS)
        give_up("too slow: the instant came before all slept; set SLEEP_MS");
}

/* ---- e, timers ---------------------------------------------------------------------------------- */

/* 1 to 5 ms, the same sequence in every program. */
static inline long short_sleep_ms(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return 1 + (long)(state % 5);
}

static inline void report_timers(int64_t cpu_before, int64_t user_before, double sleeps) {
    report("e_timer_cpu", (double)(cpu_ns() - cpu_before) / sleeps, "cpu-ns");
    report("e_timer_user", (double)(user_cpu_ns() - user_before) / sleeps, "user-ns");
}

/* ---- p, periodic tasks -------------------------------------------------------------------------- */

static struct {
    int64_t wall_start, cpu_start;
    long taken;
    double late_us[PERIODIC_TASKS * TURNS_PER_TASK];
} turns;

static inline int64_t first_turn(void) {
    turns.cpu_start = cpu_ns();
    turns.wall_start = wall_ns();
    return turns.wall_start + TURN_NS;
}

static inline void take_turn(int64_t asked) {
    turns.late_us[turns.taken++] = (double)(wall_ns() - asked) / 1e3;
}

static inline void report_turns(void) {
    double seconds = (double)(wall_ns() - turns.wall_start) / (double)NS_PER_SECOND;
    report("p_turn_cpu", (double)(cpu_ns() - turns.cpu_start) / (double)turns.taken, "cpu-ns");
    report("p_turn_rate", (double)turns.taken / PERIODIC_TASKS / seconds, "1/s");
    report("p_late_p50", percentile(turns.late_us, (int)turns.taken, 0.5), "us");
    report("p_late_p99", percentile(turns.late_us, (int)turns.taken, 0.99), "us");
}

/* ---- q, child processes: started and waited for, one after the other -------------------------------- */

#define STARTED_PROCESSES 300
static const char *const nothing_to_do[] = {"/bin/true", NULL};

/* ---- g, posts from another thread --------------------------------------------------------------- */

typedef void (*posted_function)(void *argument);

struct post_loop {
    void (*post)(posted_function function, void *argument); /* from another thread: run function(argument) in the loop */
    void (*run)(void);                                       /* runs the loop until `finish` has run in it */
    posted_function finish;                                  /* posted last */
};

static struct {
    const struct post_loop *loop;
    long run; /* counted in the loop */
    int64_t posted_at[IDLE_POSTS];
    double latency_us[IDLE_POSTS];
} posts;

static inline void count_post(void *unused) {
    (void)unused;
    posts.run++;
}

static inline void take_latency(void *posted_at) {
    posts.latency_us[posts.run++] = (double)(wall_ns() - *(int64_t *)posted_at) / 1e3;
}

static inline void *post_flood(void *unused) {
    for (long i = 0; i < FLOOD_POSTS; i++)
        posts.loop->post(count_post, NULL);
    posts.loop->post(posts.loop->finish, NULL);
    return unused;
}

static inline void *post_now_and_then(void *unused) {
    for (int i = 0; i < IDLE_POSTS; i++) {
        struct timespec pause = {0, 200000};
        nanosleep(&pause, NULL);
        posts.posted_at[i] = wall_ns();
        posts.loop->post(take_latency, &posts.posted_at[i]);
    }
    posts.loop->post(posts.loop->finish, NULL);
    return unused;
}

static inline void run_posts_of(void *(*poster)(void *), const struct post_loop *loop, long expected) {
    pthread_t thread;
    posts.loop = loop;
    posts.run = 0;
    pthread_create(&thread, NULL, poster, NULL);
    loop->run();
    pthread_join(thread, NULL);
    if (posts.run != expected)
        give_up("a post was lost");
}

static inline void measure_post_flood(const struct post_loop *loop, const char *metric, const char *cpu_metric) {
    int64_t wall_before = wall_ns(), cpu_before = cpu_ns();
    run_posts_of(post_flood, loop, FLOOD_POSTS);
    report(metric, (double)(wall_ns() - wall_before) / (double)FLOOD_POSTS, "ns/post");
    report(cpu_metric, (double)(cpu_ns() - cpu_before) / (double)FLOOD_POSTS, "cpu-ns/post");
}

static inline void measure_idle_posts(const struct post_loop *loop) {
    run_posts_of(post_now_and_then, loop, IDLE_POSTS);
    report("g_idle_p50", percentile(posts.latency_us, IDLE_POSTS, 0.5), "us");
    report("g_idle_p99", percentile(posts.latency_us, IDLE_POSTS, 0.99), "us");
}

/* ---- echo: the server counts, from its first message to its last connection's end ---------------- */

struct echo_account {
    long messages;
    long connections_gone;
    int64_t wall_start, cpu_start, user_start;
    size_t buffer_size; /* what a read is offered */
};

static struct echo_account echo_account = {.buffer_size = ECHO_BUFFER_SIZE};

static inline void echo_message(void) {
    if (echo_account.messages++ > 0)
        return;
    echo_account.wall_start = wall_ns();
    echo_account.cpu_start = cpu_ns();
    echo_account.user_start = user_cpu_ns();
}

/* Ends the program with the last connection: a server has no other end. */
static inline void echo_connection_gone(void) {
    const char *connections = getenv("CONNS");
    if (++echo_account.connections_gone < (connections != NULL ? atol(connections) : 1000))
        return;
    double messages = (double)echo_account.messages;
    report("f_echo_per_cpu_s", messages * 1e9 / (double)(cpu_ns() - echo_account.cpu_start), "msg/s");
    report("f_echo_user_ns", (double)(user_cpu_ns() - echo_account.user_start) / messages, "ns/msg");
    report("f_echo_wall", messages * 1e9 / (double)(wall_ns() - echo_account.wall_start), "msg/s");
    report("f_echo_rss", (double)resident_bytes() / 1024, "kB");
    _exit(0);
}

static inline struct sockaddr_in loopback(long port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* The server may still be starting: try for 5 s. */
static inline int connect_to(long port) {
    struct sockaddr_in address = loopback(port);
    for (int attempt = 0; attempt < 500; attempt++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            give_up_errno("socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        close(fd);
        usleep(10000);
    }
    give_up_errno("connect");
    return -1;
}

static inline int listen_on(long port) {
    struct sockaddr_in address = loopback(port);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        give_up_errno("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        give_up_errno("bind");
    if (listen(listener, LISTEN_BACKLOG) < 0)
        give_up_errno("listen");
    return listener;
}

static inline void send_at_once(int connection) {
    int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- The command line --------------------------------------------------------------------------- */

struct benchmark {
    const char *name; /* NULL ends the table */
    void (*run)(long argument);
};

static inline void allow_many_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static inline const struct benchmark *find_benchmark(const struct benchmark *table, const char *name) {
    while (table->name != NULL && strcmp(table->name, name) != 0)
        table++;
    return table->name != NULL ? table : NULL;
}

static inline int benchmark_main(int argc, char **argv, const struct benchmark *table) {
    const char *name = argc > 1 ? argv[1] : "list";
    const struct benchmark *benchmark = find_benchmark(table, name);
    allow_many_descriptors();
    if (benchmark != NULL) {
        benchmark->run(argc > 2 ? atol(argv[2]) : 0);
    } else if (strcmp(name, "list") == 0) {
        for (; table->name != NULL; table++)
            printf("%s%s", table->name, table[1].name != NULL ? " " : "\n");
    } else {
        fprintf(stderr, "%s: no benchmark %s; \"list\" names them\n", PEER, name);
        return 2;
    }
    return 0;
}

#endif
