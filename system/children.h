/* children.h - other programs: starting them, how they end, signals to them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system defines:
 *   system_child_start(options, child, refusal)
 *       Starts a program as cothread_process_start says; the options have been checked. 0: it runs,
 *       and *child says as what. -errno: it does not, *refusal names the part that was refused, and nothing is
 *       left of it: the host sees no SIGCHLD, and no status to be waited for. The calling thread
 *       stands still until the program is loaded.
 *   system_child_open(pid, thread, child)
 *       Watches a process or, with `thread`, a thread that runs or is not waited for yet. -ESRCH:
 *       there is none. -EINVAL, -ENOENT: a thread's number where a process is asked for, or a kernel
 *       that watches no thread. With *child it says whether the process is a child of this one.
 *   system_child_ended(watch)
 *       Whether it has ended.
 *   system_child_status(watch, take, &status)
 *       1: the child has ended, and `status` is as from wait(2). `take` releases what is left of it;
 *       else it stays, for the host to wait for. 0: it runs, or its status is being taken by
 *       somebody else this moment; `watch` will be reported again. -ECHILD: it has ended, and
 *       somebody else took its status. Another error: not known now.
 *   system_child_signal(watch, leader, number)
 *       Sends a signal to it or, if `leader` is not 0, to the group that it leads. `leader` is its
 *       number; INT32_MAX: that number may be another's by now.
 *
 * `watch` is a descriptor, close-on-exec, which becomes readable when what it watches ends, and is
 * closed by system_child_forget. It never stands for another process, however often numbers are
 * used again.
 *
 * All return 0 or more, or -errno, which errno holds too; those that succeed keep errno. None is a
 * cancellation point. Any thread.
 */
#ifndef SYSTEM_CHILDREN_H
#define SYSTEM_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

#include "../cothread.h"

struct system_child {
    int32_t pid;
    int32_t watch;
    bool own; /* a child of this process */
};

/* The part that was refused: `which` is the number of the pair or of the limit in the options. */
struct system_refusal {
    enum { REFUSED_START, REFUSED_SESSION, REFUSED_DIRECTORY, REFUSED_DESCRIPTOR, REFUSED_LIMIT, REFUSED_PROGRAM } step;
    uint32_t which;
};

int system_child_start(const cothread_process_options *options, struct system_child *child, struct system_refusal *refusal);
int system_child_open(int32_t pid, bool thread, struct system_child *child);
bool system_child_ended(int watch);
int system_child_status(int watch, bool take, int *status);
int system_child_signal(int watch, int32_t leader, int number);
void system_child_forget(int watch);

#endif
