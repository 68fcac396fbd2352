/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static char text[64];

static cothread_handle adopt(int fd) {
    return handle(cothread_adopt(fd, 0));
}

static void *reads(void *from) {
    size_t length = 0;
    int64_t n;
    while ((n = cothread_read((cothread_handle)(intptr_t)from, text + length, sizeof text - length, COTHREAD_FOREVER)) > 0)
        length += (size_t)n;
    text[length] = 0;
    return NULL;
}

int main(void) {
    int before, in[2], out[2], keeps[2], position;
    cothread_handle process, reader, input, output;
    handle(cothread_create(NULL));
    before = open_descriptors();

    /* Its 1 is the pipe it reads, its 0 the one it writes: under the numbers of each other. */
    expect(pipe2(in, O_CLOEXEC), 0);
    expect(pipe2(out, O_CLOEXEC), 0);
    keeps[0] = fcntl(0, F_DUPFD_CLOEXEC, 50);
    keeps[1] = fcntl(1, F_DUPFD_CLOEXEC, 50);
    expect(dup2(in[0], 0), 0);
    expect(dup2(out[1], 1), 1);
    process = start(SH("exec 3<&0 0<&1 1>&3; cat"), .descriptors = (cothread_process_descriptor[]){{0, 1}, {1, 0}}, .descriptor_count = 2);
    expect(dup2(keeps[0], 0), 0);
    expect(dup2(keeps[1], 1), 1);
    close(keeps[0]);
    close(keeps[1]);
    close(in[0]);
    close(out[1]);
    input = adopt(in[1]);
    output = adopt(out[0]);
    reader = spawn(reads, (void *)(intptr_t)output);
    expect(cothread_write(input, "through both", 12, COTHREAD_FOREVER), 12);
    expect(cothread_close(input), 0);
    join(reader);
    expect(strcmp(text, "through both"), 0);
    ends(process, 0);
    expect(cothread_close(process), 0);
    expect(cothread_close(output), 0);

    /* Nothing else is there, inheritable or not: not what we opened, nor what the library did. */
    expect(dup2(0, 900), 900);
    process = start(SH("exec ls /proc/self/fd | wc -l | { read n; exit $n; }"));
    ends(process, 4); /* 0, 1, 2, and the directory that ls reads */
    expect(cothread_close(process), 0);
    close(900);

    /* One open file: what the child writes moves our offset. */
    int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    expect(write(file, "one ", 4), 4);
    process = start(SH("echo two"), .descriptors = (cothread_process_descriptor[]){{1, file}}, .descriptor_count = 1);
    ends(process, 0);
    expect(cothread_close(process), 0);
    position = (int)lseek(file, 0, SEEK_CUR);
    expect(position, 8);
    close(file);

    expect(open_descriptors(), before);
    no_child_is_left();
    return nothing_left();
}
