/* channel.h - elements of a fixed size, FIFO, in a buffer or from hand to hand.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CHANNEL_H
#define NATIVE_CHANNEL_H

#include "state.h"

cothread_handle channel_create(struct scheduler *s, size_t element_size, size_t capacity, uint32_t flags);
int channel_send(struct scheduler *s, cothread_handle handle, const void *element, int64_t deadline);
int channel_receive(struct scheduler *s, cothread_handle handle, void *element, int64_t deadline);
int channel_done(struct scheduler *s, cothread_handle handle);

/* channel_send_from_outside is for a thread whose scheduler, if it has one, is not the channel's. */
int channel_send_from_outside(cothread_handle handle, const void *element, int64_t deadline);
/* channels_arrive hands out what other threads sent while tasks waited for it. channels_refuse ends sending by threads: the
 * scheduler ends. channels_forget drops what channels_arrive was to look at, once nobody can add to it. */
void channels_arrive(struct scheduler *s);
void channels_refuse(struct scheduler *s);
void channels_forget(struct scheduler *s);

/* channel_deliver copies what the receive of a host task or an item was handed to where it said; `element` is that place again,
 * for one whose element lies in its wait. */
void channel_deliver(struct scheduler *s, struct wait *w, void *element);
/* channel_forget drops what a host task's receive was handed: the task ends first. */
void channel_forget(struct scheduler *s, struct wait *w);
/* channel_keep copies the element that a host task is to send among other things: its own memory is not looked at again.
 * channel_drop gives the copy back. */
int channel_keep(struct scheduler *s, const void *object, void **element);
void channel_drop(struct scheduler *s, void *element);
/* channel_free_cells gives back what elements lay in while tasks waited. */
void channel_free_cells(struct scheduler *s);

/* Its row. A wait with `sends` gives an element. */
int channel_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int channel_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *channel_list(void *object, const struct wait *w);
void channel_leave(struct scheduler *s, struct wait *w);
int channel_close(struct scheduler *s, void *object, cothread_handle handle);
void channel_free(struct scheduler *s, void *object);
void channel_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
