/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <dirent.h>
#include <fcntl.h>

int main(void) {
    cothread_options hosted = {.size = sizeof hosted, .flags = COTHREAD_HOSTED};
    cothread_handle scheduler = handle(cothread_create(&hosted));
    struct dirent *entry;
    DIR *directory;
    expect(cothread_poll_fd() >= 0, 1);
    directory = opendir("/proc/self/fd");
    expect(directory != NULL, 1);
    while ((entry = readdir(directory)) != NULL) {
        int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(directory) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC)) {
            char path[64], target[256] = "";
            snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
            if (readlink(path, target, sizeof target - 1) > 0 && strstr(target, "anon_inode"))
                fail_at(__FILE__, __LINE__, "descriptor %d (%s) would survive an exec", fd, target);
        }
    }
    closedir(directory);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    return 0;
}
