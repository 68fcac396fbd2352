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

#endif
