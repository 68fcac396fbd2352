/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Sleep sort. Deadlines 1 ns apart fall into one tick and still count; 1 ms apart they fall into several. */
static int64_t base;

static void *sleeper(void *deadline) {
    expect(cothread_sleep_until(*(int64_t *)deadline), 0);
    expect(cothread_now() >= *(int64_t *)deadline, 1);
    note("%d", (int)(*(int64_t *)deadline - base));
    return NULL;
}

static void sort(int64_t step, const char *sorted) {
    static const int shuffled[] = {5, 2, 9, 1, 7, 3, 8, 6, 4, 0};
    int64_t deadlines[10], far;
    cothread_handle tasks[10];
    int i, asleep = 0;
    for (far = COTHREAD_MILLISECOND; !asleep; far *= 2) { /* until the machine lets all ten sleep before the first deadline */
        base = cothread_after(far);
        for (i = 0; i < 10; i++) {
            deadlines[i] = base + shuffled[i] * step;
            tasks[i] = spawn(sleeper, &deadlines[i]);
        }
        expect(cothread_yield(), 0);
        asleep = cothread_now() < base;
        for (i = 0; i < 10; i++)
            join(tasks[i]);
        if (asleep)
            expect_order(sorted);
        order_length = 0;
    }
}

int main(void) {
    handle(cothread_create(NULL));
    sort(1, "0 1 2 3 4 5 6 7 8 9");
    sort(COTHREAD_MILLISECOND, "0 1000000 2000000 3000000 4000000 5000000 6000000 7000000 8000000 9000000");
    return nothing_left();
}
