/* libdill.c - libdill's choose.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#define PEER "libdill"
#include "measure.h"
#include <libdill.h>

static int channels[MOST_CHANNELS][2], answers[2];

static coroutine void choosing_task(int count) {
    struct chclause clauses[MOST_CHANNELS];
    int64_t values[MOST_CHANNELS], answer = 1;
    for (int i = 0; i < count; i++)
        clauses[i] = (struct chclause){CHRECV, channels[i][1], &values[i], sizeof values[i]};
    for (long i = 0; i < choices_among(count); i++)
        if (choose(clauses, count, -1) != count / 2 || chsend(answers[0], &answer, sizeof answer, -1) != 0)
            give_up("chose another channel");
}

static void choose_among(int count) {
    int64_t value = 1;
    int task = go(choosing_task(count));
    int64_t start = wall_ns();
    for (long i = 0; i < choices_among(count); i++)
        if (chsend(channels[count / 2][0], &value, sizeof value, -1) != 0 || chrecv(answers[1], &value, sizeof value, -1) != 0)
            give_up("a channel failed");
    report_choices(count, start);
    yield();
    hclose(task);
}

static void choose_all(long unused) {
    (void)unused;
    if (chmake(answers) != 0)
        give_up_errno("chmake");
    for (int i = 0; i < MOST_CHANNELS; i++)
        if (chmake(channels[i]) != 0)
            give_up_errno("chmake");
    for (int i = 0; i < CHANNEL_COUNTS; i++)
        choose_among(channel_counts[i]);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {{"w", choose_all}, {NULL, NULL}};
    return benchmark_main(argc, argv, benchmarks);
}
