/* adopted.h - descriptors that belong to the library until they are released.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_ADOPTED_H
#define NATIVE_ADOPTED_H

#include "state.h"

cothread_handle adopted_create(struct scheduler *s, int fd);
int adopted_release(struct scheduler *s, cothread_handle handle);
int adopted_descriptor(struct scheduler *s, cothread_handle handle);
int adopted_wait(struct scheduler *s, cothread_handle handle, uint32_t events, int64_t deadline);
int64_t adopted_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline);
int64_t adopted_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, int64_t deadline);
cothread_handle adopted_accept(struct scheduler *s, cothread_handle handle, int64_t deadline);

/* One try each. -EAGAIN, of accept WOULD_WAIT: nothing is there, or no room, and a report will tell of what comes.
 * adopted_write_now writes as much as there is room for and adds to *written; 0: all of it. */
struct adopted;
int64_t adopted_read_now(struct scheduler *s, struct adopted *adopted, void *buffer, size_t size);
int64_t adopted_write_now(struct scheduler *s, struct adopted *adopted, const char *data, size_t size, size_t *written);
int64_t adopted_accept_now(struct scheduler *s, struct adopted *adopted);
/* For a host's batches: adopted_list_wait lists a wait for the next report; false: another try is worth it. adopted_transfer is
 * where the transfer of an adopted descriptor is noted. */
bool adopted_list_wait(struct scheduler *s, struct adopted *adopted, struct wait *w, uint32_t direction);
struct transfer **adopted_transfer(struct adopted *adopted);

/* adopted_close_all closes them without the tick half: its thread has ended. */
void adopted_close_all(struct scheduler *s);

/* Among other things that a task waits for, one is looked at by a poll of the caller's: adopted_to_poll returns the descriptor
 * to poll, or -1 if it has nothing that will not be reported; with `now` nobody waits for a report. adopted_polled takes what the
 * poll found and returns which bits to tell of. adopted_expect asks for the next report before a wait. */
int adopted_to_poll(const void *object, uint32_t events, bool now);
uint32_t adopted_polled(void *object, uint32_t events, uint32_t found);
void adopted_expect(struct scheduler *s, const void *object, uint32_t events);

/* For connections, which try with system calls of their own, and wait between two tries. adopted_enter gives a prepared
 * descriptor an object and registers it; if that fails, it is still the caller's. */
struct system_descriptor;
cothread_handle adopted_enter(struct scheduler *s, struct system_descriptor *descriptor);
struct adopted *adopted_at(struct scheduler *s, cothread_handle handle);
cothread_handle adopted_handle(struct scheduler *s, const struct adopted *adopted);
struct system_descriptor *adopted_system(struct adopted *adopted);
/* adopted_worth_trying says whether an operation is worth a system call: it did not come to nothing since the last report, or the
 * caller cannot wait for the next. adopted_tried takes what such a call returned, and returns it.
 * adopted_await waits until a direction may be tried again; 0, or why not. It may be gone then. */
bool adopted_worth_trying(const struct scheduler *s, const struct adopted *adopted, uint32_t direction, int64_t deadline);
int64_t adopted_tried(struct adopted *adopted, uint32_t direction, int64_t result);
int adopted_await(struct scheduler *s, struct adopted *adopted, uint32_t direction, int64_t deadline);
/* adopted_hasten has its readers and writers wait until `deadline` at the latest, as if theirs had passed; adopted_end_waits ends
 * their waits. adopted_tell has those look again that wait among other things. */
void adopted_hasten(struct scheduler *s, struct adopted *adopted, int64_t deadline);
void adopted_tell(struct scheduler *s, struct adopted *adopted);
void adopted_end_waits(struct scheduler *s, struct adopted *adopted, int reason);

/* Its row. */
struct wait_list *adopted_list(void *object, const struct wait *w);
void adopted_ready(struct scheduler *s, void *object, uint32_t events);
int adopted_close(struct scheduler *s, void *object, cothread_handle handle);
void adopted_free(struct scheduler *s, void *object);
void adopted_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
