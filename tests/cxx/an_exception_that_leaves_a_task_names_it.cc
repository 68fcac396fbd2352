/* SPDX-License-Identifier: Apache-2.0 */
#include "test.hpp"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>

/* said is what a program writes to stderr that ends by abort. It is this program, started anew
 * with the name of what it is to do: a forked child could not have a scheduler. */
static std::string said(const char *what) {
    int ends[2];
    expect(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        execl("/proc/self/exe", "test", what, static_cast<char *>(nullptr));
        _exit(127);
    }
    close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status;
    expect(waitpid(child, &status, 0), child);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, true);
    return text.substr(0, text.find('\n'));
}

static void *throws(void *) {
    cothread_yield();
    throw std::runtime_error("nobody catches this");
}

static void a_task() {
    cothread_task_options options = cothread::task_options("worker");
    cothread_join(cothread_spawn(throws, nullptr, &options), nullptr, COTHREAD_FOREVER);
}

static void a_detached_object() {
    cothread::spawn(cothread::task_options("given up"), [] { throws(nullptr); }).detach();
    cothread_run(COTHREAD_FOREVER);
}

static void a_posted_function() {
    cothread::post(cothread_current(), [] { throws(nullptr); });
    cothread_sleep_until(COTHREAD_FOREVER);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name, *task;
        void (*run)();
    } ways[] = {{"a task", "worker", a_task}, {"a detached object", "given up", a_detached_object},
                {"a posted function", "callback", a_posted_function}};
    if (count == 2) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        cothread::scheduler scheduler;
        for (const auto &way : ways)
            if (arguments[1] == std::string(way.name))
                way.run();
        return 1;
    }
    for (const auto &way : ways) {
        const std::string task = std::string("\"") + way.task + "\" (1)";
        expect(said(way.name), "libcothread: an exception leaves task " + task +
                                   ", where nothing can catch it");
    }
    return 0;
}
