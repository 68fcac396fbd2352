/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <math.h>

/* Alignment, varargs with floating point, malloc, qsort and static buffers, across suspensions. */
static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void *task(void *number) {
    double x = (double)(intptr_t)number;
    _Alignas(32) char aligned[32];
    char text[128], again[128];
    int numbers[100], i, round;
    for (round = 0; round < 10; round++) {
        char *heap = malloc(10000);
        expect((uintptr_t)aligned % 32, 0);
        memset(heap, (int)(intptr_t)number, 10000);
        snprintf(text, sizeof text, "%.17g %Lf", x / 7, (long double)x / 3);
        for (i = 0; i < 100; i++)
            numbers[i] = (i * 37) % 100;
        expect(cothread_yield(), 0);
        qsort(numbers, 100, sizeof *numbers, compare);
        snprintf(again, sizeof again, "%.17g %Lf", x / 7, (long double)x / 3);
        expect(strcmp(text, again), 0);
        for (i = 0; i < 100; i++)
            expect(numbers[i], i);
        for (i = 0; i < 10000; i++)
            expect(heap[i], (char)(intptr_t)number);
        free(heap);
    }
    return NULL;
}

int main(void) {
    cothread_handle tasks[50];
    intptr_t i;
    handle(cothread_create(NULL));
    for (i = 0; i < 50; i++)
        tasks[i] = spawn(task, (void *)i);
    for (i = 0; i < 50; i++)
        join(tasks[i]);
    return nothing_left();
}
