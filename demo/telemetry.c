/* telemetry.c - a telemetry service: readings come from a driver's threads, updates go to many TCP clients.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   telemetry SECONDS     prints the address it serves, a line each second and a summary
 *
 * The protocol is described in reading.h. One task serves one client and reads like a program that serves only
 * that one. The tasks and callbacks of a scheduler never run at the same time, so nothing here needs a lock.
 *
 * Nothing grows with the speed of the sensors or the slowness of a client: of each sensor at most one reading is
 * pending, and a client has no queue at all, its task takes the newest readings when the last ones are written.
 */
#include "histogram.h"
#include "injector.h"
#include <arpa/inet.h>
#include <cothread.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define LINE_DEADLINE (5 * COTHREAD_SECOND)   /* for a client to say what it wants */
#define UPDATE_DEADLINE (5 * COTHREAD_SECOND) /* for a client to take an update: one that does not is cut off */

struct subscription {
    struct sensor *sensor;
    uint32_t sent;           /* sequence of the reading the client has */
    cothread_handle changed; /* the client's event */
    LIST_ENTRY(subscription) next;
};

struct client {
    cothread_handle adopted;
    cothread_handle changed; /* signalled when one of its sensors has a new reading */
    struct subscription subscriptions[SUBSCRIPTIONS_MAX];
    int count;
};

static struct sensor {
    cothread_handle mailbox;
    struct reading reading; /* the newest one; sequence 0: none yet */
    LIST_HEAD(, subscription) subscriptions;
} sensors[SENSORS];

static struct {
    uint64_t clients, clients_now, updates;
    struct histogram age;      /* of a reading when it was handed to the kernel */
    struct histogram lateness; /* of the 1 ms task */
} counted, summed;             /* since the last report; before it */

/* Passes a result through, and ends the program if it is an error. */
static int64_t must(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "telemetry: %s: %s\n", what,
                result == COTHREAD_ESYSTEM ? strerror(errno) : cothread_last_error());
        exit(1);
    }
    return result;
}

/* ---- From the driver to the clients ------------------------------------------------------------- */

/* In a thread of the driver: hands the reading over, and takes back the one nobody has looked at yet. */
static void deliver(const struct reading *reading) {
    struct reading *copy = malloc(sizeof *copy);
    void *unwanted = NULL;
    if (copy == NULL)
        return;
    *copy = *reading;
    if (cothread_mailbox_post(sensors[reading->sensor].mailbox, copy, &unwanted) < 0)
        unwanted = copy;
    free(unwanted);
}

/* On the scheduler's thread: what deliver posted. */
static void publish(void *value) {
    struct reading *reading = value;
    struct sensor *sensor = &sensors[reading->sensor];
    struct subscription *subscription;
    sensor->reading = *reading;
    free(reading);
    LIST_FOREACH(subscription, &sensor->subscriptions, next)
        cothread_event_signal(subscription->changed, NULL);
}

/* ---- One client --------------------------------------------------------------------------------- */

static int subscribe(struct client *client, long number) {
    struct subscription *subscription = &client->subscriptions[client->count];
    if (number < 0 || number >= SENSORS || client->count == SUBSCRIPTIONS_MAX)
        return -1;
    subscription->sensor = &sensors[number];
    subscription->changed = client->changed;
    LIST_INSERT_HEAD(&sensors[number].subscriptions, subscription, next);
    client->count++;
    return 0;
}

/* Reads the line of sensor numbers. */
static int read_subscriptions(struct client *client) {
    char line[LINE_MAX_BYTES + 1];
    size_t length = 0;
    int64_t deadline = cothread_after(LINE_DEADLINE);
    do {
        int64_t n = cothread_read(client->adopted, line + length, LINE_MAX_BYTES - length, deadline);
        if (n <= 0)
            return -1;
        length += (size_t)n;
    } while (line[length - 1] != '\n' && length < LINE_MAX_BYTES);
    line[length] = '\0';

    char *rest = line, *end;
    for (long number = strtol(rest, &end, 10); end != rest; number = strtol(rest, &end, 10)) {
        if (subscribe(client, number) < 0)
            return -1;
        rest = end;
    }
    return rest[strspn(rest, " \r\n")] == '\0' && client->count > 0 ? 0 : -1;
}

/* Copies the readings the client has not been sent. */
static int take_updates(struct client *client, struct reading *updates) {
    int count = 0;
    for (int i = 0; i < client->count; i++) {
        struct subscription *subscription = &client->subscriptions[i];
        const struct reading *reading = &subscription->sensor->reading;
        if (reading->sequence == subscription->sent)
            continue;
        subscription->sent = reading->sequence;
        updates[count++] = *reading;
    }
    return count;
}

/* Until the client is gone, or this task cancelled: then every wait fails, and so ends the loop. */
static void send_updates(struct client *client) {
    struct reading updates[SUBSCRIPTIONS_MAX];
    while (cothread_event_wait(client->changed, NULL, COTHREAD_FOREVER) == 0) {
        int64_t start = cothread_now();
        int count = take_updates(client, updates);
        int64_t size = count * (int64_t)sizeof *updates;
        if (count > 0 && cothread_write(client->adopted, updates, (size_t)size, start + UPDATE_DEADLINE) != size)
            return;
        int64_t sent = cothread_now();
        for (int i = 0; i < count; i++)
            histogram_add(&counted.age, sent - updates[i].time);
        counted.updates += (uint64_t)count;
        if (cothread_sleep_until(start + UPDATE_PERIOD_MS * COTHREAD_MILLISECOND) < 0)
            break;
    }
    /* NOW: in a cancelled task only what is done at once succeeds. A client that is gone misses nothing. */
    struct reading last = {.time = cothread_now(), .sensor = SERVICE_ENDS};
    if (cothread_write(client->adopted, &last, sizeof last, COTHREAD_NOW) != (int64_t)sizeof last)
        return; /* gone, or too slow for its last words */
}

static void *serve(void *adopted) {
    struct client client = {.adopted = (cothread_handle)(intptr_t)adopted};
    client.changed = must(cothread_event_create(0), "an event for a client");
    counted.clients++;
    counted.clients_now++;
    if (read_subscriptions(&client) == 0)
        send_updates(&client);
    counted.clients_now--;
    for (int i = 0; i < client.count; i++)
        LIST_REMOVE(&client.subscriptions[i], next);
    cothread_close(client.changed);
    cothread_close(client.adopted);
    return NULL;
}

static void *accept_clients(void *listener) {
    const cothread_task_options detached = {.size = sizeof detached, .flags = COTHREAD_DETACHED};
    for (;;) {
        cothread_handle adopted = cothread_accept((cothread_handle)(intptr_t)listener, COTHREAD_FOREVER);
        if (adopted == COTHREAD_ECANCELED)
            return NULL;
        if (adopted < 0) { /* no descriptor is left, or the client is gone already: later ones may be luckier */
            cothread_sleep_until(cothread_after(100 * COTHREAD_MILLISECOND));
            continue;
        }
        if (cothread_spawn(serve, (void *)(intptr_t)adopted, &detached) < 0)
            cothread_close(adopted);
    }
}

static cothread_handle listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int buffer = 16384; /* clients inherit it. The kernel keeps what it took: the less, the newer what a slow one gets */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 512) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        must(COTHREAD_ESYSTEM, "a listening socket");
    printf("serving 127.0.0.1:%d\n", ntohs(address.sin_port));
    return must(cothread_adopt(fd, 0), "adopt the listener");
}

/* ---- What the operator sees ---------------------------------------------------------------------- */

static void *every_millisecond(void *unused) {
    int64_t deadline = cothread_after(COTHREAD_MILLISECOND);
    for (; cothread_sleep_until(deadline) == 0; deadline += COTHREAD_MILLISECOND)
        histogram_add(&counted.lateness, cothread_now() - deadline);
    return unused;
}

static void start_next_second(void) {
    summed.updates += counted.updates;
    histogram_merge(&summed.age, &counted.age);
    histogram_merge(&summed.lateness, &counted.lateness);
    counted.updates = 0;
    memset(&counted.age, 0, sizeof counted.age);
    memset(&counted.lateness, 0, sizeof counted.lateness);
}

static cothread_stats statistics(void) {
    cothread_stats stats = {.size = sizeof stats};
    must(cothread_statistics(must(cothread_current(), "scheduler"), &stats), "statistics");
    return stats;
}

static void *report_every_second(void *seconds) {
    cothread_stats before = statistics();
    int64_t start = cothread_now();
    printf("                         callbacks                                 age when sent, us  1 ms task late, us\n"
           " s  clients  updates/s         run/s  replaced/s  depth  high      p50       p99       p50       p99\n");
    for (int second = 1; second <= (intptr_t)seconds; second++) {
        cothread_sleep_until(start + second * COTHREAD_SECOND);
        cothread_stats stats = statistics();
        printf("%2d %8lu %10lu %13lu %11lu %6lu %5lu %8.0f %9.0f %9.0f %9.0f\n", second, counted.clients_now,
               counted.updates, stats.callback_run - before.callback_run,
               stats.callback_replaced - before.callback_replaced, stats.callback_depth, stats.callback_high_water,
               histogram_percentile(&counted.age, 50), histogram_percentile(&counted.age, 99),
               histogram_percentile(&counted.lateness, 50), histogram_percentile(&counted.lateness, 99));
        start_next_second();
        before = stats;
    }
    return NULL;
}

static void summarize(uint64_t readings, double seconds) {
    cothread_stats stats = statistics();
    start_next_second();
    printf("\nC service, %.1f s\n", seconds);
    printf("  readings taken by two threads  %12lu  %.0f/s\n", readings, (double)readings / seconds);
    printf("  overtaken before a callback    %12lu\n", stats.callback_replaced);
    printf("  callbacks run, refused         %12lu  %lu\n", stats.callback_run, stats.callback_refused);
    printf("  most callbacks ever pending    %12lu  of %d sensors\n", stats.callback_high_water, SENSORS);
    printf("  updates to %4lu clients        %12lu  %.0f/s\n", counted.clients, summed.updates,
           (double)summed.updates / seconds);
    printf("  age of a reading when sent     p50 %8.0f us  p99 %.0f us\n", histogram_percentile(&summed.age, 50),
           histogram_percentile(&summed.age, 99));
    printf("  lateness of a 1 ms task        p50 %8.0f us  p99 %.0f us\n", histogram_percentile(&summed.lateness, 50),
           histogram_percentile(&summed.lateness, 99));
}

int main(int argc, char **argv) {
    intptr_t seconds = argc == 2 ? atoi(argv[1]) : 0;
    if (seconds < 1) {
        fprintf(stderr, "usage: telemetry SECONDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    cothread_handle scheduler = must(cothread_create(NULL), "scheduler");
    for (int i = 0; i < SENSORS; i++)
        sensors[i].mailbox = must(cothread_mailbox_create(publish, 0, 0), "a mailbox for a sensor");
    cothread_handle listener = listen_on_loopback();
    must(cothread_spawn(accept_clients, (void *)(intptr_t)listener, NULL), "accept_clients");
    must(cothread_spawn(every_millisecond, NULL, NULL), "every_millisecond");
    int64_t start = cothread_now();
    cothread_handle report = must(cothread_spawn(report_every_second, (void *)seconds, NULL), "report_every_second");
    if (injector_start(deliver) < 0) {
        fprintf(stderr, "telemetry: no threads for the injector\n");
        return 1;
    }
    must(cothread_join(report, NULL, COTHREAD_FOREVER), "join"); /* main is a task too: the others run */
    double elapsed = (double)(cothread_now() - start) / 1e9;
    summarize(injector_stop(), elapsed);

    /* Cancels every task: the clients are told, and their connections closed. */
    int left = (int)must(cothread_destroy(scheduler, cothread_after(2 * COTHREAD_SECOND)), "destroy");
    if (left > 0)
        fprintf(stderr, "telemetry: %s\n", cothread_last_error());
    if (summed.updates == 0)
        fprintf(stderr, "telemetry: no client received an update\n");
    return left > 0 || summed.updates == 0;
}
