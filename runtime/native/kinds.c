/* kinds.c - one row for each kind of object.
 * SPDX-License-Identifier: Apache-2.0 */
#include "adopted.h"
#include "channel.h"
#include "connect.h"
#include "connection.h"
#include "event.h"
#include "group.h"
#include "items.h"
#include "jobs.h"
#include "mailbox.h"
#include "mutex.h"
#include "process.h"
#include "semaphore.h"
#include "signals.h"
#include "tasks.h"
#include "timer.h"
#include "watches.h"

_Static_assert(sizeof(struct task) <= 1 << TASK_BITS, "a task fits its slot");

const struct kind_row kinds[KINDS_ALL] = {
    /*                  name                        check          try            list            leave          ready          close                 free          describe */
    [KIND_TASK] =      {"a task",              task_check,    task_try,      task_list,      NULL,          NULL,          task_close,           NULL,         task_describe},
    [KIND_EVENT] =     {"an event",            NULL,          event_try,     event_list,     NULL,          NULL,          event_close,          NULL,         event_describe},
    [KIND_CHANNEL] =   {"a channel",           channel_check, channel_try,   channel_list,   channel_leave, NULL,          channel_close,        channel_free, channel_describe},
    [KIND_MUTEX] =     {"a mutex",             mutex_check,   mutex_try,     mutex_list,     NULL,          NULL,          mutex_close,          NULL,         mutex_describe},
    [KIND_SEMAPHORE] = {"a semaphore",         NULL,          semaphore_try, semaphore_list, NULL,          NULL,          semaphore_close,      NULL,         semaphore_describe},
    [KIND_GROUP] =     {"a task group",        group_check,   group_try,     group_list,     NULL,          NULL,          group_close,          group_free,   group_describe},
    [KIND_ADOPTED] =   {"an adopted descriptor", NULL,        NULL,          adopted_list,   NULL,          adopted_ready, adopted_close,        adopted_free, adopted_describe},
    [KIND_MAILBOX] =   {"a mailbox",           NULL,          NULL,          NULL,           NULL,          NULL,          mailbox_close_object, mailbox_free, mailbox_describe},
    [KIND_TIMER] =     {"a timer",             NULL,          timer_try,     timer_list,      NULL,          timer_ready,   timer_close,          timer_free,   timer_describe},
    [KIND_SIGNAL] =    {"a signal",            NULL,          signal_try,    signal_list,     NULL,          signal_ready,  signal_close,         signal_free,  signal_describe},
    [KIND_WATCH] =     {"a file watch",        watch_check,   watch_try,     watch_list,      NULL,          NULL,          watch_close,          watch_free,   watch_describe},
    [KIND_PROCESS] =   {"a process",           process_check, process_try,   process_list,    NULL,          process_ready, process_close,        process_free, process_describe},
    [KIND_POOL] =      {"a pool",              NULL,          NULL,          NULL,           NULL,          NULL,          pool_close_object,    NULL,         pool_describe},
    [KIND_JOB] =       {"a job",               NULL,          job_try,       job_list,       NULL,          NULL,          job_close,            NULL,         job_describe},
    [KIND_CONNECTION] = {"a connection",       connection_check, NULL,       NULL,           NULL,          NULL,          connection_close,     connection_free, connection_describe},
    [KIND_SCHEDULER] = {"a scheduler",         NULL,          NULL,          NULL,            NULL,          watch_source_ready, NULL,            NULL,         NULL},
    [KIND_ITEMS] =     {"several things",      NULL,          NULL,          NULL,           items_leave,   NULL,          NULL,                 NULL,         NULL},
    [KIND_CONNECT] =   {"a connection to be made", NULL,      NULL,          NULL,           connect_leave, NULL,          NULL,                 NULL,         NULL},
};
