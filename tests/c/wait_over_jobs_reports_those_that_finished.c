/* Jobs are conditions of a wait over several items: those whose calls have returned are reported, with result and errno, until they
 * are closed; one that is closed while somebody waits for it fires with COTHREAD_ECLOSED.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static gate first, second;
static cothread_handle jobs[2], event;

static int64_t fail_after(gate *g, int64_t result, int error) {
    pass(g);
    errno = error;
    return result;
}

static void *waits(void *unused) {
    cothread_item items[] = {
        {.kind = COTHREAD_ITEM_JOB, .object = jobs[0]},
        {.kind = COTHREAD_ITEM_EVENT, .object = event},
        {.kind = COTHREAD_ITEM_JOB, .object = jobs[1]},
    };
    expect(cothread_wait(items, sizeof *items, 3, cothread_after(COTHREAD_MILLISECOND), 0), COTHREAD_ETIMEDOUT);
    let_go(&second, 1);
    for (int i = 0; i < 2; i++) { /* it stays true */
        expect(cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0), 1);
        expect(items[0].fired, 0);
        expect(items[1].fired, 0);
        expect(items[2].fired, 1);
        expect((int64_t)items[2].value, -7);
        expect(items[2].result, EPROTO);
    }
    let_go(&first, 1);
    until(first.through == 1);
    expect(cothread_event_signal(event, (void *)5), 0);
    int fired;
    while ((fired = cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, COTHREAD_ALL)) == 2 && items[1].fired)
        expect(cothread_event_signal(event, (void *)5), 0); /* the call has left the gate, and has not returned */
    expect(fired == 3 || (items[0].fired && items[2].fired), 1);
    expect(items[0].value, 3);
    expect(items[0].result, 0);
    return unused;
}

static void *sees_the_end(void *job) {
    cothread_item item = {.kind = COTHREAD_ITEM_JOB, .object = *(cothread_handle *)job};
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.result, COTHREAD_ECLOSED);
    return NULL;
}

int main(void) {
    cothread_handle task;
    handle(cothread_create(NULL));
    shut(&first);
    shut(&second);
    event = handle(cothread_event_create(0));
    cothread_job one = JOB(fail_after, COTHREAD_TYPE_LONG, POINTER(&first), LONG(3), INT(0));
    cothread_job two = JOB(fail_after, COTHREAD_TYPE_LONG, POINTER(&second), LONG(-7), INT(EPROTO));
    jobs[0] = handle(cothread_job_start(0, &one, COTHREAD_NOW));
    jobs[1] = handle(cothread_job_start(0, &two, COTHREAD_NOW));
    join(spawn(waits, NULL));
    expect(cothread_close(jobs[0]), 0);
    expect(cothread_close(jobs[1]), 0);
    cothread_item stale = {.kind = COTHREAD_ITEM_JOB, .object = jobs[0]};
    expect(cothread_wait(&stale, sizeof stale, 1, COTHREAD_FOREVER, 0), COTHREAD_EHANDLE);

    one.flags = COTHREAD_OWNS_MEMORY;
    jobs[0] = handle(cothread_job_start(0, &one, COTHREAD_NOW));
    task = spawn(sees_the_end, &jobs[0]);
    expect(cothread_yield(), 0);
    expect(cothread_close(jobs[0]), 0);
    join(task);
    let_go(&first, 1);

    /* 200 at once, in any order. */
    cothread_item items[200];
    int left = 200;
    memset(items, 0, sizeof items);
    for (int i = 0; i < 200; i++) {
        cothread_job job = JOB(labs, COTHREAD_TYPE_LONG, LONG(-i));
        items[i] = (cothread_item){.kind = COTHREAD_ITEM_JOB, .object = handle(cothread_job_start(0, &job, COTHREAD_FOREVER)), .tag = (uint64_t)i};
    }
    while (left > 0) {
        int fired = cothread_wait(items, sizeof *items, (size_t)left, COTHREAD_FOREVER, 0), kept = 0;
        expect(fired > 0, 1);
        for (int i = 0; i < left; i++) {
            if (!items[i].fired) {
                items[kept++] = items[i];
                continue;
            }
            expect(items[i].value, items[i].tag);
            expect(cothread_close(items[i].object), 0);
            fired--;
        }
        expect(fired, 0);
        left = kept;
    }
    return nothing_left();
}
