/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <sys/resource.h>

static volatile sig_atomic_t ended;

static void on_sigchld(int number) {
    (void)number;
    ended++;
}

static int open_before;

static void refused_at(int line, const char *const *words, cothread_process_options options, int code, int error, const char *says) {
    options.size = sizeof options;
    options.arguments = words;
    errno = 0;
    expect_at(__FILE__, line, "cothread_process_start", cothread_process_start(&options), code);
    expect_at(__FILE__, line, "errno", errno, error);
    if (!strstr(cothread_last_error(), says))
        fail_at(__FILE__, line, "\"%s\" does not say \"%s\"", cothread_last_error(), says);
    no_child_is_left_at(__FILE__, line);
    expect_at(__FILE__, line, "open descriptors", open_descriptors(), open_before);
    expect_at(__FILE__, line, "processes", (long long)statistics(cothread_current()).processes, 0);
}
#define refused(words, code, error, says, ...) refused_at(__LINE__, words, (cothread_process_options){__VA_ARGS__}, code, error, says)

int main(void) {
    struct sigaction action = {.sa_handler = on_sigchld, .sa_flags = SA_ONSTACK};
    const cothread_process_limit limit = {RLIMIT_CORE, 0, 2, 1};
    handle(cothread_create(NULL));
    sigaction(SIGCHLD, &action, NULL);
    open_before = open_descriptors();
    refused(WORDS("/nowhere/program"), COTHREAD_ESYSTEM, ENOENT, "\"/nowhere/program\"");
    refused(WORDS("no such program"), COTHREAD_ESYSTEM, ENOENT, "\"no such program\"");
    refused(WORDS(""), COTHREAD_ESYSTEM, ENOENT, "arguments[0]");
    refused(WORDS("/"), COTHREAD_ESYSTEM, EACCES, "\"/\"");
    refused(WORDS("/etc/passwd"), COTHREAD_ESYSTEM, EACCES, "\"/etc/passwd\"");
    refused(WORDS("/etc/passwd/x"), COTHREAD_ESYSTEM, ENOTDIR, "\"/etc/passwd/x\"");
    refused(WORDS("true"), COTHREAD_ESYSTEM, ENOENT, "options.directory, \"/nowhere\"", .directory = "/nowhere");
    refused(WORDS("true"), COTHREAD_EBADF, EBADF, "descriptors[1]: descriptor 999 does not become the child's 5",
            .descriptors = (cothread_process_descriptor[]){{4, 0}, {5, 999}}, .descriptor_count = 2);
    refused(WORDS("true"), COTHREAD_EBADF, EBADF, "descriptors[0]: descriptor -1",
            .descriptors = (cothread_process_descriptor[]){{4, -1}}, .descriptor_count = 1);
    refused(WORDS("true"), COTHREAD_ESYSTEM, EINVAL, "limits[0]", .limits = &limit, .limit_count = 1);

    struct rlimit before, limited = {0};
    int lowest = dup(0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    limited = before;
    limited.rlim_cur = (rlim_t)lowest;
    expect(setrlimit(RLIMIT_NOFILE, &limited), 0);
    refused(WORDS("true"), COTHREAD_ELIMIT, EMFILE, "no child process can be made");
    expect(cothread_process_open(getpid()), COTHREAD_ELIMIT);
    expect(setrlimit(RLIMIT_NOFILE, &before), 0);
    refused(WORDS("true"), COTHREAD_ELIMIT, EMFILE, "descriptors[1]: descriptor 1",
            .descriptors = (cothread_process_descriptor[]){{1, 0}, {(int)before.rlim_cur - 1, 1}}, .descriptor_count = 2);
    expect(ended, 0); /* the host saw no child */
    return nothing_left();
}
