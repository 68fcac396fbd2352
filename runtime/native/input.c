/* input.c - what comes in by a connection: bytes, messages, and other connections.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "input.h"

#include "../../system/sockets.h"
#include "use.h"

/* take moves what is buffered to the caller. */
static size_t take(struct connection *c, void *buffer, size_t size)
{
    size_t n = c->end - c->begin;
    if (n > size)
        n = size;
    memcpy(buffer, c->buffer + c->begin, n);
    c->begin += (uint32_t)n;
    if (c->begin == c->end)
        c->begin = c->end = 0;
    return n;
}

/* ended is for a read that brought no bytes: at the end, or for an error. */
static int64_t ended(struct use *use, int64_t n) __attribute__((cold));
static int64_t ended(struct use *use, int64_t n)
{
    struct connection *c = use->c;
    if (c->state == COTHREAD_STATE_FAILED)
        return connection_unfit(c, use->operation);
    if (n < 0)
        return use_broke(use, (int)-n);
    if (!c->input_over && !c->lingers)
        connection_input_ends(use->s, c);
    return 0;
}

/* await_input waits until it is worth trying again: 0, or why the operation ends. */
static inline __attribute__((always_inline)) int await_input(struct use *use)
{
    if (__builtin_expect(use->c->state == COTHREAD_STATE_FAILED, 0))
        return connection_unfit(use->c, use->operation);
    return use_await(use, COTHREAD_READABLE);
}

/* fill reads what there is: > 0, 0 at the end, or an error. */
static inline __attribute__((always_inline)) int64_t fill(struct use *use, void *buffer, size_t size)
{
    for (;;) {
        struct connection *c = use->c;
        if (__builtin_expect(c->input_over || c->lingers, 0))
            return ended(use, 0);
        if (adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline)) {
            int64_t n = adopted_read_now(use->s, c->adopted, buffer, size < TURN_BYTES ? size : TURN_BYTES);
            if (__builtin_expect(n > 0, 1))
                return n;
            if (n != -EAGAIN)
                return ended(use, n);
        }
        int rc = await_input(use);
        if (__builtin_expect(rc < 0, 0))
            return rc;
    }
}

int64_t input_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline)
{
    struct use use;
    int64_t n = use_begin(&use, s, handle, TO_READ, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    n = __builtin_expect(use.c->end != 0, 0) ? (int64_t)take(use.c, buffer, size) : fill(&use, buffer, size);
    use.moved = n > 0 ? (uint32_t)n : 0;
    return use_end(&use, INPUT_TURN, n);
}

int input_read_exactly(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *got, int64_t deadline)
{
    struct use use;
    int64_t n = use_begin(&use, s, handle, TO_READ_EXACTLY, INPUT_TURN, deadline);
    if (n < 0)
        return (int)n;
    if (use.c->end)
        *got = take(use.c, buffer, size);
    while (*got < size) {
        if ((n = fill(&use, (char *)buffer + *got, size - *got)) <= 0)
            break;
        *got += (size_t)n;
        if ((n = use_progress(&use, (size_t)n)) < 0)
            break;
    }
    if (n == 0 && *got < size)
        n = fail(COTHREAD_ECLOSED, "the input ended after %lld of %lld bytes", *got, size);
    return (int)use_end(&use, INPUT_TURN, n < 0 ? n : 0);
}

int64_t input_read_until(struct scheduler *s, cothread_handle handle, const void *delimiter, size_t delimiter_size, void *buffer,
                         size_t size, int64_t deadline)
{
    struct use use;
    size_t searched = 0; /* no delimiter begins before this, from the begin of what is buffered */
    int64_t n = use_begin(&use, s, handle, TO_READ_UNTIL, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    while (n >= 0) {
        struct connection *c = use.c;
        size_t length = c->end - c->begin, within = length < size ? length : size;
        const char *from = c->buffer + c->begin;
        const char *found = within > searched ? memmem(from + searched, within - searched, delimiter, delimiter_size) : NULL;
        if (found) {
            n = (int64_t)take(c, buffer, (size_t)(found - from) + delimiter_size);
            break;
        }
        if (within == size) {
            n = fail(COTHREAD_EFULL, "there is no delimiter among the first %lld bytes", size);
            break;
        }
        if (within >= delimiter_size)
            searched = within - delimiter_size + 1;
        if ((n = connection_make_room(c, size)) < 0) /* not before: what is buffered may be many lines, and is moved once for all of them */
            break;
        n = fill(&use, c->buffer + c->end, c->capacity - c->end);
        if (n == 0)
            n = fail(COTHREAD_ECLOSED, "the input ended without the delimiter, after %lld bytes", length);
        if (n < 0)
            break;
        use.c->end += (uint32_t)n;
        n = use_progress(&use, (size_t)n);
    }
    if (use.c && use.c->end && use.c->adopted)
        adopted_tell(s, use.c->adopted); /* who waits for input among other things looks */
    return use_end(&use, INPUT_TURN, n);
}

/* receive_some is fill for messages. */
static int64_t receive_some(struct use *use, struct system_message *m)
{
    for (;;) {
        struct connection *c = use->c;
        if (c->end)
            return (int64_t)take(c, m->data, m->size);
        if (c->input_over || c->lingers)
            return ended(use, 0);
        if (adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline)) {
            int64_t n = adopted_tried(c->adopted, COTHREAD_READABLE, system_receive(&c->adopted->descriptor, m));
            if (n > 0 || (n == 0 && c->datagram))
                return n;
            if (n != -EAGAIN)
                return ended(use, n);
        }
        int rc = await_input(use);
        if (rc < 0)
            return rc;
    }
}

int64_t input_receive(struct scheduler *s, cothread_handle handle, cothread_message *message, int64_t deadline)
{
    struct use use;
    int32_t descriptors[SYSTEM_DESCRIPTORS_MAX];
    int64_t n = use_begin(&use, s, handle, TO_RECEIVE, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    struct system_message m = {.data = message->data, .size = message->length, .datagram = use.c->datagram,
                               .address = message->address, .descriptors = descriptors};
    n = receive_some(&use, &m);
    if (n >= 0) {
        for (uint32_t i = 0; i < m.descriptor_count; i++) {
            if (i < message->descriptor_count)
                message->descriptors[i] = descriptors[i];
            else
                system_close_received(descriptors[i]);
        }
        message->descriptor_count = m.descriptor_count;
        use.moved = (uint32_t)n;
    }
    return use_end(&use, INPUT_TURN, n);
}

cothread_handle input_accept(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct use use;
    int64_t result;
    int rc = use_begin(&use, s, handle, TO_ACCEPT, INPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    for (;;) {
        struct connection *listener = use.c;
        struct system_descriptor accepted;
        int64_t error = adopted_worth_trying(s, listener->adopted, COTHREAD_READABLE, deadline)
                            ? adopted_tried(listener->adopted, COTHREAD_READABLE, system_accept(&listener->adopted->descriptor, &accepted))
                            : -EAGAIN;
        if (error >= 0) {
            cothread_connection_options options = {.observer = listener->observer, .argument = listener->argument};
            memcpy(options.limits, listener->limits, sizeof options.limits);
            options.limits[COTHREAD_STATE_LISTENING] = 0;
            struct connection *c = connection_begin(s, &options, 0, &rc);
            result = c ? adopted_enter(s, &accepted) : rc;
            if (result < 0)
                system_close(&accepted);
            if (c && result < 0)
                object_free(&s->handles, KIND_CONNECTION, c);
            if (result >= 0) {
                cothread_handle adopted = result;
                result = connection_handle(s, c);
                connection_open(s, c, adopted, false, false);
                use.c = handle_object(&s->handles, KIND_CONNECTION, handle, &rc); /* the observer may have closed it */
            }
            break;
        }
        if (error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM) {
            fail(COTHREAD_ELIMIT, "accept failed with errno %lld: no descriptor or memory is left", -error);
            result = wait_before_limit(s, COTHREAD_ELIMIT, connection_until(use.c, deadline));
            if ((rc = use_look_again(&use)) < 0)
                result = rc;
            break;
        }
        if (error != -EAGAIN) {
            result = fail(COTHREAD_ESYSTEM, "accept failed with errno %lld", -error);
            break;
        }
        if ((result = use_await(&use, COTHREAD_READABLE)) < 0)
            break;
    }
    return use_end(&use, INPUT_TURN, result);
}
