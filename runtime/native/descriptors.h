/* descriptors.h - waiting for descriptors that the caller owns, by number.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_DESCRIPTORS_H
#define NATIVE_DESCRIPTORS_H

#include "state.h"

#define WAITABLE (COTHREAD_READABLE | COTHREAD_PRIORITY | COTHREAD_WRITABLE | COTHREAD_ERROR | COTHREAD_HANGUP | COTHREAD_READHUP)

/* For each direction of a descriptor, how many tasks wait for it or were woken for it and have not
 * run. While there is one, what is there is its: a task that comes goes behind it, and does not
 * look first. And how often cothread_wake_fd was called for it. */
enum { READ_AHEAD, WRITE_AHEAD, PRIORITY_AHEAD, WAKES };
#define AHEAD_BITS 10 /* descriptors in a chunk */

/* descriptor_ahead returns these counts; NULL: there are none yet. */
static inline uint32_t *descriptor_ahead(const struct scheduler *s, int fd)
{
    uint32_t chunk = (uint32_t)fd >> AHEAD_BITS;
    if (chunk >= s->ahead_chunks || !s->ahead[chunk])
        return NULL;
    return s->ahead[chunk][fd & ((1 << AHEAD_BITS) - 1)];
}

/* descriptor_enter puts `t` into a wait for a descriptor; descriptor_leave is due when its task runs
 * on, or its entry is in the batch, or it was withdrawn. An item's wait does so in two steps, as its
 * task is put into a wait for all of them: descriptor_reserve, which may fail, and descriptor_list. */
int descriptor_enter(struct scheduler *s, struct task *t, int fd, uint32_t events,
                     int64_t deadline);
int descriptor_reserve(struct scheduler *s, int fd);
void descriptor_list(struct scheduler *s, struct wait *w, int fd, uint32_t events);
void descriptor_leave(struct scheduler *s, struct wait *w);

/* descriptor_free returns the bits that nobody is ahead for, descriptor_wakes how often
 * descriptor_wake was called. */
static inline uint32_t descriptor_free(const struct scheduler *s, int fd, uint32_t events)
{
    const uint32_t *ahead = descriptor_ahead(s, fd);
    if (!ahead || !(ahead[READ_AHEAD] | ahead[WRITE_AHEAD] | ahead[PRIORITY_AHEAD]))
        return events;
    return events & ~((ahead[READ_AHEAD] ? COTHREAD_READABLE : 0) |
                      (ahead[WRITE_AHEAD] ? COTHREAD_WRITABLE : 0) |
                      (ahead[PRIORITY_AHEAD] ? COTHREAD_PRIORITY : 0));
}

static inline uint32_t descriptor_wakes(const struct scheduler *s, int fd)
{
    const uint32_t *ahead = descriptor_ahead(s, fd);
    return ahead ? ahead[WAKES] : 0;
}

int descriptor_wait(struct scheduler *s, int fd, uint32_t events, int64_t deadline);
int descriptor_wake(struct scheduler *s, int fd);

/* descriptor_poll returns the bits a descriptor has now, 0, or an error. */
int descriptor_poll(int fd, uint32_t events);

void descriptors_close(struct scheduler *s);

#endif
