/* adopted.c - descriptors that belong to the library until they are released.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One is registered once, edge-triggered; each report comes to adopted_ready. Two sets of poll(2)
 * bits follow:
 *   drained  the last try found nothing: do not try again before an edge clears it
 *   sticky   RDHUP, HUP, ERR and PRI, which are reported once and stay true. Ten bytes and a FIN may be one event: after a
 *            short read there is still an end to be read, so while one is set a short read does not count as drained
 *
 * A report wakes one reader and one writer. Whichever task leaves a descriptor that is not drained passes the report on to the
 * next, in the same tick: no new edge would tell it. */
#include "adopted.h"

#include <stdio.h>

#include "descriptors.h"
#include "wait.h"

#define STICKY (COTHREAD_READHUP | COTHREAD_HANGUP | COTHREAD_ERROR | COTHREAD_PRIORITY)

static struct adopted *find(struct scheduler *s, cothread_handle handle, int *error)
{
    return handle_object(&s->handles, KIND_ADOPTED, handle, error);
}

/* ---- Coming and going ----------------------------------------------------------------------------------- */

cothread_handle adopted_enter(struct scheduler *s, struct system_descriptor *descriptor)
{
    int error, fd = descriptor->fd;
    struct adopted *adopted = object_allocate(&s->handles, KIND_ADOPTED, &error);
    if (!adopted)
        return error;
    adopted->descriptor = *descriptor;
    adopted->drained = adopted->sticky = 0;
    adopted->ended = false;
    adopted->readers.first = adopted->writers.first = adopted->either.first = NULL;
    adopted->transfer = NULL;
    adopted->owner = adopted;
    adopted->open = true;
    cothread_handle handle = handle_of(&s->handles, KIND_ADOPTED, adopted);
    error = (int)switch_call(s, CALL_ADOPT, fd, handle);
    if (error == 0)
        return handle;
    adopted->open = false;
    object_free(&s->handles, KIND_ADOPTED, adopted);
    switch (error) {
    case COTHREAD_EINVAL: return fail(error, "descriptor %lld is a regular file or a directory, always ready: use it as it is", fd);
    case COTHREAD_EEXIST: return fail(error, "descriptor %lld is adopted already", fd);
    case COTHREAD_EBUSY: return fail(error, "tasks wait for descriptor %lld by number: adopt it before, or call cothread_wake_fd", fd);
    case COTHREAD_ELIMIT: return fail(error, "the system registers no more descriptors (%lld)", fd);
    case COTHREAD_EBADF: return fail(error, "descriptor %lld is not open", fd);
    default:
        errno = (int)s->shared.call_b;
        return fail(error, "the system does not watch descriptor %lld (errno %lld)", fd, errno);
    }
}

cothread_handle adopted_create(struct scheduler *s, int fd)
{
    struct system_descriptor descriptor;
    int rc = system_adopt(&descriptor, fd);
    if (rc == 0) {
        cothread_handle entered = adopted_enter(s, &descriptor);
        if (entered < 0)
            system_release(&descriptor);
        return entered;
    }
    switch (rc) {
    case -EBADF: return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    case -EMFILE:
    case -ENFILE: return fail(COTHREAD_ELIMIT, "no descriptor is left to open %lld once more", fd);
    case -ENOMEM: return fail(COTHREAD_ENOMEM, "no memory to adopt descriptor %lld", fd);
    default: return fail(COTHREAD_ESYSTEM, "adopting descriptor %lld failed with errno %lld", fd, -rc);
    }
}

static void leave(struct scheduler *s, struct adopted *adopted)
{
    adopted->open = false;
    wait_end_all(s, &adopted->readers, COTHREAD_ECLOSED);
    wait_end_all(s, &adopted->writers, COTHREAD_ECLOSED);
    wait_end_all(s, &adopted->either, COTHREAD_ECLOSED);
    if (adopted->transfer)
        transfer_lost(s, adopted->transfer);
}

int adopted_release(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct adopted *adopted = find(s, handle, &error);
    if (!adopted)
        return error;
    switch_call(s, CALL_RELEASE, adopted->descriptor.fd, 0);
    leave(s, adopted);
    int fd = system_release(&adopted->descriptor);
    object_free(&s->handles, KIND_ADOPTED, adopted);
    return fd;
}

void adopted_free(struct scheduler *s, void *object)
{
    struct adopted *adopted = object;
    if (!adopted->open)
        return;
    switch_call(s, CALL_RELEASE, adopted->descriptor.fd, 0);
    leave(s, adopted);
    system_close(&adopted->descriptor);
}

int adopted_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    adopted_free(s, object);
    object_free(&s->handles, KIND_ADOPTED, object);
    return 0;
}

void adopted_close_all(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_ADOPTED];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct adopted *adopted = slot_at(&s->handles, KIND_ADOPTED, i);
        if (adopted->open) {
            adopted->open = false;
            system_close(&adopted->descriptor);
        }
    }
}

int adopted_descriptor(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct adopted *adopted = find(s, handle, &error);
    return adopted ? adopted->descriptor.fd : error;
}

void adopted_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    snprintf(text, size, "descriptor %d", ((const struct adopted *)object)->descriptor.fd);
}

/* ---- Reports ---------------------------------------------------------------------------------------------- */

/* pass_on wakes the next task for a direction that may have more; each task that leaves it calls this. */
static void pass_on(struct scheduler *s, struct adopted *adopted, uint32_t direction)
{
    struct wait_list *list = adopted_list_of(adopted, direction);
    if (__builtin_expect(list->first && !(adopted->drained & direction), 0))
        wait_end(s, list->first, 0);
}

static void report(struct scheduler *s, struct adopted *adopted, uint32_t direction)
{
    struct wait_list *list = adopted_list_of(adopted, direction);
    adopted->drained &= (uint16_t)~direction;
    if (list->first)
        wait_end_cold(s, list->first, 0);
}

void adopted_ready(struct scheduler *s, void *object, uint32_t events)
{
    struct adopted *adopted = object;
    __builtin_prefetch(adopted->owner);
    adopted->sticky |= (uint16_t)(events & STICKY);
    if (events & (COTHREAD_READABLE | STICKY)) {
        adopted->ended = false;
        report(s, adopted, COTHREAD_READABLE);
    }
    if (events & (COTHREAD_WRITABLE | COTHREAD_HANGUP | COTHREAD_ERROR))
        report(s, adopted, COTHREAD_WRITABLE);
    wait_end_all(s, &adopted->either, 0);
}

/* ---- Looking among other things ------------------------------------------------------------------------------ */

int adopted_to_poll(const void *object, uint32_t events, bool now)
{
    const struct adopted *adopted = object;
    bool told_of = !(events & ~adopted->drained) && !adopted->sticky; /* whatever comes will be reported */
    return told_of && !now ? -1 : adopted->descriptor.fd;
}

uint32_t adopted_polled(void *object, uint32_t events, uint32_t found)
{
    struct adopted *adopted = object;
    adopted->sticky |= (uint16_t)(found & STICKY); /* the caller may take the urgent byte before it is reported */
    adopted->drained |= (uint16_t)(events & ~found & (COTHREAD_READABLE | COTHREAD_WRITABLE));
    return adopted->ended ? found & ~COTHREAD_READABLE : found;
}

void adopted_ask_host(struct scheduler *s, const struct adopted *adopted, uint32_t events)
{
    switch_call(s, CALL_DRAINED, adopted->descriptor.fd, events);
}

struct wait_list *adopted_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct adopted *)object)->either;
}

/* ---- For connections ---------------------------------------------------------------------------------------- */

struct adopted *adopted_at(struct scheduler *s, cothread_handle handle)
{
    int error;
    return find(s, handle, &error);
}

cothread_handle adopted_handle(struct scheduler *s, const struct adopted *adopted)
{
    return handle_of(&s->handles, KIND_ADOPTED, adopted);
}

void adopted_hasten(struct scheduler *s, struct adopted *adopted, int64_t deadline)
{
    for (struct wait *w = adopted->readers.first; w; w = w->next)
        wait_hasten(s, w->task, deadline);
    for (struct wait *w = adopted->writers.first; w; w = w->next)
        wait_hasten(s, w->task, deadline);
}

void adopted_tell(struct scheduler *s, struct adopted *adopted)
{
    wait_end_all(s, &adopted->either, 0);
}

void adopted_end_waits(struct scheduler *s, struct adopted *adopted, int reason)
{
    wait_end_all(s, &adopted->readers, reason);
    wait_end_all(s, &adopted->writers, reason);
    adopted_tell(s, adopted);
}

/* ---- Waiting ------------------------------------------------------------------------------------------------ */

/* await waits in a list until what it stands for may be tried again; 0, or why not. */
static int await(struct scheduler *s, struct adopted *adopted, struct wait_list *list, uint32_t direction, int64_t deadline)
{
    cothread_handle handle = handle_of(&s->handles, KIND_ADOPTED, adopted);
    int stale, rc = adopted_wait_in(s, adopted, list, direction, deadline);
    return rc == 0 && !find(s, handle, &stale) ? wait_failed(s, COTHREAD_ECLOSED, deadline) : rc; /* closed before its turn */
}

int adopted_wait(struct scheduler *s, cothread_handle handle, uint32_t events, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = find(s, handle, &rc);
        if (!adopted)
            return rc;
        if ((rc = descriptor_poll(adopted->descriptor.fd, events)) < 0)
            return rc;
        adopted->sticky |= (uint16_t)(rc & STICKY); /* the caller may take the urgent byte before it is reported */
        if (adopted->ended)
            rc &= ~(int)COTHREAD_READABLE;
        if (rc) {
            wait_satisfied(s, deadline);
            return rc;
        }
        if ((rc = await(s, adopted, &adopted->either, events, deadline)) != 0)
            return rc;
    }
}

int64_t adopted_read_now(struct scheduler *s, struct adopted *adopted, void *buffer, size_t size)
{
    bool drained = false;
    int64_t n = system_read(&adopted->descriptor, buffer, size, &drained);
    if (n == -EAGAIN)
        return adopted_tried(adopted, COTHREAD_READABLE, n);
    if (n == 0)
        adopted->ended = true;
    else if (n > 0 && drained && !(adopted->sticky & STICKY))
        adopted->drained |= COTHREAD_READABLE;
    pass_on(s, adopted, COTHREAD_READABLE);
    return n;
}

int64_t adopted_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = find(s, handle, &rc);
        if (!adopted)
            return rc;
        if (adopted_worth_trying(s, adopted, COTHREAD_READABLE, deadline)) {
            int64_t n = adopted_read_now(s, adopted, buffer, size);
            if (n >= 0) {
                wait_satisfied(s, deadline);
                return n;
            }
            if (n != -EAGAIN)
                return fail(COTHREAD_ESYSTEM, "read from descriptor %lld failed with errno %lld", adopted->descriptor.fd, -n);
        }
        if ((rc = await(s, adopted, &adopted->readers, COTHREAD_READABLE, deadline)) != 0)
            return rc;
    }
}

int64_t adopted_write_now(struct scheduler *s, struct adopted *adopted, const char *data, size_t size, size_t *written)
{
    while (*written < size) {
        int64_t n = system_write(&adopted->descriptor, data + *written, size - *written);
        if (n == -EAGAIN)
            return adopted_tried(adopted, COTHREAD_WRITABLE, n);
        if (n < 0) {
            pass_on(s, adopted, COTHREAD_WRITABLE);
            return n;
        }
        *written += (size_t)n;
    }
    pass_on(s, adopted, COTHREAD_WRITABLE);
    return 0;
}

int64_t adopted_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, int64_t deadline)
{
    size_t written = 0;
    int rc;
    for (;;) {
        struct adopted *adopted = find(s, handle, &rc);
        if (!adopted)
            return written ? (int64_t)written : rc;
        if (adopted_worth_trying(s, adopted, COTHREAD_WRITABLE, deadline)) {
            int64_t error = adopted_write_now(s, adopted, data, size, &written);
            if (error == 0) {
                wait_satisfied(s, deadline);
                return (int64_t)written;
            }
            if (error != -EAGAIN) {
                if (written)
                    return (int64_t)written; /* the next call meets the error again */
                return fail(COTHREAD_ESYSTEM, "write to descriptor %lld failed with errno %lld", adopted->descriptor.fd, -error);
            }
        }
        if ((rc = await(s, adopted, &adopted->writers, COTHREAD_WRITABLE, deadline)) != 0) {
            if (rc == COTHREAD_EINTR && written)
                atomic_store(&s->shared.interrupted, 1); /* the next call says so */
            return written ? (int64_t)written : rc;
        }
    }
}

int64_t adopted_accept_now(struct scheduler *s, struct adopted *adopted)
{
    struct system_descriptor accepted;
    int fd = adopted->descriptor.fd, error = system_accept(&adopted->descriptor, &accepted);
    if (error == -EAGAIN) {
        adopted->drained |= COTHREAD_READABLE;
        return WOULD_WAIT;
    }
    pass_on(s, adopted, COTHREAD_READABLE);
    switch (error) {
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
    case -ENOMEM:
        return fail(COTHREAD_ELIMIT, "accept on descriptor %lld failed with errno %lld: no descriptor or memory is left", fd, -error);
    }
    if (error < 0)
        return fail(COTHREAD_ESYSTEM, "accept on descriptor %lld failed with errno %lld", fd, -error);
    cothread_handle entered = adopted_enter(s, &accepted);
    if (entered < 0)
        system_close(&accepted);
    return entered;
}

cothread_handle adopted_accept(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = find(s, handle, &rc);
        if (!adopted)
            return rc;
        if (adopted_worth_trying(s, adopted, COTHREAD_READABLE, deadline)) {
            int64_t accepted = adopted_accept_now(s, adopted);
            if (accepted != WOULD_WAIT) {
                if (accepted >= 0)
                    wait_satisfied(s, deadline);
                return accepted == COTHREAD_ELIMIT ? wait_before_limit(s, COTHREAD_ELIMIT, deadline) : accepted;
            }
        }
        if ((rc = await(s, adopted, &adopted->readers, COTHREAD_READABLE, deadline)) != 0)
            return rc;
    }
}

/* ---- For a host, in batches ----------------------------------------------------------------------------------- */

bool adopted_list_wait(struct scheduler *s, struct adopted *adopted, struct wait *w, uint32_t direction)
{
    if (!(adopted->drained & direction))
        return false;
    adopted_expect(s, adopted, direction);
    w->list = adopted_list_of(adopted, direction);
    wait_list_append(w->list, w);
    return true;
}

struct transfer **adopted_transfer(struct adopted *adopted)
{
    return &adopted->transfer;
}
