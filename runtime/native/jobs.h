/* jobs.h - calls on threads of pools, and the tasks that wait for them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_JOBS_H
#define NATIVE_JOBS_H

#include "state.h"

enum own_pool { OWN_POOL_DEFAULT, OWN_POOL_NAMES }; /* an index of scheduler.own_pools */

cothread_handle pool_create(struct scheduler *s, const cothread_pool_options *options);
int pool_copy_statistics(struct scheduler *s, cothread_handle handle, cothread_pool_stats *stats);
int pool_close_object(struct scheduler *s, void *object, cothread_handle handle);
void pool_describe(const struct scheduler *s, const void *object, char *text, size_t size);

/* In cothread_job.flags, of the library's own jobs: no more is copied out than the result says. */
#define JOB_RESULT_IS_SIZE (1u << 31)

/* job_offload: cothread_offload, in a pool of the caller's, or if that is 0 in one of the scheduler's own. What is behind
 * a pointer of `job` has been checked by job_check. */
int job_check(const cothread_job *job);
int job_offload(struct scheduler *s, cothread_handle pool, enum own_pool own, cothread_job *job, int64_t deadline);
cothread_handle job_start(struct scheduler *s, cothread_handle pool, const cothread_job *job, int64_t deadline);
int job_copy_result(struct scheduler *s, cothread_handle handle, cothread_job *job);

int job_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *job_list(void *object, const struct wait *w);
int job_close(struct scheduler *s, void *object, cothread_handle handle);
void job_describe(const struct scheduler *s, const void *object, char *text, size_t size);

/* jobs_arrive takes up what threads of pools left: calls that returned, and room. When shared.arrived says so. */
void jobs_arrive(struct scheduler *s);

/* jobs_end gives up every job and pool, without waiting for any. Needs nothing of the tick half, and is harmless twice. */
void jobs_end(struct scheduler *s);

#endif
