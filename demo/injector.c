/* injector.c - two threads that take readings of 100 simulated sensors as fast as they can.
 * SPDX-License-Identifier: Apache-2.0 */
#include "injector.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

/* The threads stand for devices, which have processors of their own. Here they share those of the service and its
 * clients, and take what these leave. With equal rights, on two cores, the kernel lets the service wait: its 1 ms
 * task is then 900 us late at p50, and 20 us with this (demo/run c). */
enum { THREADS = 2, NICE = 10 };

static pthread_t threads[THREADS];
static int started;
static atomic_int stopping;
static atomic_uint_fast64_t taken;
static void (*deliver_reading)(const struct reading *reading);

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void *inject(void *first_sensor) {
    uint64_t count = 0;
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, on Linux */
    for (uint32_t sequence = 1; !stopping; sequence++) {
        for (uint32_t sensor = (uint32_t)(uintptr_t)first_sensor; sensor < SENSORS; sensor += THREADS) {
            struct reading reading = {
                .time = now(), .value = sensor + sequence % 1000 / 1000.0, .sensor = sensor, .sequence = sequence};
            deliver_reading(&reading);
            count++;
        }
    }
    taken += count;
    return NULL;
}

int injector_start(void (*deliver)(const struct reading *reading)) {
    deliver_reading = deliver;
    for (started = 0; started < THREADS; started++) {
        if (pthread_create(&threads[started], NULL, inject, (void *)(uintptr_t)started) != 0) {
            injector_stop();
            return -1;
        }
    }
    return 0;
}

uint64_t injector_stop(void) {
    stopping = 1;
    while (started > 0)
        pthread_join(threads[--started], NULL);
    return taken;
}
