/* adopted.h - descriptors that belong to the library until they are released.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_ADOPTED_H
#define NATIVE_ADOPTED_H

#include "../../system/descriptors.h"
#include "state.h"
#include "wait.h"

struct adopted {
    uint32_t index, generation;
    union {
        struct slot *next_free; /* of a free slot */
        const void *owner;      /* what its tasks look at first, to be fetched and not followed: its connection, or itself */
    };
    struct system_descriptor descriptor;
    uint16_t drained, sticky;
    bool open;
    bool ended; /* a read returned 0, and nothing was reported since: READABLE would be the same end again */
    struct wait_list readers, writers, either;
    struct transfer *transfer; /* what a host has asked for in batches */
};
_Static_assert(sizeof(struct adopted) <= 128, "an adopted descriptor fits its slot");
_Static_assert(offsetof(struct adopted, transfer) == 64, "the first line is all that a report, a read and a write touch");

cothread_handle adopted_create(struct scheduler *s, int fd);
int adopted_release(struct scheduler *s, cothread_handle handle);
int adopted_descriptor(struct scheduler *s, cothread_handle handle);
int adopted_wait(struct scheduler *s, cothread_handle handle, uint32_t events, int64_t deadline);
int64_t adopted_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline);
int64_t adopted_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, int64_t deadline);
cothread_handle adopted_accept(struct scheduler *s, cothread_handle handle, int64_t deadline);

/* One try each. -EAGAIN, of accept WOULD_WAIT: nothing is there, or no room, and a report will tell of what comes.
 * adopted_write_now writes as much as there is room for and adds to *written; 0: all of it. */
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
void adopted_ask_host(struct scheduler *s, const struct adopted *adopted, uint32_t events) __attribute__((cold));
static inline void adopted_expect(struct scheduler *s, const void *object, uint32_t events)
{
    if (__builtin_expect(s->host_polls, 0))
        adopted_ask_host(s, object, events);
}

/* For connections, which try with system calls of their own, and wait between two tries. adopted_enter gives a prepared
 * descriptor an object and registers it; if that fails, it is still the caller's. */
cothread_handle adopted_enter(struct scheduler *s, struct system_descriptor *descriptor);
struct adopted *adopted_at(struct scheduler *s, cothread_handle handle);
cothread_handle adopted_handle(struct scheduler *s, const struct adopted *adopted);
/* adopted_worth_trying says whether an operation is worth a system call: it did not come to nothing since the last report, or the
 * caller cannot wait for the next. adopted_tried takes what such a call returned, and returns it.
 * adopted_await waits until a direction may be tried again; 0, or why not. It may be gone then. */
static inline bool adopted_worth_trying(const struct scheduler *s, const struct adopted *adopted, uint32_t direction, int64_t deadline)
{
    return !(adopted->drained & direction) || deadline == COTHREAD_NOW || !s->current;
}

static inline int64_t adopted_tried(struct adopted *adopted, uint32_t direction, int64_t result)
{
    if (__builtin_expect(result == -EAGAIN, 0)) {
        adopted->drained |= (uint16_t)direction;
        if (direction == COTHREAD_READABLE)
            adopted->sticky = 0; /* nothing is left, an end neither: a HUP of before connect, a PRI that was taken */
    }
    return result;
}

static inline struct wait_list *adopted_list_of(struct adopted *adopted, uint32_t direction)
{
    return direction == COTHREAD_READABLE ? &adopted->readers : &adopted->writers;
}

static inline int adopted_wait_in(struct scheduler *s, struct adopted *adopted, struct wait_list *list, uint32_t direction, int64_t deadline)
{
    int rc = wait_refused(s, deadline);
    if (rc)
        return rc;
    adopted_expect(s, adopted, direction);
    return wait_here(s, KIND_ADOPTED, list, deadline);
}

static inline int adopted_await(struct scheduler *s, struct adopted *adopted, uint32_t direction, int64_t deadline)
{
    return adopted_wait_in(s, adopted, adopted_list_of(adopted, direction), direction, deadline);
}
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
