/* process.h - processes and threads: starting, signals, and the wait for their end.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_PROCESS_H
#define NATIVE_PROCESS_H

#include "state.h"

cothread_handle process_launch(struct scheduler *s, const cothread_process_options *options);
cothread_handle process_open(struct scheduler *s, int32_t pid, bool thread);
int process_pid(struct scheduler *s, cothread_handle handle);
int process_signal(struct scheduler *s, cothread_handle handle, int number, bool group);

/* process_close_all closes their descriptors without the tick half: its thread has ended. */
void process_close_all(struct scheduler *s);

/* Its row. */
int process_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int process_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *process_list(void *object, const struct wait *w);
void process_ready(struct scheduler *s, void *object, uint32_t events);
int process_close(struct scheduler *s, void *object, cothread_handle handle);
void process_free(struct scheduler *s, void *object);
void process_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
