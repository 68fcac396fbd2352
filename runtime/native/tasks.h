/* tasks.h - the life of a task, from spawn to join.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_TASKS_H
#define NATIVE_TASKS_H

#include "state.h"

cothread_handle task_spawn(struct scheduler *s, cothread_function function, void *argument, const cothread_task_options *options);
int task_join(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline);
/* task_watch looks only: the task can still be joined. */
int task_watch(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline);
int task_detach(struct scheduler *s, cothread_handle handle);
int task_cancel(struct scheduler *s, cothread_handle handle);
int task_shield(struct scheduler *s, int on);
cothread_handle task_self(struct scheduler *s);
int task_copy_name(struct scheduler *s, cothread_handle handle, char *buffer, size_t size);
int task_yield(struct scheduler *s);
int task_sleep(struct scheduler *s, int64_t deadline);
int task_wait_until(struct scheduler *s, int64_t deadline);
int task_wakeup(struct scheduler *s, cothread_handle handle);
int task_run_all(struct scheduler *s, int64_t deadline);

/* task_new takes a block. task_create makes a native task that is in no list yet. */
struct task *task_new(struct scheduler *s, uint8_t flags, int *error);
struct task *task_create(struct scheduler *s, cothread_function function, void *argument, int stack_class, uint8_t flags, int *error);
/* task_set_name: NULL takes the name of the slot's last owner back. 0 or COTHREAD_ENOMEM. */
int task_set_name(struct scheduler *s, struct task *t, const char *name);
/* task_end is the end of a task's life: mutexes, joiners and its group are told. */
void task_end(struct scheduler *s, struct task *t, uint64_t result);
/* task_one_less counts a task that ended: cothread_run may be waiting for the last. */
void task_one_less(struct scheduler *s);
/* task_each visits the tasks that have not ended: not main, not a parked runner. */
void task_each(struct scheduler *s, void (*visit)(struct scheduler *s, struct task *t, void *context), void *context);
/* task_main is the first frame of each native task: see switch_amd64.S. */
void task_main(struct task *t, cothread_function function, void *argument);

/* The row of a task. A wait with `watches` looks at its end and leaves the handle. */
int task_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int task_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *task_list(void *object, const struct wait *w);
int task_close(struct scheduler *s, void *object, cothread_handle handle);
void task_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
