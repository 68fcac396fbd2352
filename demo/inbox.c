/* inbox.c - the C half of telemetry.py: what a driver's threads deliver, where Python can read it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A Python callback in a foreign thread would wait for the interpreter each time. So the driver posts to the
 * scheduler of the Python process in C, and a callback in C, which the scheduler runs on its own thread between
 * two rounds of tasks, puts the reading into a table. Python hears of it through a descriptor, and no thread but
 * the scheduler's touches the table: no lock.
 *
 * All functions: on the thread that imported cothread.
 */
#include "injector.h"
#include <cothread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static cothread_handle mailbox[SENSORS];
static struct reading readings[SENSORS]; /* the newest of each sensor */
static uint32_t changed[SENSORS];        /* the sensors Python has not been told of, each once */
static unsigned char is_changed[SENSORS];
static uint32_t changed_count;
static int descriptor; /* readable while there are any */

/* In a thread of the driver: hands the reading over, and takes back the one nobody has looked at yet. */
static void deliver(const struct reading *reading) {
    struct reading *copy = malloc(sizeof *copy);
    void *unwanted = NULL;
    if (copy == NULL)
        return;
    *copy = *reading;
    if (cothread_mailbox_post(mailbox[reading->sensor], copy, &unwanted) < 0)
        unwanted = copy;
    free(unwanted);
}

/* On the scheduler's thread: what deliver posted. */
static void arrived(void *value) {
    struct reading *reading = value;
    uint32_t sensor = reading->sensor;
    readings[sensor] = *reading;
    free(reading);
    if (is_changed[sensor])
        return;
    is_changed[sensor] = 1;
    changed[changed_count++] = sensor;
    if (changed_count == 1)
        eventfd_write(descriptor, 1);
}

/* inbox_open starts the driver. Returns the descriptor, or -1. */
EXPORT int inbox_open(void) {
    descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0)
        return -1;
    for (int i = 0; i < SENSORS; i++) {
        mailbox[i] = cothread_mailbox_create(arrived, 0, 0);
        if (mailbox[i] < 0)
            return -1;
    }
    return injector_start(deliver) < 0 ? -1 : descriptor;
}

/* inbox_readings returns the table. */
EXPORT const struct reading *inbox_readings(void) {
    return readings;
}

/* inbox_take stores the sensors that changed since the last call and returns how many. */
EXPORT uint32_t inbox_take(uint32_t sensors[SENSORS]) {
    uint32_t count = changed_count;
    eventfd_t unused;
    eventfd_read(descriptor, &unused);
    for (uint32_t i = 0; i < count; i++) {
        sensors[i] = changed[i];
        is_changed[changed[i]] = 0;
    }
    changed_count = 0;
    return count;
}

/* inbox_callbacks stores the scheduler's counts: callbacks run, replaced, refused, pending, most ever pending. */
EXPORT int inbox_callbacks(uint64_t counts[5]) {
    cothread_stats stats = {.size = sizeof stats};
    int result = cothread_statistics(cothread_current(), &stats);
    counts[0] = stats.callback_run;
    counts[1] = stats.callback_replaced;
    counts[2] = stats.callback_refused;
    counts[3] = stats.callback_depth;
    counts[4] = stats.callback_high_water;
    return result;
}

/* inbox_close stops the driver. Returns how many readings it took. */
EXPORT uint64_t inbox_close(void) {
    uint64_t taken = injector_stop();
    for (int i = 0; i < SENSORS; i++) {
        void *pending = NULL;
        if (cothread_mailbox_post(mailbox[i], NULL, &pending) >= 0)
            free(pending);
        cothread_close(mailbox[i]);
    }
    return taken;
}
