/* output.c - what goes out by a connection, up to its end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "../../system/sockets.h"
#include "use.h"

/* What an operation writes, and how much of it the system has accepted. */
struct output {
    const char *data;
    const cothread_span *spans;
    const struct system_message *message;
    int64_t offset;
    size_t size, *done;
    int fd;
};

/* put_some writes from where the output stands: > 0, 0 at the end of a file, or -errno. */
static int64_t put_some(enum operation operation, struct connection *c, const struct output *o)
{
    struct system_descriptor *d = &c->adopted->descriptor;
    size_t done = *o->done, rest = o->size - done;
    if (rest > TURN_BYTES && !c->datagram)
        rest = TURN_BYTES;
    if (operation == TO_WRITE)
        return system_write(d, o->data + done, rest);
    if (operation == TO_SENDFILE)
        return system_write_file(d, o->fd, o->offset + (int64_t)done, rest);
    if (operation == TO_SEND) {
        struct system_message m = *o->message;
        m.data = (char *)m.data + done;
        m.size = rest;
        if (done)
            m.descriptor_count = 0; /* they went with the first byte */
        return system_send(d, &m);
    }
    cothread_span some[16];
    size_t count = 0, total = 0;
    for (const cothread_span *span = o->spans; count < 16 && total < rest; span++) {
        if (done >= span->size) {
            done -= span->size;
            continue;
        }
        size_t size = span->size - done < rest - total ? span->size - done : rest - total;
        some[count++] = (cothread_span){(const char *)span->data + done, size};
        total += size;
        done = 0;
    }
    return system_write_spans(d, some, count);
}

/* put_rest goes on until all is written, and ends the operation. */
static int put_rest(struct use *use, const struct output *o) __attribute__((noinline));
static int put_rest(struct use *use, const struct output *o)
{
    struct scheduler *s = use->s;
    enum operation operation = use->operation;
    int rc = 0;
    bool whole = use->c->datagram; /* an empty one is sent too */
    while (rc == 0 && (*o->done < o->size || whole)) {
        struct connection *c = use->c;
        int64_t n = adopted_worth_trying(s, c->adopted, COTHREAD_WRITABLE, use->deadline)
                        ? adopted_tried(c->adopted, COTHREAD_WRITABLE, put_some(operation, c, o))
                        : -EAGAIN;
        if (n > 0 || (n == 0 && whole)) {
            *o->done += (size_t)n;
            if (!whole && *o->done < o->size) {
                rc = use_progress(use, (size_t)n);
                continue;
            }
            use->moved = (uint32_t)n;
            break;
        }
        if (n == -EAGAIN)
            rc = use_await(use, COTHREAD_WRITABLE);
        else if (n == 0 && operation == TO_SENDFILE)
            rc = fail(COTHREAD_EINVAL, "the file ends after %lld of %lld bytes", *o->done, o->size);
        else if (n == -EBADF && operation == TO_SENDFILE)
            rc = fail(COTHREAD_EBADF, "descriptor %lld is not open for reading", o->fd);
        else
            rc = use_broke(use, n == 0 ? EIO : (int)-n);
    }
    return (int)use_end(use, OUTPUT_TURN, rc);
}

static int put(struct scheduler *s, cothread_handle handle, enum operation operation, const struct output *o, int64_t deadline)
{
    struct use use;
    int rc = use_begin(&use, s, handle, operation, OUTPUT_TURN, deadline);
    return rc < 0 ? rc : put_rest(&use, o);
}

int output_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, size_t *written, int64_t deadline)
{
    struct use use;
    int rc = use_begin(&use, s, handle, TO_WRITE, OUTPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    if (size <= TURN_BYTES && adopted_worth_trying(s, use.c->adopted, COTHREAD_WRITABLE, deadline)) { /* most writes are done at once */
        int64_t n = adopted_tried(use.c->adopted, COTHREAD_WRITABLE, system_write(&use.c->adopted->descriptor, data, size));
        if (n < 0 && n != -EAGAIN)
            return (int)use_end(&use, OUTPUT_TURN, use_broke(&use, (int)-n));
        if (n > 0)
            *written = (size_t)n;
        if (n == (int64_t)size) {
            use.moved = (uint32_t)n;
            return (int)use_end(&use, OUTPUT_TURN, 0);
        }
    }
    struct output o = {.data = data, .size = size, .done = written};
    return put_rest(&use, &o);
}

int output_writev(struct scheduler *s, cothread_handle handle, const cothread_span *spans, size_t count, size_t *written,
                  int64_t deadline)
{
    struct output o = {.spans = spans, .done = written};
    for (size_t i = 0; i < count; i++)
        o.size += spans[i].size;
    return put(s, handle, TO_WRITEV, &o, deadline);
}

int output_sendfile(struct scheduler *s, cothread_handle handle, int fd, int64_t offset, size_t size, size_t *written,
                    int64_t deadline)
{
    struct output o = {.fd = fd, .offset = offset, .size = size, .done = written};
    return put(s, handle, TO_SENDFILE, &o, deadline);
}

int output_send(struct scheduler *s, cothread_handle handle, const cothread_message *message, size_t *written, int64_t deadline)
{
    struct system_message m = {.data = message->data, .size = message->length, .address = message->address,
                               .descriptors = message->descriptors, .descriptor_count = message->descriptor_count};
    struct output o = {.message = &m, .size = message->length, .done = written};
    return put(s, handle, TO_SEND, &o, deadline);
}

int output_finish(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct use use;
    int rc = use_begin(&use, s, handle, TO_FINISH, OUTPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    int error = system_finish(&use.c->adopted->descriptor);
    use.c->told = error == 0;
    if (error < 0)
        rc = use_broke(&use, -error);
    else
        connection_output_ends(s, use.c);
    return (int)use_end(&use, OUTPUT_TURN, rc);
}
