/* connect.h - connections are made: to the first of several addresses that answers, and by listening.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CONNECT_H
#define NATIVE_CONNECT_H

#include "state.h"

cothread_handle connect_by_name(struct scheduler *s, const char *host, const char *service, const cothread_connection_options *options,
                                int64_t deadline);
cothread_handle connect_to(struct scheduler *s, const cothread_address *addresses, size_t count, const cothread_connection_options *options,
                           int64_t deadline);
cothread_handle connect_to_path(struct scheduler *s, const char *path, const cothread_connection_options *options, int64_t deadline);
cothread_handle connect_listen(struct scheduler *s, const char *host, const char *service, const cothread_connection_options *options);
cothread_handle connect_listen_at_path(struct scheduler *s, const char *path, const cothread_connection_options *options);

/* connect_for_host begins to connect for a host task. WOULD_WAIT: its wait, of KIND_CONNECT and without a deadline, is to begin. Else
 * it has ended: 0, and the wait's value is the handle of an adopted descriptor; or an error, and the value is errno, or 0.
 * connect_leave is the row of that wait; connect_forget is for one that brought a descriptor, which nobody will take. */
int connect_for_host(struct scheduler *s, struct wait *w, const cothread_request *request);
void connect_leave(struct scheduler *s, struct wait *w);
void connect_forget(struct scheduler *s, const struct wait *w);

/* connects_close frees what belonged to tasks that never ended. */
void connects_close(struct scheduler *s);

#endif
