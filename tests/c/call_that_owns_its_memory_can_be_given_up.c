/* A call that owns its memory is left to its thread at a deadline or a cancel: the caller's memory is not touched any more,
 * and the result goes to `drop`, once, on the pool's thread. One whose result was taken is not dropped.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static gate shutters;
static cothread_handle pool;
static _Atomic int64_t dropped, drops, drops_here;
static pthread_t scheduler_thread;

static void drop(int64_t result) {
    drops_here += pthread_equal(pthread_self(), scheduler_thread) != 0;
    dropped = result;
    drops++;
}

/* Turns its text over, in place, after the gate. */
static int64_t turn(gate *g, char *text, int64_t size, char *found) {
    pass(g);
    memcpy(found, text, (size_t)size);
    for (int64_t i = 0; i < size / 2; i++) {
        char c = text[i];
        text[i] = text[size - 1 - i];
        text[size - 1 - i] = c;
    }
    return size;
}

static void *given_up(void *cancelled) {
    char text[] = "abc", found[4] = "...";
    cothread_job job = JOB(turn, COTHREAD_TYPE_LONG, POINTER(&shutters), IN_OUT(text, 3), LONG(3), OUT(found, 3));
    job.flags = COTHREAD_OWNS_MEMORY;
    job.drop = drop;
    do { /* until it has begun when the deadline passes */
        expect(cothread_offload(pool, &job, cancelled ? COTHREAD_FOREVER : cothread_after(COTHREAD_MILLISECOND)),
               cancelled ? COTHREAD_ECANCELED : COTHREAD_ETIMEDOUT);
    } while (!job.called);
    expect(job.result.integer, 0);
    expect(strcmp(text, "abc") || strcmp(found, "..."), 0);
    memset(text, 'x', sizeof text); /* the call has a copy */
    return NULL;
}

int main(void) {
    cothread_handle task, started;
    char text[] = "abcd", found[5] = "....";
    handle(cothread_create(NULL));
    scheduler_thread = pthread_self();
    shut(&shutters);
    pool = pool_of(4, 8);

    task = spawn(given_up, NULL);
    until(shutters.inside == 1);
    join(task);
    task = spawn(given_up, "cancelled");
    until(shutters.inside == 2);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(drops, 0);
    let_go(&shutters, 2);
    until(drops == 2);
    expect(dropped, 3);
    expect(drops_here, 0);

    /* In time: copied in and out, and nothing is dropped. */
    cothread_job job = JOB(turn, COTHREAD_TYPE_LONG, POINTER(&shutters), IN_OUT(text, 4), LONG(4), OUT(found, 4));
    job.flags = COTHREAD_OWNS_MEMORY;
    job.drop = drop;
    let_go(&shutters, 1);
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 0);
    expect(strcmp(text, "dcba"), 0);
    expect(strcmp(found, "abcd"), 0);
    expect(job.result.integer, 4);

    /* By its handle: given up while its call goes on, before that, and when it has returned. */
    started = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    until(shutters.inside == 4);
    expect(cothread_close(started), 0);
    expect(cothread_job_result(started, &job), COTHREAD_EHANDLE);
    let_go(&shutters, 1);
    until(drops == 3);
    let_go(&shutters, 1);
    started = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    cothread_job same = job;
    until(cothread_job_result(started, &same) == 0);
    expect(cothread_close(started), 0); /* it was taken */
    started = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    let_go(&shutters, 1);
    until(shutters.through == 6 && pool_statistics(pool).ended == pool_statistics(pool).started);
    cothread_item item = {.kind = COTHREAD_ITEM_JOB, .object = started};
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.value, 4);
    expect(cothread_close(started), 0); /* it was only looked at */
    until(drops == 4);
    expect(drops_here, 0);
    expect(cothread_close(pool), 0);
    expect(drops, 4);
    return nothing_left();
}
