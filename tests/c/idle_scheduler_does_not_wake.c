/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

enum { QUIET = 2 }; /* context switches in 3 s */

static void *waits(void *unused) {
    expect(cothread_wait_until(cothread_after(3600 * COTHREAD_SECOND)), 0);
    return unused;
}

/* The context switches of every thread of a process, from /proc/PID/task. */
static long long context_switches(pid_t process) {
    char path[300], line[256];
    long long sum = 0, n;
    struct dirent *entry;
    DIR *threads;
    FILE *file;
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    expect((threads = opendir(path)) != NULL, 1);
    while ((entry = readdir(threads)) != NULL) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)process, entry->d_name);
        if (entry->d_name[0] == '.' || (file = fopen(path, "r")) == NULL)
            continue;
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "voluntary_ctxt_switches: %lld", &n) == 1 ||
                sscanf(line, "nonvoluntary_ctxt_switches: %lld", &n) == 1)
                sum += n;
        fclose(file);
    }
    closedir(threads);
    return sum;
}

/* Another process looks on, so that looking wakes nobody. Go's monitor thread goes on for a moment after the last event, how
 * long depends on the machine: the first 3 s in which nothing happens decide, and a process that wakes by itself has none. */
static void watches(pid_t process, int begin, int result) {
    struct timespec idle = {3, 0};
    long long before, woken;
    char byte;
    int attempt;
    expect(read(begin, &byte, 1), 1);
    for (attempt = 0; attempt < 10; attempt++) {
        before = context_switches(process);
        nanosleep(&idle, NULL);
        woken = context_switches(process) - before;
        if (woken <= QUIET)
            break;
    }
    expect(write(result, &woken, sizeof woken), sizeof woken);
    _exit(0);
}

int main(void) {
    cothread_handle tasks[3], adopted;
    int begin[2], result[2], i;
    long long woken;
    pid_t pid, self = getpid();
    if (SANITIZED)
        return 0; /* which has threads of its own */
    expect(pipe(begin), 0);
    expect(pipe(result), 0);
    pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0)
        watches(self, begin[0], result[1]);
    handle(cothread_create(NULL));
    adopted = handle(cothread_adopt(result[0], 0));
    for (i = 0; i < 3; i++)
        tasks[i] = spawn(waits, NULL);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    expect(write(begin[1], "x", 1), 1);
    expect(cothread_read(adopted, &woken, sizeof woken, COTHREAD_FOREVER), sizeof woken);
    expect(waitpid(pid, NULL, 0), pid);
    if (woken > QUIET)
        fail_at(__FILE__, __LINE__, "%lld context switches in the last of 10 times 3 idle seconds", woken);
    for (i = 0; i < 3; i++) {
        expect(cothread_wakeup(tasks[i]), 1);
        join(tasks[i]);
    }
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
