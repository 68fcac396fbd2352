/* group.h - waits for some of its tasks and cancels the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_GROUP_H
#define NATIVE_GROUP_H

#include "state.h"

cothread_handle group_create(struct scheduler *s);
int group_add(struct scheduler *s, cothread_handle handle, cothread_handle task);
int group_wait(struct scheduler *s, cothread_handle handle, uint32_t count, int64_t deadline);
int group_cancel(struct scheduler *s, cothread_handle handle);

/* group_member_ended counts the end of a task that is in the group. */
void group_member_ended(struct scheduler *s, struct group *group);

/* Its row. The wait's count says how many ends it waits for; 0: all. */
int group_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int group_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *group_list(void *object, const struct wait *w);
int group_close(struct scheduler *s, void *object, cothread_handle handle);
void group_free(struct scheduler *s, void *object);
void group_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
