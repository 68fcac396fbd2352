/* connection.h - streams, datagrams and listeners with a state.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CONNECTION_H
#define NATIVE_CONNECTION_H

#include "state.h"

struct adopted;
struct connection;
struct system_descriptor;

#define CONNECTION_STATES 10 /* COTHREAD_STATE_... */
#define CONNECTION_BUFFER_MOST ((size_t)16 << 20)

/* ---- Coming and going: connect.c makes most of them ---- */

/* connection_begin makes one in `state`, without a descriptor yet; NULL: *error says why. connection_open gives it its adopted
 * descriptor; of one that made a socket's file, which its close removes, connection_owns_file is told before. connection_give_up
 * ends one that never got any; connection_strip ends an open one, and returns the handle of its adopted descriptor, which stays. */
struct connection *connection_begin(struct scheduler *s, const cothread_connection_options *options, int state, int *error);
void connection_open(struct scheduler *s, struct connection *c, cothread_handle adopted, bool datagram, bool listens);
void connection_owns_file(struct connection *c);
void connection_give_up(struct scheduler *s, struct connection *c, int error);
cothread_handle connection_strip(struct scheduler *s, cothread_handle handle);
void connection_enter(struct scheduler *s, struct connection *c, int state);
cothread_handle connection_handle(struct scheduler *s, const struct connection *c);
/* connection_connecting returns the one that is being connected by the calling task; NULL: it was closed, or its limit passed, and
 * *error is the answer. It hastens the task's waits when there is something to look at. */
struct connection *connection_connecting(struct scheduler *s, cothread_handle handle, int *error);
int64_t connection_until(const struct connection *c, int64_t deadline);

cothread_handle connection_adopt(struct scheduler *s, int fd, const void *data, size_t size, const cothread_connection_options *options);
int connection_release(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *buffered);
cothread_handle connection_accept(struct scheduler *s, cothread_handle handle, int64_t deadline);
int connection_finish(struct scheduler *s, cothread_handle handle, int64_t deadline);
int64_t connection_end(struct scheduler *s, cothread_handle handle, int64_t deadline);

/* ---- Data: `got` and `written` begin at 0 ---- */

int64_t connection_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline);
int connection_read_exactly(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *got, int64_t deadline);
int64_t connection_read_until(struct scheduler *s, cothread_handle handle, const void *delimiter, size_t delimiter_size, void *buffer,
                              size_t size, int64_t deadline);
int connection_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, size_t *written, int64_t deadline);
int connection_writev(struct scheduler *s, cothread_handle handle, const cothread_span *spans, size_t count, size_t *written,
                      int64_t deadline);
int connection_sendfile(struct scheduler *s, cothread_handle handle, int fd, int64_t offset, size_t size, size_t *written,
                        int64_t deadline);
int connection_send(struct scheduler *s, cothread_handle handle, const cothread_message *message, size_t *written, int64_t deadline);
int64_t connection_receive(struct scheduler *s, cothread_handle handle, cothread_message *message, int64_t deadline);

/* ---- What it is ---- */

int64_t connection_unacknowledged(struct scheduler *s, cothread_handle handle);
int connection_state(struct scheduler *s, cothread_handle handle);
int connection_limit(struct scheduler *s, cothread_handle handle, int state, int64_t ns);
int connection_observe(struct scheduler *s, cothread_handle handle, cothread_observer observer, void *argument);
int connection_descriptor(struct scheduler *s, cothread_handle handle);
int connection_address(struct scheduler *s, cothread_handle handle, uint32_t end, cothread_address *address);

/* Among other things that a task waits for, one is looked at as its adopted descriptor, and by what connection_known knows of it
 * without that. connection_found says what a poll's bits mean for its operations; connection_due is when its limit passes, and
 * connection_check_limit has it fail then: its observer is called, which may close any other. */
void connection_check_limit(struct scheduler *s, cothread_handle handle);
struct adopted *connection_adopted(struct connection *c);
uint32_t connection_known(struct scheduler *s, cothread_handle handle, uint32_t want);
uint32_t connection_found(uint32_t want, uint32_t found);
int64_t connection_due(struct scheduler *s, cothread_handle handle);

/* Its row. */
int connection_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int connection_close(struct scheduler *s, void *object, cothread_handle handle);
void connection_free(struct scheduler *s, void *object);
void connection_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
