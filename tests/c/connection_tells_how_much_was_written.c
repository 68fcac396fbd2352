/* A write that is cut short, after each number of bytes that a page holds, says how many went out; so does one that is cut
 * short in the middle of its pieces, of a file or of a message.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

enum { PAGE = 4096 };
static char out[2 * PAGE], in[2 * PAGE];

/* A pipe of one page with room for exactly k bytes: what the kernel adds to a page is what is left over of whole ones. */
static void fill_pipe(int fd, int k) {
    expect(cothread_yield(), 0); /* that it was empty is reported: with so little room a pipe is not writable */
    if (k < PAGE)
        expect(write(fd, in, (size_t)(PAGE - k)), PAGE - k);
}

static void *is_cancelled(void *connection) {
    size_t written = 99;
    expect(cothread_connection_write(*(cothread_handle *)connection, out, PAGE + 7, &written, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(written, 7);
    return NULL;
}

static void *is_closed(void *connection) {
    size_t written = 99;
    expect(cothread_connection_write(*(cothread_handle *)connection, out, PAGE + 7, &written, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(written, 7);
    return NULL;
}

static void every_length(void) {
    int fds[2], k;
    size_t written;
    cothread_handle writer, task;
    expect(pipe(fds), 0);
    expect(fcntl(fds[1], F_SETPIPE_SZ, PAGE), PAGE);
    writer = connection_of(fds[1]);
    expect(cothread_connection_state(writer), COTHREAD_STATE_INPUT_ENDED);
    for (k = 1; k < PAGE; k++) {
        fill_pipe(fds[1], k);
        written = 99;
        expect(cothread_connection_write(writer, out, (size_t)(PAGE + k), &written, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(written, k);
        expect(read(fds[0], in, sizeof in), PAGE);
        expect(memcmp(in + PAGE - k, out, (size_t)k), 0);
    }
    fill_pipe(fds[1], 7);
    expect(cothread_connection_write(writer, out, PAGE + 7, &written, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(written, 7);
    expect(read(fds[0], in, sizeof in), PAGE);
    fill_pipe(fds[1], 7);
    task = spawn(is_cancelled, &writer);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(read(fds[0], in, sizeof in), PAGE);
    fill_pipe(fds[1], 7);
    task = spawn(is_closed, &writer);
    expect(cothread_yield(), 0);
    expect(cothread_close(writer), 0);
    join(task);
    close(fds[0]);
}

static void peer_goes_away(void) {
    int fds[2];
    size_t written;
    cothread_handle writer;
    expect(pipe(fds), 0);
    expect(fcntl(fds[1], F_SETPIPE_SZ, PAGE), PAGE);
    writer = connection_of(fds[1]);
    expect(cothread_connection_write(writer, out, PAGE, &written, COTHREAD_NOW), 0);
    close(fds[0]);
    expect(cothread_connection_write(writer, out, PAGE, &written, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EPIPE);
    expect(written, 0);
    expect(cothread_connection_state(writer), COTHREAD_STATE_CLOSING); /* of a pipe's end that is all */
    expect(cothread_close(writer), 0);
}

/* ---- Pieces, files, messages ---- */

enum { LENGTH = 300000 };
static char pattern[LENGTH], received[LENGTH];
static int file;

static int write_from(int how, cothread_handle connection, size_t from, size_t *written, int64_t deadline) {
    cothread_span spans[40];
    cothread_message message = {.size = sizeof message, .data = pattern + from, .length = LENGTH - from};
    int i, count = 0;
    switch (how) {
    case 0: return cothread_connection_write(connection, pattern + from, LENGTH - from, written, deadline);
    case 1:
        for (i = 0; i < 39 && LENGTH - from > 2000u * (i + 1); i++) { /* some of them empty */
            spans[count++] = (cothread_span){pattern + from, i % 5 ? 1999 : 0};
            from += spans[count - 1].size;
        }
        spans[count++] = (cothread_span){pattern + from, LENGTH - from};
        return cothread_connection_writev(connection, spans, (size_t)count, written, deadline);
    case 2: return cothread_connection_sendfile(connection, file, (int64_t)from, LENGTH - from, written, deadline);
    default: return cothread_connection_send(connection, &message, written, deadline);
    }
}

/* The peer reads `some` bytes whenever the writer has given up, and the writer goes on from where it was told it is. */
static void in_parts(void (*pair)(int fds[2]), int how) {
    cothread_handle writer;
    size_t from = 0, got = 0, written, some = 1;
    int fds[2], small = 4096, rc;
    pair(fds);
    expect(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    expect(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    writer = connection_of(fds[0]);
    while (from < LENGTH) {
        written = LENGTH;
        rc = write_from(how, writer, from, &written, some % 2 ? COTHREAD_NOW : cothread_after(COTHREAD_MICROSECOND));
        expect(rc == 0 || rc == COTHREAD_ETIMEDOUT, 1);
        expect(written <= LENGTH - from, 1);
        expect(rc == 0, written == LENGTH - from);
        from += written;
        some = some * 7 % 65537;
        if (from < LENGTH || got < from) {
            ssize_t n = recv(fds[1], received + got, some < LENGTH - got ? some : LENGTH - got, MSG_DONTWAIT);
            got += n > 0 ? (size_t)n : 0;
        }
    }
    while (got < LENGTH)
        got += (size_t)recv(fds[1], received + got, LENGTH - got, 0);
    expect(memcmp(received, pattern, LENGTH), 0);
    expect(recv(fds[1], received, 1, MSG_DONTWAIT), -1); /* nothing went twice */
    expect(cothread_close(writer), 0);
    close(fds[1]);
}

/* What is wrong with a file is told, with how much of it went out, and changes nothing about the connection. */
static void file_is_wrong(void) {
    int fds[2], write_only = open("/dev/null", O_WRONLY), directory = open("/", O_RDONLY | O_DIRECTORY);
    size_t written = 99;
    cothread_handle writer;
    unix_pair(fds);
    writer = connection_of(fds[0]);
    expect(cothread_connection_sendfile(writer, file, LENGTH - 10, 20, &written, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(strstr(cothread_last_error(), "ends after 10 of 20 bytes") != NULL, 1);
    expect(written, 10);
    expect(recv(fds[1], received, sizeof received, MSG_DONTWAIT), 10);
    expect(memcmp(received, pattern + LENGTH - 10, 10), 0);
    expect(cothread_connection_sendfile(writer, file, LENGTH + 10, 20, &written, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(written, 0);
    expect(cothread_connection_sendfile(writer, -1, 0, 20, &written, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_connection_sendfile(writer, write_only, 0, 20, &written, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_connection_sendfile(writer, directory, 0, 20, &written, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EISDIR);
    expect(cothread_connection_sendfile(writer, fds[1], 0, 20, &written, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ESPIPE);
    expect(written, 0);
    expect(cothread_connection_sendfile(writer, file, -1, 20, &written, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_sendfile(writer, file, 0, 0, &written, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_state(writer), COTHREAD_STATE_OPEN);
    say(writer, "goes on");
    expect(recv(fds[1], received, sizeof received, MSG_DONTWAIT), 7);
    expect(cothread_close(writer), 0);
    close(fds[1]);
    close(write_only);
    close(directory);
}

/* A call that is refused for whatever reason has moved nothing, and says so. */
static void refused_calls_tell_none(void) {
    cothread_span no_memory = {NULL, 1}, span = {"x", 1};
    cothread_message message = {.size = sizeof message, .data = NULL, .length = 1};
    cothread_handle ends[2], stale;
    size_t counts[12], i;
    connected(unix_pair, ends);
    stale = ends[1];
    expect(cothread_close(stale), 0);
    memset(counts, 0x55, sizeof counts);
    expect(cothread_connection_write(ends[0], NULL, 1, &counts[0], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_write(ends[0], "x", 0, &counts[1], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_write(stale, "x", 1, &counts[2], COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_connection_writev(ends[0], &no_memory, 1, &counts[3], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_writev(ends[0], &span, 0, &counts[4], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_writev(stale, &span, 1, &counts[5], COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_connection_sendfile(ends[0], file, 0, 0, &counts[6], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_sendfile(ends[0], file, -1, 1, &counts[7], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_send(ends[0], NULL, &counts[8], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_send(ends[0], &message, &counts[9], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_read_exactly(ends[0], NULL, 1, &counts[10], COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_connection_read_exactly(stale, received, 1, &counts[11], COTHREAD_FOREVER), COTHREAD_EHANDLE);
    for (i = 0; i < 12; i++)
        if (counts[i] != 0)
            fail_at(__FILE__, __LINE__, "the count of refused call %zu is %zx", i, counts[i]);
    expect(cothread_close(ends[0]), 0);
}

int main(void) {
    int i, how;
    handle(cothread_create(NULL));
    for (i = 0; i < (int)sizeof out; i++)
        out[i] = (char)(i * 7 + i / 256);
    for (i = 0; i < LENGTH; i++)
        pattern[i] = (char)(i * 7 + i / 256);
    file = memfd_create("file", 0);
    expect(write(file, pattern, LENGTH), LENGTH);
    every_length();
    peer_goes_away();
    for (how = 0; how < 4; how++) {
        in_parts(unix_pair, how);
        in_parts(tcp_pair, how);
    }
    file_is_wrong();
    refused_calls_tell_none();
    close(file);
    return nothing_left();
}
