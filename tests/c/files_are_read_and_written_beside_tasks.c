/* Files are opened, written, read, synced and looked up by jobs; what the system refuses is told; a wait that ends before its
 * call began leaves no descriptor behind, and a descriptor that is opened too late is closed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "open_descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { LARGE = 3 << 20 };
static char out[LARGE], in[LARGE];
static gate shutters;

static void *stuck(void *unused) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), 0);
    return unused;
}

/* The other end of a FIFO is opened when this has given up. */
static void *opens_too_late(void *path) {
    expect(cothread_file_open(path, O_RDONLY, 0, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    return NULL;
}

int main(void) {
    char directory[] = "/tmp/cothread-files-XXXXXX", path[64], fifo[64];
    cothread_file_status status;
    cothread_handle tasks[16];
    int fd, other, count;
    char few[8] = "........";
    struct stat expected;
    handle(cothread_create(NULL));
    expect(mkdtemp(directory) != NULL, 1);
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(fifo, sizeof fifo, "%s/fifo", directory);

    fd = cothread_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, COTHREAD_FOREVER);
    expect(fd >= 3, 1);
    expect(fcntl(fd, F_GETFD), FD_CLOEXEC);
    for (int i = 0; i < LARGE; i++)
        out[i] = (char)(i * 7);
    expect(cothread_file_write(fd, out, LARGE, 5, COTHREAD_FOREVER), LARGE);
    expect(cothread_file_write(fd, "hello", 5, 0, COTHREAD_FOREVER), 5);
    expect(cothread_file_sync(fd, COTHREAD_FOREVER), 0);
    expect(cothread_file_read(fd, in, LARGE, 5, COTHREAD_FOREVER), LARGE);
    expect(memcmp(in, out, LARGE), 0);
    expect(cothread_file_read(fd, few, sizeof few, LARGE + 2, COTHREAD_FOREVER), 3);
    expect(memcmp(few, out + LARGE - 3, 3) || memcmp(few + 3, ".....", 5), 0); /* no more than was read */
    expect(cothread_file_read(fd, few, sizeof few, LARGE + 5, COTHREAD_FOREVER), 0);
    expect(lseek(fd, 0, SEEK_CUR), 0);

    expect(cothread_file_stat(path, &status, COTHREAD_FOREVER), 0);
    expect(stat(path, &expected), 0);
    expect(status.mode, expected.st_mode);
    expect(status.bytes, LARGE + 5);
    expect(status.inode, expected.st_ino);
    expect(status.device, expected.st_dev);
    expect(status.links, 1);
    expect(status.written_ns, expected.st_mtim.tv_sec * COTHREAD_SECOND + expected.st_mtim.tv_nsec);

    errno = 0;
    expect(cothread_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EEXIST);
    expect(cothread_file_stat("/no/such/file", &status, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ENOENT);
    if (!strstr(cothread_last_error(), "/no/such/file"))
        fail_at(__FILE__, __LINE__, "the path is not named: %s", cothread_last_error());
    other = cothread_file_open(path, O_RDONLY, 0, COTHREAD_FOREVER);
    expect(cothread_file_write(other, "x", 1, 0, COTHREAD_FOREVER), COTHREAD_EBADF);
    close(other);
    expect(cothread_file_read(other, few, 1, 0, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_file_sync(-1, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_file_read(fd, few, 0, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_read(fd, few, 1, -1, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_write(fd, NULL, 1, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_open(NULL, 0, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_file_stat(path, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);

    /* A descriptor that comes too late. */
    count = open_descriptors();
    expect(mkfifo(fifo, 0600), 0);
    do { /* until a call had begun when its deadline passed */
        join(spawn(opens_too_late, fifo));
        other = open(fifo, O_WRONLY | O_NONBLOCK); /* with it the reader's open returns */
    } while (other < 0);
    until(pool_statistics(0).ended == pool_statistics(0).started);
    close(other);
    expect(open_descriptors(), count);

    /* Every thread is busy: waits end before their calls began, and nothing was written. */
    shut(&shutters);
    for (int i = 0; i < 16; i++)
        tasks[i] = spawn(stuck, NULL);
    until(shutters.inside == 16);
    count = open_descriptors();
    expect(cothread_file_write(fd, "HELLO", 5, 0, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_file_write(fd, "HELLO", 5, 0, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_file_read(fd, few, 5, 0, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_file_sync(fd, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(open_descriptors(), count);
    let_go(&shutters, 16);
    for (int i = 0; i < 16; i++)
        join(tasks[i]);
    expect(cothread_file_read(fd, few, 5, 0, COTHREAD_FOREVER), 5);
    expect(memcmp(few, "hello", 5), 0);

    /* Of a file that may grow no more what fits is written, and then the reason told; no SIGXFSZ ends the program. */
    struct rlimit limit;
    expect(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t no_limit = limit.rlim_cur;
    limit.rlim_cur = LARGE + 15;
    expect(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect(cothread_file_write(fd, out, 100, LARGE + 5, COTHREAD_FOREVER), 10);
    expect(cothread_file_write(fd, out, 100, LARGE + 15, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EFBIG);
    limit.rlim_cur = no_limit;
    expect(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect(cothread_file_write(fd, out, 100, LARGE + 15, COTHREAD_FOREVER), 100);

    /* No descriptor is left for the call's own. */
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 4; /* 3 is the scheduler's */
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect(cothread_file_write(fd, "HELLO", 5, 0, COTHREAD_FOREVER), COTHREAD_ELIMIT);
    if (!strstr(cothread_last_error(), "duplicate"))
        fail_at(__FILE__, __LINE__, "it is not said for what one is needed: %s", cothread_last_error());
    expect(cothread_file_read(fd, few, 5, 0, COTHREAD_FOREVER), COTHREAD_ELIMIT);
    expect(cothread_file_sync(fd, COTHREAD_FOREVER), COTHREAD_ELIMIT);

    close(fd);
    unlink(path);
    unlink(fifo);
    rmdir(directory);
    return nothing_left();
}
