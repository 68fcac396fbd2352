/* Two tasks search for an answer; the first one is taken, and the other is cancelled and cleans up.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <stdio.h>

static const char *answer;

static void *quick(void *text) {
    if (cothread_sleep_until(cothread_after(10 * COTHREAD_MILLISECOND)) == 0)
        answer = text;
    return NULL;
}

static void *slow(void *mutex) {
    if (cothread_mutex_lock(*(cothread_handle *)mutex, COTHREAD_FOREVER) < 0)
        return NULL;
    int ended = cothread_sleep_until(cothread_after(3600 * COTHREAD_SECOND));
    cothread_mutex_unlock(*(cothread_handle *)mutex); /* no wait: a cancelled task may do it */
    printf("slow: %s\n", cothread_strerror(ended));
    return NULL;
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL);
    cothread_handle mutex = cothread_mutex_create(0), group = cothread_group_create(0);
    /* A handle that is an error is refused, so a failed spawn is noticed here too. */
    if (cothread_group_add(group, cothread_spawn(slow, &mutex, NULL)) < 0 ||
        cothread_group_add(group, cothread_spawn(quick, "42", NULL)) < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }

    if (cothread_group_wait(group, 1, cothread_after(60 * COTHREAD_SECOND)) < 0) { /* one of them */
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }
    printf("the answer is %s\n", answer);
    cothread_group_cancel(group);
    cothread_group_wait(group, 0, COTHREAD_FOREVER); /* all of them */

    if (cothread_mutex_lock(mutex, COTHREAD_NOW) != 0 || !answer)
        return 1;
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
