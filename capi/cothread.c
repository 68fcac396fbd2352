/* cothread.c - the public names. Each checks what was passed and hands on: to the task half (runtime/native), the queue
 * (callback) or, on the thread's own stack, the tick half in Go.
 * SPDX-License-Identifier: Apache-2.0 */
#define COTHREAD_API __attribute__((visibility("default")))
#include "tick.h"

#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../runtime/native/adopted.h"
#include "../runtime/native/callbacks.h"
#include "../runtime/native/channel.h"
#include "../runtime/native/closing.h"
#include "../runtime/native/connect.h"
#include "../runtime/native/connection.h"
#include "../runtime/native/descriptors.h"
#include "../runtime/native/event.h"
#include "../runtime/native/files.h"
#include "../runtime/native/group.h"
#include "../runtime/native/host.h"
#include "../runtime/native/input.h"
#include "../runtime/native/items.h"
#include "../runtime/native/jobs.h"
#include "../runtime/native/mailbox.h"
#include "../runtime/native/names.h"
#include "../runtime/native/mutex.h"
#include "../runtime/native/output.h"
#include "../runtime/native/process.h"
#include "../runtime/native/scheduler.h"
#include "../runtime/native/semaphore.h"
#include "../runtime/native/signals.h"
#include "../runtime/native/tasks.h"
#include "../runtime/native/timer.h"
#include "../runtime/native/watches.h"
#include "../system/sockets.h"
#include "../system/system.h"

static const struct tick_half tick_half = {tickCreate, tickRelease, tickDrive, tickDrain, tickCall, tickFault};

/* ---- What is checked ------------------------------------------------------------------------------------ */

/* ENTER names the calling thread's scheduler `s`, or leaves the function with the reason why there is none. A child of _Fork
 * or clone still has its thread's, but finds it unusable. */
#define ENTER(s)                                                \
    struct scheduler *s = scheduler_current;                    \
    if (__builtin_expect(!s || !s->handles.usable, 0))          \
    return scheduler_refused()

/* On amd64 returns_amd64.S stands in front of each public call that waits: it has the name, and what is called so here has
 * the label behind it. */
#ifdef __x86_64__
__thread void *returns_to __attribute__((tls_model("initial-exec"))); /* where the last such call will return to */
#define WAITS(name) extern __typeof__(name) name __asm__("suspending_" #name);
#include "waits.h"
#undef WAITS
#endif

#define REQUIRE(condition, ...)                                 \
    if (__builtin_expect(!(condition), 0))                      \
    return fail(COTHREAD_EINVAL, __VA_ARGS__)

#define ALIGNED(pointer) (((uintptr_t)(pointer) & (sizeof(void *) - 1)) == 0)

/* COUNTED is for where a call stores how many bytes it moved, whatever it returns: nowhere, if the caller does not want it. */
#define COUNTED(count)                                                                  \
    size_t unwanted;                                                                    \
    REQUIRE(ALIGNED(count), #count " is not aligned: %lld", (uintptr_t)(count));        \
    count = count ? count : &unwanted;                                                  \
    *count = 0
#define OWN_STACK(s)                                            \
    if (__builtin_expect((s)->running | (s)->observing, 0))     \
    return scheduler_is_busy()
#define HOSTED(s)                                               \
    if (__builtin_expect(!(s)->hosted, 0))                      \
    return fail(COTHREAD_EHOSTED, "this scheduler is self-driven: create it with COTHREAD_HOSTED")

/* known_part copies a struct that the caller fills: what a shorter one of an older header lacks is 0, and what a longer one
 * of a newer header has must be. Each begins with its size. */
static int known_part(void *known, uint32_t size, uint32_t least /* size in the first header of this ABI */, const void *given, const char *name)
{
    uint32_t given_size = *(const uint32_t *)given;
    char text[160];
    if (given_size < least || given_size > 4096 || given_size % 4) {
        snprintf(text, sizeof text, "%s.size is %u: set it to sizeof(cothread_%s)", name, given_size, name);
        return fail_text(COTHREAD_EINVAL, text);
    }
    for (uint32_t i = size; i < given_size; i++)
        if (((const char *)given)[i]) {
            snprintf(text, sizeof text, "%s has a field at byte %u that this library does not know, and it is not 0", name, i);
            return fail_text(COTHREAD_EINVAL, text);
        }
    memset(known, 0, size);
    memcpy(known, given, given_size < size ? given_size : size);
    return 0;
}

/* ---- Version, errors, time ------------------------------------------------------------------------------- */

COTHREAD_API const char *cothread_version(void)
{
    return COTHREAD_VERSION;
}

COTHREAD_API int cothread_abi(void)
{
    return COTHREAD_ABI;
}

COTHREAD_API const char *cothread_strerror(int code)
{
    return native_strerror(code);
}

COTHREAD_API const char *cothread_last_error(void)
{
    return native_last_error();
}

COTHREAD_API int64_t cothread_now(void)
{
    return system_now();
}

COTHREAD_API int64_t cothread_after(int64_t ns)
{
    int64_t deadline;
    if (__builtin_add_overflow(cothread_now(), ns, &deadline))
        return COTHREAD_FOREVER; /* now is positive, so only upwards */
    return deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : deadline;
}

/* ---- Scheduler --------------------------------------------------------------------------------------------- */

COTHREAD_API cothread_handle cothread_create(const cothread_options *options)
{
    static const cothread_options defaults = {.size = sizeof defaults};
    int rc;
    if (scheduler_forked())
        return scheduler_refused();
    cothread_options known;
    REQUIRE(((uintptr_t)options & 3) == 0, "options is not aligned: %lld", (uintptr_t)options);
    if (!options)
        options = &defaults;
    else if ((rc = known_part(&known, sizeof known, 24, options, "options")) < 0)
        return rc;
    else
        options = &known;
    REQUIRE(!(options->flags & ~(COTHREAD_HOSTED | COTHREAD_HOST_POLLS)), "options.flags has unknown bits: %lld", options->flags);
    REQUIRE(options->flags != COTHREAD_HOST_POLLS, "options.flags: COTHREAD_HOST_POLLS goes with COTHREAD_HOSTED");
    REQUIRE(options->stack_size == 0 || (options->stack_size >= 16384 && options->stack_size <= 1u << STACK_LARGEST_CLASS),
            "options.stack_size is %lld: 0, or 16384 to 1 GiB", options->stack_size);
    REQUIRE(options->callback_bound <= 1u << 20, "options.callback_bound is %lld: at most 1048576", options->callback_bound);
    REQUIRE(options->callback_budget <= 1u << 20, "options.callback_budget is %lld: at most 1048576", options->callback_budget);
    REQUIRE(options->timer_slack <= 1000000000, "options.timer_slack is %lld: at most 1000000000 ns", options->timer_slack);
    return scheduler_create(options, &tick_half);
}

COTHREAD_API int cothread_destroy(cothread_handle scheduler, int64_t deadline)
{
    if (scheduler_forked())
        return scheduler_refused();
    return scheduler_destroy(scheduler, deadline);
}

COTHREAD_API cothread_handle cothread_current(void)
{
    ENTER(s);
    return s->handles.owner;
}

COTHREAD_API int cothread_run(int64_t deadline)
{
    ENTER(s);
    OWN_STACK(s);
    if (s->hosted)
        return fail(COTHREAD_EHOSTED, "this scheduler is hosted: call cothread_poll_scheduler");
    return task_run_all(s, deadline);
}

COTHREAD_API int cothread_interrupt(cothread_handle scheduler)
{
    return scheduler_interrupt(scheduler);
}

/* ---- Tasks ------------------------------------------------------------------------------------------------- */

COTHREAD_API cothread_handle cothread_spawn(cothread_function function, void *argument, const cothread_task_options *options)
{
    ENTER(s);
    REQUIRE(function, "function is NULL");
    cothread_task_options known;
    if (options) {
        REQUIRE(ALIGNED(options), "options is not aligned: %lld", (uintptr_t)options);
        int rc = known_part(&known, sizeof known, 24, options, "task_options");
        if (rc < 0)
            return rc;
        options = &known;
        REQUIRE(!(options->flags & ~COTHREAD_DETACHED), "options.flags has unknown bits: %lld", options->flags);
        REQUIRE(options->reserved == 0, "options.reserved is %lld: it must be 0", options->reserved);
        REQUIRE(options->stack_size == 0 || (options->stack_size >= 16384 && options->stack_size <= 1u << STACK_LARGEST_CLASS),
                "options.stack_size is %lld: 0, or 16384 to 1 GiB", options->stack_size);
    }
    if (s->closing)
        return fail(COTHREAD_EDEAD, "the scheduler is being destroyed");
    return task_spawn(s, function, argument, options);
}

COTHREAD_API int cothread_join(cothread_handle task, void **result, int64_t deadline)
{
    ENTER(s);
    REQUIRE(ALIGNED(result), "result is not aligned: %lld", (uintptr_t)result);
    return task_join(s, task, result, deadline);
}

COTHREAD_API int cothread_detach(cothread_handle task)
{
    ENTER(s);
    return task_detach(s, task);
}

COTHREAD_API int cothread_cancel(cothread_handle task)
{
    ENTER(s);
    return task_cancel(s, task);
}

COTHREAD_API cothread_handle cothread_self(void)
{
    ENTER(s);
    return task_self(s);
}

COTHREAD_API int cothread_task_name(cothread_handle task, char *buffer, size_t size)
{
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size, "size is 0: 1 or more; 32 hold every name");
    return task_copy_name(s, task, buffer, size);
}

COTHREAD_API int cothread_yield(void)
{
    ENTER(s);
    return task_yield(s);
}

COTHREAD_API int cothread_sleep_until(int64_t deadline)
{
    ENTER(s);
    return task_sleep(s, deadline);
}

COTHREAD_API int cothread_sleep(int64_t ns)
{
    ENTER(s);
    return task_sleep(s, ns <= 0 ? COTHREAD_NOW : cothread_after(ns));
}

COTHREAD_API int cothread_shield(int on)
{
    ENTER(s);
    REQUIRE(on == 0 || on == 1, "on is %lld: 0 or 1", on);
    return task_shield(s, on);
}

COTHREAD_API int cothread_wait_until(int64_t deadline)
{
    ENTER(s);
    return task_wait_until(s, deadline);
}

COTHREAD_API int cothread_wakeup(cothread_handle task)
{
    ENTER(s);
    return task_wakeup(s, task);
}

COTHREAD_API int cothread_register_exceptions(cothread_exceptions exceptions)
{
    if (scheduler_forked())
        return scheduler_refused();
    REQUIRE(exceptions, "exceptions is NULL");
    int rc = exceptions_register(exceptions);
    if (rc == 0 && scheduler_current)
        exceptions_refresh(&scheduler_current->exceptions);
    return rc;
}

/* ---- What tasks share ---------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_close(cothread_handle object)
{
    ENTER(s);
    return scheduler_close(s, object);
}

COTHREAD_API cothread_handle cothread_event_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_MANUAL_RESET), "flags has unknown bits: %lld", flags);
    return event_create(s, flags);
}

COTHREAD_API int cothread_event_signal(cothread_handle event, void *value)
{
    ENTER(s);
    return event_signal(s, event, value);
}

COTHREAD_API int cothread_event_wait(cothread_handle event, void **value, int64_t deadline)
{
    ENTER(s);
    REQUIRE(ALIGNED(value), "value is not aligned: %lld", (uintptr_t)value);
    return event_wait(s, event, value, deadline);
}

COTHREAD_API int cothread_event_reset(cothread_handle event)
{
    ENTER(s);
    return event_reset(s, event);
}

COTHREAD_API cothread_handle cothread_channel_create(size_t element_size, size_t capacity, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_FROM_THREADS), "flags has unknown bits: %lld", flags);
    REQUIRE(capacity || !flags, "capacity is %lld: with COTHREAD_FROM_THREADS at least 1", capacity);
    REQUIRE(element_size <= 65536, "element_size is %lld: at most 65536", element_size);
    REQUIRE(capacity <= 1u << 24 && element_size * capacity <= 1u << 30,
            "capacity is %lld: at most 16777216, and 1 GiB in all", capacity);
    return channel_create(s, element_size, capacity, flags);
}

COTHREAD_API int cothread_channel_send(cothread_handle channel, const void *element, int64_t deadline)
{
    struct scheduler *s = scheduler_current;
    if (__builtin_expect(s && s->handles.usable && handle_is_of(&s->handles, channel), 1))
        return channel_send(s, channel, element, deadline);
    if (scheduler_forked())
        return scheduler_refused();
    int rc = channel_send_from_outside(channel, element, deadline);
    if (rc != COTHREAD_ETHREAD)
        return rc;
    if (!s || !s->handles.usable)
        return scheduler_refused();
    return channel_send(s, channel, element, deadline);
}

COTHREAD_API int cothread_channel_receive(cothread_handle channel, void *element, int64_t deadline)
{
    ENTER(s);
    return channel_receive(s, channel, element, deadline);
}

COTHREAD_API int cothread_channel_done(cothread_handle channel)
{
    ENTER(s);
    return channel_done(s, channel);
}

COTHREAD_API cothread_handle cothread_mutex_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return mutex_create(s);
}

COTHREAD_API int cothread_mutex_lock(cothread_handle mutex, int64_t deadline)
{
    ENTER(s);
    return mutex_lock(s, mutex, deadline);
}

COTHREAD_API int cothread_mutex_unlock(cothread_handle mutex)
{
    ENTER(s);
    return mutex_unlock(s, s->current, mutex);
}

COTHREAD_API cothread_handle cothread_semaphore_create(uint32_t units, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    REQUIRE(units <= INT32_MAX, "units is %lld: at most 2147483647", units);
    return semaphore_create(s, units);
}

COTHREAD_API int cothread_semaphore_acquire(cothread_handle semaphore, int64_t deadline)
{
    ENTER(s);
    return semaphore_acquire(s, semaphore, deadline);
}

COTHREAD_API int cothread_semaphore_release(cothread_handle semaphore, uint32_t units)
{
    ENTER(s);
    return semaphore_release(s, semaphore, units);
}

COTHREAD_API cothread_handle cothread_group_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return group_create(s);
}

COTHREAD_API int cothread_group_add(cothread_handle group, cothread_handle task)
{
    ENTER(s);
    return group_add(s, group, task);
}

COTHREAD_API int cothread_group_wait(cothread_handle group, uint32_t count, int64_t deadline)
{
    ENTER(s);
    return group_wait(s, group, count, deadline);
}

COTHREAD_API int cothread_group_cancel(cothread_handle group)
{
    ENTER(s);
    return group_cancel(s, group);
}

COTHREAD_API cothread_handle cothread_timer_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_CLOCK_JUMPS), "flags has unknown bits: %lld", flags);
    return timer_new(s, flags);
}

COTHREAD_API int cothread_timer_set(cothread_handle timer, int64_t deadline, int64_t period)
{
    ENTER(s);
    REQUIRE(period >= 0, "period is %lld: 0 for once, or ns", period);
    return timer_set(s, timer, deadline, period);
}

COTHREAD_API int cothread_wait(cothread_item *items, size_t item_size, size_t count, int64_t deadline, uint32_t flags)
{
    ENTER(s);
    return items_wait(s, items, item_size, count, deadline, flags);
}

/* ---- Readiness ------------------------------------------------------------------------------------------------ */

COTHREAD_API int cothread_wait_fd(int fd, uint32_t events, int64_t deadline)
{
    ENTER(s);
    REQUIRE(events && !(events & ~WAITABLE), "events is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP and nothing else", events);
    return descriptor_wait(s, fd, events, deadline);
}

COTHREAD_API int cothread_wake_fd(int fd)
{
    ENTER(s);
    return descriptor_wake(s, fd);
}

COTHREAD_API cothread_handle cothread_adopt(int fd, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return adopted_create(s, fd);
}

COTHREAD_API int cothread_release(cothread_handle adopted)
{
    ENTER(s);
    return adopted_release(s, adopted);
}

COTHREAD_API int cothread_descriptor(cothread_handle adopted)
{
    ENTER(s);
    return adopted_descriptor(s, adopted);
}

COTHREAD_API int cothread_wait_ready(cothread_handle adopted, uint32_t events, int64_t deadline)
{
    ENTER(s);
    REQUIRE(events && !(events & ~WAITABLE), "events is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP and nothing else", events);
    return adopted_wait(s, adopted, events, deadline);
}

COTHREAD_API int64_t cothread_read(cothread_handle adopted, void *buffer, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return adopted_read(s, adopted, buffer, size, deadline);
}

COTHREAD_API int64_t cothread_write(cothread_handle adopted, const void *data, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(data, "data is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return adopted_write(s, adopted, data, size, deadline);
}

COTHREAD_API cothread_handle cothread_accept(cothread_handle listener, int64_t deadline)
{
    ENTER(s);
    return adopted_accept(s, listener, deadline);
}

/* ---- Signals and file changes ---------------------------------------------------------------------------- */

COTHREAD_API cothread_handle cothread_signal_open(int number, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_FORWARD), "flags has unknown bits: %lld", flags);
    return signal_open(s, number, flags);
}

COTHREAD_API cothread_handle cothread_watch_open(const char *path, uint32_t changes, uint32_t flags)
{
    ENTER(s);
    REQUIRE(path, "path is NULL");
    REQUIRE(changes && changes < 2 * COTHREAD_CHANGE_MOVED_IN, "changes is %lld: at least one of COTHREAD_CHANGE_CREATED .. MOVED_IN", changes);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return watch_open(s, path, changes);
}

/* ---- Connections ---------------------------------------------------------------------------------------------- */

/* connection_options fills in what the caller left out. */
static int connection_options(cothread_connection_options *known, const cothread_connection_options *given)
{
    memset(known, 0, sizeof *known);
    if (!given)
        return 0;
    REQUIRE(ALIGNED(given), "options is not aligned: %lld", (uintptr_t)given);
    int rc = known_part(known, sizeof *known, sizeof *known, given, "connection_options");
    if (rc < 0)
        return rc;
    REQUIRE(!(known->flags & ~COTHREAD_DATAGRAM), "options.flags has unknown bits: %lld", known->flags);
    REQUIRE(known->family == 0 || known->family == AF_INET || known->family == AF_INET6,
            "options.family is %lld: AF_INET, AF_INET6 or 0", known->family);
    REQUIRE(known->backlog >= 0, "options.backlog is %lld: 0 or more", known->backlog);
    for (int state = 0; state < CONNECTION_STATES; state++)
        REQUIRE(known->limits[state] >= 0 && (state || !known->limits[state]), "options.limits[%lld] is %lld: 0 or more, and 0 for no state", state, known->limits[state]);
    return 0;
}

#define OPTIONS                                                 \
    cothread_connection_options known;                          \
    int rc = connection_options(&known, options);               \
    if (rc < 0)                                                 \
    return rc

COTHREAD_API int cothread_address_text(const cothread_address *address, char *text, size_t size)
{
    if (scheduler_forked())
        return scheduler_refused();
    REQUIRE(address && ALIGNED(address), "address is NULL or not aligned: %lld", (uintptr_t)address);
    REQUIRE(text, "text is NULL");
    REQUIRE(size, "size is 0: 1 or more; 128 hold every address");
    int length = system_address_text(address, text, size);
    return length < 0 ? fail(COTHREAD_EINVAL, "address.family is %lld: AF_INET, AF_INET6 or AF_UNIX", address->family) : length;
}

COTHREAD_API cothread_handle cothread_connect(const char *host, const char *service, const cothread_connection_options *options,
                                              int64_t deadline)
{
    ENTER(s);
    REQUIRE(host, "host is NULL");
    REQUIRE(service, "service is NULL");
    OPTIONS;
    return connect_by_name(s, host, service, &known, deadline);
}

COTHREAD_API cothread_handle cothread_connect_addresses(const cothread_address *addresses, size_t count,
                                                        const cothread_connection_options *options, int64_t deadline)
{
    ENTER(s);
    REQUIRE(addresses && ALIGNED(addresses), "addresses is NULL or not aligned: %lld", (uintptr_t)addresses);
    REQUIRE(count && count <= 1024, "count is %lld: 1 to 1024 addresses", count);
    OPTIONS;
    for (size_t i = 0; i < count; i++)
        REQUIRE(addresses[i].length <= sizeof addresses->address, "address %lld has a length of %lld: at most 128", i, addresses[i].length);
    return connect_to(s, addresses, count, &known, deadline);
}

COTHREAD_API cothread_handle cothread_connect_unix(const char *path, const cothread_connection_options *options, int64_t deadline)
{
    ENTER(s);
    REQUIRE(path, "path is NULL");
    OPTIONS;
    return connect_to_path(s, path, &known, deadline);
}

COTHREAD_API cothread_handle cothread_listen(const char *host, const char *service, const cothread_connection_options *options)
{
    ENTER(s);
    REQUIRE(service, "service is NULL: a port's number");
    OPTIONS;
    return connect_listen(s, host, service, &known);
}

COTHREAD_API cothread_handle cothread_listen_unix(const char *path, const cothread_connection_options *options)
{
    ENTER(s);
    REQUIRE(path, "path is NULL");
    OPTIONS;
    return connect_listen_at_path(s, path, &known);
}

COTHREAD_API cothread_handle cothread_connection_accept(cothread_handle listener, int64_t deadline)
{
    ENTER(s);
    return input_accept(s, listener, deadline);
}

COTHREAD_API cothread_handle cothread_connection_adopt(int fd, const void *data, size_t size, const cothread_connection_options *options)
{
    ENTER(s);
    REQUIRE(size <= CONNECTION_BUFFER_MOST, "size is %lld: at most 16777216", size);
    REQUIRE(data || !size, "data is NULL");
    OPTIONS;
    return connection_adopt(s, fd, data, size, &known);
}

COTHREAD_API int cothread_connection_release(cothread_handle connection, void *buffer, size_t size, size_t *buffered)
{
    ENTER(s);
    REQUIRE(buffer || !size, "buffer is NULL");
    REQUIRE(buffered && ALIGNED(buffered), "buffered is NULL or not aligned: %lld", (uintptr_t)buffered);
    return connection_release(s, connection, buffer, size, buffered);
}

COTHREAD_API int64_t cothread_connection_read(cothread_handle connection, void *buffer, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return input_read(s, connection, buffer, size, deadline);
}

COTHREAD_API int cothread_connection_read_exactly(cothread_handle connection, void *buffer, size_t size, size_t *got, int64_t deadline)
{
    COUNTED(got);
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return input_read_exactly(s, connection, buffer, size, got, deadline);
}

COTHREAD_API int64_t cothread_connection_read_until(cothread_handle connection, const void *delimiter, size_t delimiter_size,
                                                    void *buffer, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(delimiter, "delimiter is NULL");
    REQUIRE(delimiter_size && delimiter_size <= 64, "delimiter_size is %lld: 1 to 64", delimiter_size);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size >= delimiter_size && size <= CONNECTION_BUFFER_MOST, "size is %lld: %lld to 16777216", size, delimiter_size);
    return input_read_until(s, connection, delimiter, delimiter_size, buffer, size, deadline);
}

COTHREAD_API int cothread_connection_write(cothread_handle connection, const void *data, size_t size, size_t *written, int64_t deadline)
{
    COUNTED(written);
    ENTER(s);
    REQUIRE(data, "data is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return output_write(s, connection, data, size, written, deadline);
}

COTHREAD_API int cothread_connection_writev(cothread_handle connection, const cothread_span *spans, size_t count, size_t *written,
                                            int64_t deadline)
{
    size_t total = 0;
    COUNTED(written);
    ENTER(s);
    REQUIRE(spans && ALIGNED(spans), "spans is NULL or not aligned: %lld", (uintptr_t)spans);
    REQUIRE(count && count <= 1024, "count is %lld: 1 to 1024", count);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(spans[i].data || !spans[i].size, "spans[%lld].data is NULL", i);
        REQUIRE(spans[i].size <= SSIZE_MAX - total, "spans[%lld].size is %lld: SSIZE_MAX in all", i, spans[i].size);
        total += spans[i].size;
    }
    return output_writev(s, connection, spans, count, written, deadline);
}

COTHREAD_API int cothread_connection_sendfile(cothread_handle connection, int fd, int64_t offset, size_t size, size_t *written,
                                              int64_t deadline)
{
    COUNTED(written);
    ENTER(s);
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    REQUIRE(offset >= 0 && offset <= INT64_MAX - (int64_t)size, "offset is %lld: 0 or more", offset);
    return output_sendfile(s, connection, fd, offset, size, written, deadline);
}

COTHREAD_API int cothread_connection_finish(cothread_handle connection, int64_t deadline)
{
    ENTER(s);
    return output_finish(s, connection, deadline);
}

COTHREAD_API int64_t cothread_connection_close(cothread_handle connection, int64_t deadline)
{
    ENTER(s);
    return closing_end(s, connection, deadline);
}

/* known_message checks a message and copies what is known of it. */
static int known_message(cothread_message *known, const cothread_message *given)
{
    REQUIRE(given && ALIGNED(given), "message is NULL or not aligned: %lld", (uintptr_t)given);
    int rc = known_part(known, sizeof *known, sizeof *known, given, "message");
    if (rc < 0)
        return rc;
    REQUIRE(known->data || !known->length, "message.data is NULL");
    REQUIRE(known->length <= SSIZE_MAX, "message.length is %lld: at most SSIZE_MAX", known->length);
    REQUIRE(known->descriptors || !known->descriptor_count, "message.descriptors is NULL");
    REQUIRE(((uintptr_t)known->descriptors & 3) == 0, "message.descriptors is not aligned: %lld", (uintptr_t)known->descriptors);
    REQUIRE(ALIGNED(known->address), "message.address is not aligned: %lld", (uintptr_t)known->address);
    return 0;
}

COTHREAD_API int cothread_connection_send(cothread_handle connection, const cothread_message *message, size_t *written, int64_t deadline)
{
    cothread_message known;
    COUNTED(written);
    ENTER(s);
    int rc = known_message(&known, message);
    if (rc < 0)
        return rc;
    REQUIRE(known.descriptor_count <= SYSTEM_DESCRIPTORS_MAX, "message.descriptor_count is %lld: at most 253", known.descriptor_count);
    REQUIRE(!known.address || known.address->length <= sizeof known.address->address, "message.address has a length of %lld: at most 128",
            known.address->length);
    return output_send(s, connection, &known, written, deadline);
}

COTHREAD_API int64_t cothread_connection_receive(cothread_handle connection, cothread_message *message, int64_t deadline)
{
    cothread_message known;
    ENTER(s);
    int rc = known_message(&known, message);
    if (rc < 0)
        return rc;
    int64_t n = input_receive(s, connection, &known, deadline);
    if (n >= 0)
        message->descriptor_count = known.descriptor_count;
    return n;
}

COTHREAD_API int64_t cothread_connection_unacknowledged(cothread_handle connection)
{
    ENTER(s);
    return connection_unacknowledged(s, connection);
}

COTHREAD_API int cothread_connection_state(cothread_handle connection)
{
    ENTER(s);
    return connection_state(s, connection);
}

COTHREAD_API int cothread_connection_limit(cothread_handle connection, int state, int64_t ns)
{
    ENTER(s);
    REQUIRE(state > 0 && state < CONNECTION_STATES && state != COTHREAD_STATE_CLOSED && state != COTHREAD_STATE_FAILED,
            "state is %lld: one that may have a limit", state);
    REQUIRE(ns >= 0, "ns is %lld: 0 or more", ns);
    return connection_limit(s, connection, state, ns);
}

COTHREAD_API int cothread_connection_observe(cothread_handle connection, cothread_observer observer, void *argument)
{
    ENTER(s);
    return connection_observe(s, connection, observer, argument);
}

COTHREAD_API int cothread_connection_descriptor(cothread_handle connection)
{
    ENTER(s);
    return connection_descriptor(s, connection);
}

COTHREAD_API int cothread_connection_address(cothread_handle connection, uint32_t end, cothread_address *address)
{
    ENTER(s);
    REQUIRE(end <= COTHREAD_PEER, "end is %lld: COTHREAD_LOCAL or COTHREAD_PEER", end);
    REQUIRE(address && ALIGNED(address), "address is NULL or not aligned: %lld", (uintptr_t)address);
    return connection_address(s, connection, end, address);
}

/* ---- Callbacks -------------------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_post(cothread_handle scheduler, cothread_callback callback, void *argument, int64_t deadline)
{
    int error;
    struct scheduler *s = scheduler_find(scheduler, &error);
    if (!s)
        return error;
    REQUIRE(callback || s->hosted, "callback is NULL: only a hosted scheduler hands tokens to its host");
    return callbacks_post(s, scheduler, callback, argument, deadline);
}

COTHREAD_API cothread_handle cothread_mailbox_create(cothread_callback callback, uint64_t token, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    REQUIRE(callback || s->hosted, "callback is NULL: only a hosted scheduler hands tokens to its host");
    return mailbox_create(s, callback, token);
}

COTHREAD_API int cothread_mailbox_post(cothread_handle mailbox, void *value, void **replaced)
{
    if (scheduler_forked())
        return scheduler_refused();
    REQUIRE(ALIGNED(replaced), "replaced is not aligned: %lld", (uintptr_t)replaced);
    return mailbox_send(mailbox, value, replaced);
}

/* ---- Processes and threads ---------------------------------------------------------------------------------------- */

enum { LISTED_MAX = 1024 };

static int check_descriptors(const cothread_process_options *options)
{
    const cothread_process_descriptor *pairs = options->descriptors;
    REQUIRE(options->descriptor_count <= LISTED_MAX, "options.descriptor_count is %lld: at most %lld", options->descriptor_count, LISTED_MAX);
    REQUIRE((pairs || !options->descriptor_count) && ((uintptr_t)pairs & 3) == 0, "options.descriptors is NULL or not aligned: %lld", (uintptr_t)pairs);
    for (uint32_t i = 0; i < options->descriptor_count; i++) {
        REQUIRE(pairs[i].child >= 0, "options.descriptors[%lld].child is %lld", i, pairs[i].child);
        for (uint32_t j = 0; j < i; j++)
            REQUIRE(pairs[j].child != pairs[i].child, "options.descriptors has two for number %lld, the second at %lld", pairs[i].child, i);
    }
    return 0;
}

static int check_limits(const cothread_process_options *options)
{
    const cothread_process_limit *limits = options->limits;
    REQUIRE(options->limit_count <= LISTED_MAX, "options.limit_count is %lld: at most %lld", options->limit_count, LISTED_MAX);
    REQUIRE((limits || !options->limit_count) && ((uintptr_t)limits & 7) == 0, "options.limits is NULL or not aligned: %lld", (uintptr_t)limits);
    for (uint32_t i = 0; i < options->limit_count; i++)
        REQUIRE(!limits[i].reserved, "options.limits[%lld].reserved is %lld: set it to 0", i, limits[i].reserved);
    return 0;
}

COTHREAD_API cothread_handle cothread_process_start(const cothread_process_options *options)
{
    ENTER(s);
    cothread_process_options known;
    REQUIRE(options && ALIGNED(options), "options is NULL or not aligned: %lld", (uintptr_t)options);
    int rc = known_part(&known, sizeof known, sizeof known, options, "process_options");
    if (rc < 0)
        return rc;
    REQUIRE(!(known.flags & ~(COTHREAD_NEW_GROUP | COTHREAD_NEW_SESSION)), "options.flags has unknown bits: %lld", known.flags);
    REQUIRE(known.arguments && ALIGNED(known.arguments), "options.arguments is NULL or not aligned: %lld", (uintptr_t)known.arguments);
    REQUIRE(known.arguments[0], "options.arguments has no program: its first entry is NULL");
    REQUIRE(ALIGNED(known.environment), "options.environment is not aligned: %lld", (uintptr_t)known.environment);
    if ((rc = check_descriptors(&known)) < 0 || (rc = check_limits(&known)) < 0)
        return rc;
    return process_launch(s, &known);
}

COTHREAD_API cothread_handle cothread_process_open(int32_t pid)
{
    ENTER(s);
    REQUIRE(pid > 0, "pid is %lld: 1 or more", pid);
    return process_open(s, pid, false);
}

COTHREAD_API cothread_handle cothread_thread_open(int32_t tid)
{
    ENTER(s);
    REQUIRE(tid > 0, "tid is %lld: 1 or more", tid);
    return process_open(s, tid, true);
}

COTHREAD_API int cothread_process_pid(cothread_handle process)
{
    ENTER(s);
    return process_pid(s, process);
}

COTHREAD_API int cothread_process_signal(cothread_handle process, int number, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_TO_GROUP), "flags has unknown bits: %lld", flags);
    return process_signal(s, process, number, flags & COTHREAD_TO_GROUP);
}

/* ---- Jobs --------------------------------------------------------------------------------------------------------- */

COTHREAD_API cothread_handle cothread_pool_create(const cothread_pool_options *options)
{
    ENTER(s);
    cothread_pool_options known = {.size = sizeof known};
    REQUIRE(((uintptr_t)options & 3) == 0, "options is not aligned: %lld", (uintptr_t)options);
    int rc = options ? known_part(&known, sizeof known, 16, options, "pool_options") : 0;
    if (rc < 0)
        return rc;
    REQUIRE(known.threads <= 4096, "options.threads is %lld: at most 4096", known.threads);
    REQUIRE(known.bound <= 1u << 20, "options.bound is %lld: at most 1048576", known.bound);
    REQUIRE(known.stack_size == 0 || (known.stack_size >= 65536 && known.stack_size <= 1u << 30),
            "options.stack_size is %lld: 0, or 65536 to 1 GiB", known.stack_size);
    return pool_create(s, &known);
}

COTHREAD_API int cothread_pool_statistics(cothread_handle pool, cothread_pool_stats *stats)
{
    ENTER(s);
    REQUIRE(stats && ALIGNED(stats), "stats is NULL or not aligned: %lld", (uintptr_t)stats);
    uint32_t size = stats->size;
    REQUIRE(size >= 8 && size <= 4096, "stats.size is %lld: set it to sizeof(cothread_pool_stats), %lld", size, sizeof *stats);
    cothread_pool_stats all;
    int rc = pool_copy_statistics(s, pool, &all);
    if (rc < 0)
        return rc;
    all.size = size;
    memset(stats, 0, size);
    memcpy(stats, &all, size < sizeof all ? size : sizeof all);
    return 0;
}

/* known_job copies a job, which has been checked then. */
static int known_job(cothread_job *known, const cothread_job *job)
{
    REQUIRE(job && ALIGNED(job), "job is NULL or not aligned: %lld", (uintptr_t)job);
    int rc = known_part(known, sizeof *known, 56, job, "job");
    return rc < 0 ? rc : job_check(known);
}

static void give_result(cothread_job *job, const cothread_job *known)
{
    job->result = known->result;
    job->error = known->error;
    job->called = known->called;
}

COTHREAD_API int cothread_offload(cothread_handle pool, cothread_job *job, int64_t deadline)
{
    ENTER(s);
    cothread_job known;
    int rc = known_job(&known, job);
    if (rc < 0)
        return rc;
    rc = job_offload(s, pool, OWN_POOL_DEFAULT, &known, deadline);
    give_result(job, &known);
    return rc;
}

COTHREAD_API cothread_handle cothread_job_start(cothread_handle pool, const cothread_job *job, int64_t deadline)
{
    ENTER(s);
    cothread_job known;
    int rc = known_job(&known, job);
    return rc < 0 ? rc : job_start(s, pool, &known, deadline);
}

COTHREAD_API int cothread_job_result(cothread_handle finished, cothread_job *job)
{
    ENTER(s);
    cothread_job known;
    int rc = known_job(&known, job);
    if (rc < 0 || (rc = job_copy_result(s, finished, &known)) < 0)
        return rc;
    give_result(job, &known);
    return 0;
}

/* ---- Names and files ---------------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_resolve(const char *name, const char *service, const cothread_hints *hints, cothread_address *addresses,
                                  size_t count, int64_t deadline)
{
    ENTER(s);
    cothread_hints known = {.size = sizeof known};
    REQUIRE(name || service, "name and service are NULL: one of them says what is wanted");
    REQUIRE(!name || strnlen(name, 1026) < 1026, "name is longer than %lld bytes", 1025);
    REQUIRE(!service || strnlen(service, 257) < 257, "service is longer than %lld bytes", 256);
    REQUIRE(((uintptr_t)hints & 3) == 0, "hints is not aligned: %lld", (uintptr_t)hints);
    int rc = hints ? known_part(&known, sizeof known, 20, hints, "hints") : 0;
    if (rc < 0)
        return rc;
    REQUIRE(addresses && ALIGNED(addresses), "addresses is NULL or not aligned: %lld", (uintptr_t)addresses);
    REQUIRE(count >= 1 && count <= 1024, "count is %lld: 1 to 1024", count);
    return name_resolve(s, name, service, &known, addresses, count, deadline);
}

enum { PATH_LONGEST = 4095 };

COTHREAD_API int cothread_file_open(const char *path, int flags, uint32_t mode, int64_t deadline)
{
    ENTER(s);
    REQUIRE(path, "path is NULL");
    size_t length = strnlen(path, PATH_LONGEST + 1);
    REQUIRE(length <= PATH_LONGEST, "path is longer than %lld bytes", PATH_LONGEST);
    return file_open(s, path, length, flags, mode, deadline);
}

COTHREAD_API int64_t cothread_file_read(int fd, void *buffer, size_t size, int64_t offset, int64_t deadline)
{
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size && size <= 1u << 30, "size is %lld: 1 byte to 1 GiB", size);
    REQUIRE(offset >= 0, "offset is %lld: 0 or more", offset);
    return file_read(s, fd, buffer, size, offset, deadline);
}

COTHREAD_API int64_t cothread_file_write(int fd, const void *data, size_t size, int64_t offset, int64_t deadline)
{
    ENTER(s);
    REQUIRE(data, "data is NULL");
    REQUIRE(size && size <= 1u << 30, "size is %lld: 1 byte to 1 GiB", size);
    REQUIRE(offset >= 0, "offset is %lld: 0 or more", offset);
    return file_write(s, fd, data, size, offset, deadline);
}

COTHREAD_API int cothread_file_sync(int fd, int64_t deadline)
{
    ENTER(s);
    return file_sync(s, fd, deadline);
}

COTHREAD_API int cothread_file_stat(const char *path, cothread_file_status *status, int64_t deadline)
{
    ENTER(s);
    REQUIRE(path, "path is NULL");
    REQUIRE(status && ALIGNED(status), "status is NULL or not aligned: %lld", (uintptr_t)status);
    size_t length = strnlen(path, PATH_LONGEST + 1);
    REQUIRE(length <= PATH_LONGEST, "path is longer than %lld bytes", PATH_LONGEST);
    return file_stat(s, path, length, status, deadline);
}

/* ---- Embedding ---------------------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_poll_scheduler(int64_t deadline)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    int rc = host_submit(s);
    if (rc < 0)
        return rc;
    if (tickPoll(s->handles.number, deadline) < 0)
        return scheduler_broke(s);
    return host_batch(s);
}

COTHREAD_API int cothread_poll(void)
{
    ENTER(s);
    return cothread_poll_scheduler(s->ring.deadline);
}

COTHREAD_API int cothread_submit(void)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    int rc = host_submit(s);
    if (rc >= 0 && tickSettle(s->handles.number) < 0)
        return scheduler_broke(s);
    return rc;
}

COTHREAD_API int cothread_poll_fd(void)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    if (s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was created with COTHREAD_HOST_POLLS: use cothread_poll_list");
    int rc = tickPollFD(s->handles.number);
    return rc < 0 ? fail(rc, "no descriptor is left for the scheduler's timer") : rc;
}

COTHREAD_API int cothread_next_deadline(int64_t *deadline)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    REQUIRE(deadline && ALIGNED(deadline), "deadline is NULL or not aligned: %lld", (uintptr_t)deadline);
    *deadline = tickNextDeadline(s->handles.number);
    return 0;
}

COTHREAD_API int cothread_poll_list(cothread_pollfd *list, int capacity)
{
    ENTER(s);
    OWN_STACK(s);
    if (!s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was not created with COTHREAD_HOST_POLLS");
    REQUIRE(capacity >= 0, "capacity is %lld", capacity);
    REQUIRE((list || capacity == 0) && ((uintptr_t)list & 3) == 0, "list is NULL or not aligned: %lld", (uintptr_t)list);
    return tickPollList(s->handles.number, list, capacity);
}

COTHREAD_API int cothread_poll_deliver(const cothread_pollfd *list, int count)
{
    ENTER(s);
    OWN_STACK(s);
    if (!s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was not created with COTHREAD_HOST_POLLS");
    REQUIRE(count >= 0, "count is %lld", count);
    REQUIRE((list || count == 0) && ((uintptr_t)list & 3) == 0, "list is NULL or not aligned: %lld", (uintptr_t)list);
    return tickPollDeliver(s->handles.number, (void *)(uintptr_t)list, count);
}

COTHREAD_API cothread_ring *cothread_host_ring(void)
{
    struct scheduler *s = scheduler_current;
    if (!s || !s->handles.usable) {
        scheduler_refused();
        return NULL;
    }
    if (s->running) {
        scheduler_is_busy();
        return NULL;
    }
    if (!s->hosted) {
        fail(COTHREAD_EHOSTED, "this scheduler is self-driven: create it with COTHREAD_HOSTED");
        return NULL;
    }
    return &s->ring;
}

COTHREAD_API cothread_handle cothread_host_create(uint64_t token, const char *name, uint32_t flags)
{
    ENTER(s);
    OWN_STACK(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    HOSTED(s);
    return host_create(s, token, name);
}

/* ---- Statistics ------------------------------------------------------------------------------------------------------ */

COTHREAD_API int cothread_statistics(cothread_handle scheduler, cothread_stats *stats)
{
    REQUIRE(stats && ALIGNED(stats), "stats is NULL or not aligned: %lld", (uintptr_t)stats);
    uint32_t size = stats->size;
    REQUIRE(size >= 8 && size <= 4096, "stats.size is %lld: set it to sizeof(cothread_stats), %lld", size, sizeof *stats);
    cothread_stats all;
    int rc = scheduler_statistics(scheduler, &all);
    if (rc < 0)
        return rc;
    all.size = size;
    memset(stats, 0, size);
    memcpy(stats, &all, size < sizeof all ? size : sizeof all);
    return 0;
}
