/* overflow.c - a fault in a guard page names the task before the process dies of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The handler is installed by a constructor that runs before Go's, so that Go finds it and forwards to it every fault
 * that is not in Go code, on the alternate signal stack that Go gives each thread that calls it. */
#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct sigaction previous[2]; /* of SIGSEGV and SIGBUS; written once, before any task exists */

static char *append(char *at, const char *end, const char *text)
{
    while (*text && at < end)
        *at++ = *text++;
    return at;
}

static char *append_number(char *at, const char *end, unsigned long number)
{
    char digits[24], *first = digits + sizeof digits - 1;
    *first = 0;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    return append(at, end, first);
}

static void report(const void *address)
{
    size_t size;
    struct scheduler *s = native_current;
    char *stack = stack_find(address, &size);
    if (!stack)
        return;
    struct task *t = s ? s->current : NULL;
    char text[200], *at = text, *end = text + sizeof text;
    at = append(at, end, "libcothread: stack overflow in task ");
    if (t && !(t->flags & TASK_HOST) && stack_low(t->stack) == stack) {
        if (*native_name(s, t)) {
            at = append(at, end, "\"");
            at = append(at, end, native_name(s, t));
            at = append(at, end, "\" ");
        }
        at = append(at, end, "(number ");
        at = append_number(at, end, t->index);
        at = append(at, end, ")");
    } else {
        at = append(at, end, "(not the running one)");
    }
    at = append(at, end, ": its ");
    at = append_number(at, end, size);
    at = append(at, end, " byte stack is used up; give cothread_spawn a larger stack_size\n");
    if (write(2, text, (size_t)(at - text)) < 0) {
        /* nowhere to say it */
    }
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *next = &previous[signal == SIGBUS];
    report(info->si_addr);
    if (next->sa_flags & SA_SIGINFO) {
        next->sa_sigaction(signal, info, context);
    } else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) {
        next->sa_handler(signal);
    } else { /* the fault comes again, and ends the process as it would have without us */
        struct sigaction by_default = {.sa_handler = SIG_DFL};
        sigaction(signal, &by_default, NULL);
    }
}

__attribute__((constructor(101))) static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous[0]);
    sigaction(SIGBUS, &action, &previous[1]);
}
