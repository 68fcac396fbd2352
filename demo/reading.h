/* reading.h - what a sensor says, in memory and on the wire.
 * SPDX-License-Identifier: Apache-2.0
 *
 * THE PROTOCOL, over TCP
 * The client sends one line, the numbers of the sensors it wants: "3 17 42\n". From then on the service sends
 * it records of 24 bytes, a struct reading each, in the byte order of the machine: the newest reading of each of
 * its sensors that changed, at most once in UPDATE_PERIOD_MS. A reading that a newer one overtook is never sent.
 * A record of sensor SERVICE_ENDS is the last. A line that is no such list ends the connection.
 */
#ifndef READING_H
#define READING_H

#include <stdint.h>

enum {
    SENSORS = 100,
    SUBSCRIPTIONS_MAX = 8, /* sensors of one client */
    LINE_MAX_BYTES = 64,
    UPDATE_PERIOD_MS = 50
};
#define SERVICE_ENDS UINT32_MAX

struct reading {
    int64_t time; /* when it was taken: ns of CLOCK_MONOTONIC, which is also cothread_now() */
    double value;
    uint32_t sensor;
    uint32_t sequence; /* 1, 2, ... for each sensor: shows what was overtaken */
};

#endif
