/* What tests of child processes share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_H
#define PROCESS_H

#include "one_item.h"
#include "open_descriptors.h"

#include <sys/utsname.h>
#include <sys/wait.h>

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SH(script) WORDS("sh", "-c", script)

static inline cothread_handle start_at(const char *file, int line, const char *const *words, cothread_process_options options) {
    options.size = sizeof options;
    options.arguments = words;
    return handle_at(file, line, "cothread_process_start", cothread_process_start(&options));
}
/* start(SH("exit 1"), .flags = ...) */
#define start(words, ...) start_at(__FILE__, __LINE__, words, (cothread_process_options){__VA_ARGS__})

/* The end of a process: what its item says; or why the call failed. */
static int wait_status;
static inline int ended_by(cothread_handle process, int64_t deadline) {
    int result = wait_item(COTHREAD_ITEM_PROCESS, process, NULL, deadline);
    if (result >= 0)
        wait_status = (int)item_value;
    return result;
}
#define ends(process, result) expect(ended_by(process, cothread_after(60 * COTHREAD_SECOND)), result)

/* Since 6.15 Linux tells the status that somebody else took; before, it is unknown. */
static inline int kernel_tells_what_was_taken(void) {
    struct utsname name;
    int major = 0, minor = 0;
    expect(uname(&name), 0);
    expect(sscanf(name.release, "%d.%d", &major, &minor), 2);
    return major > 6 || (major == 6 && minor >= 15);
}

static inline void no_child_is_left_at(const char *file, int line) {
    errno = 0;
    expect_at(file, line, "waitpid(-1)", waitpid(-1, NULL, WNOHANG), -1);
    expect_at(file, line, "its errno", errno, ECHILD);
}
#define no_child_is_left() no_child_is_left_at(__FILE__, __LINE__)

#endif
