/* A parent lends its children memory of its own stack. It is cancelled, and waits for them all the
 * same before it returns.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHILDREN = 3 };

static int at_rest; /* the children that the parent saw at rest */

static int64_t must(int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        exit(1);
    }
    return result;
}

static void *child(void *counter) {
    cothread_sleep(3600 * COTHREAD_SECOND);
    int was = cothread_shield(1);
    cothread_sleep(5 * COTHREAD_MILLISECOND); /* a device comes to rest */
    cothread_shield(was);
    ++*(int *)counter; /* the parent's memory: it has to be there still */
    return NULL;
}

static void end_children(cothread_handle children) {
    int was = cothread_shield(1); /* this task may be cancelled: it waits all the same */
    cothread_group_cancel(children);
    cothread_group_wait(children, 0, COTHREAD_FOREVER);
    cothread_shield(was);
}

static void *parent(void *unused) {
    int counter = 0; /* lent to the children */
    cothread_handle children = must(cothread_group_create(0));
    for (int i = 0; i < CHILDREN; i++)
        must(cothread_group_add(children, must(cothread_spawn(child, &counter, NULL))));

    if (cothread_group_wait(children, 0, COTHREAD_FOREVER) < 0)
        end_children(children);

    cothread_close(children);
    at_rest = counter;
    return unused;
}

int main(void) {
    cothread_handle scheduler = must(cothread_create(NULL));
    cothread_handle task = must(cothread_spawn(parent, NULL, NULL));
    cothread_yield(); /* the parent starts and waits for its children */
    must(cothread_cancel(task));
    must(cothread_join(task, NULL, COTHREAD_FOREVER));
    printf("%d of %d children came to rest\n", at_rest, CHILDREN);
    if (at_rest != CHILDREN)
        return 1;
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
