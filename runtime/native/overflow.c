/* overflow.c - a fault in a guard names the task before the process dies of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../../system/system.h"
#include "state.h"

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
    const struct scheduler *s = scheduler_current;
    char *stack = stack_find(address, &size);
    if (!stack)
        return;
    struct task *t = s ? s->current : NULL;
    char text[200], *at = text, *end = text + sizeof text;
    at = append(at, end, "libcothread: stack overflow in task ");
    if (t && !(t->flags & TASK_HOST) && stack_low(t->stack) == stack) {
        if (*task_name(s, t)) {
            at = append(at, end, "\"");
            at = append(at, end, task_name(s, t));
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
    system_say(text, (size_t)(at - text));
}

__attribute__((constructor(101))) static void install(void)
{
    system_report_faults(report);
}
