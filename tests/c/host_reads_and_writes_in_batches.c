/* A host that lets the library read and write: each entry it gets, and each request that is refused. */
#include <netinet/in.h>

#include "host.h"

static void ask(cothread_handle adopted, int operation, int fd, int64_t token, int64_t value, int64_t deadline) {
    request((cothread_request){.task = adopted, .operation = operation, .fd = fd, .deadline = deadline, .object = token, .value = value});
}

static void put(cothread_handle adopted, int64_t token, const char *text, int64_t at) {
    memcpy(ring->output + at, text, strlen(text));
    ask(adopted, COTHREAD_WRITE, (int)strlen(text), token, at, 0);
}

static void expect_peer(int fd, const char *text) {
    char got[64] = "";
    expect(read(fd, got, sizeof got - 1), (long long)strlen(text));
    expect(strcmp(got, text), 0);
}

static void expect_data(int entry, uint64_t token, const char *text) {
    const cothread_ready *ready = &ring->ready[entry];
    expect(ready->token, token);
    expect(ready->reason, COTHREAD_DATA);
    expect(ready->events, strlen(text));
    expect(memcmp(ring->input + ready->value, text, strlen(text)), 0);
    expect(ready->item, ready->value + (long long)strlen(text));
}

static void data_and_end(void) {
    int first[2], second[2];
    cothread_handle a = adopted_pair(first), b = adopted_pair(second);
    ask(a, COTHREAD_READ, 0, 1, 0, 0);
    ask(b, COTHREAD_READ, 4, 2, 0, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(write(first[1], "one", 3), 3);
    expect(write(second[1], "twotwo", 6), 6);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 2);
    expect_data(0, 1, "one");
    expect_data(1, 2, "twot");
    /* Reading goes on for the first. The second has more, but was asked once. */
    put(a, 1, "answer", 100);
    put(b, 2, "another", 200);
    expect(write(first[1], "three", 5), 5);
    ring->deadline = COTHREAD_FOREVER;
    expect(cothread_poll(), 1);
    expect_data(0, 1, "three");
    expect_peer(first[1], "answer");
    expect_peer(second[1], "another");
    ask(b, COTHREAD_READ, 100, 2, 0, 0);
    ring->deadline = COTHREAD_NOW;
    expect(cothread_poll(), 1);
    expect_data(0, 2, "wo");
    expect(cothread_poll(), 0);
    /* An end and a pause. */
    expect(write(first[1], "last", 4), 4);
    expect(shutdown(first[1], SHUT_WR), 0);
    ask(b, COTHREAD_READ, 0, 2, 0, 0);
    ask(b, COTHREAD_PAUSE, 0, 2, 0, 0);
    expect(write(second[1], "kept", 4), 4);
    ring->deadline = COTHREAD_FOREVER;
    expect(cothread_poll(), 1);
    expect_data(0, 1, "last");
    expect(cothread_poll(), 1);
    expect(ring->ready[0].token, 1);
    expect(ring->ready[0].reason, COTHREAD_END);
    ring->deadline = COTHREAD_NOW;
    expect(cothread_poll(), 0);
    ask(b, COTHREAD_READ, 0, 2, 0, 0);
    expect(cothread_poll(), 1);
    expect_data(0, 2, "kept");
    /* The end of input loses no output. */
    put(a, 1, "after the end", 0);
    ask(a, COTHREAD_CLOSE, 0, 1, 0, COTHREAD_FOREVER);
    expect(cothread_poll(), 0);
    expect_peer(first[1], "after the end");
    expect_peer(first[1], "");
    expect(cothread_descriptor(a), COTHREAD_EHANDLE);
    /* Closed by another call, a wait for input is told. */
    expect(cothread_close(b), 0);
    expect(cothread_poll(), 1);
    expect(ring->ready[0].token, 2);
    expect(ring->ready[0].reason, COTHREAD_ECLOSED);
    expect(cothread_poll(), 0);
    close(first[1]);
    close(second[1]);
}

static void unsent(void) {
    static char big[1 << 20], got[1 << 20];
    int fds[2], buffer = 8192;
    size_t total = 0, left;
    cothread_handle a = adopted_pair(fds);
    expect(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), 0);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 >> 3);
    memcpy(ring->output, big, sizeof big);
    ring->deadline = COTHREAD_NOW;
    ask(a, COTHREAD_WRITE, 1 << 20, 7, 0, 0);
    expect(cothread_poll(), 1);
    expect(ring->ready[0].token, 7);
    expect(ring->ready[0].reason, COTHREAD_WRITTEN);
    left = (size_t)ring->ready[0].value;
    expect(left > 0 && left < sizeof big, 1);
    memset(ring->output, 0, sizeof big); /* it is the host's again */
    /* More than may be unsent is refused, and the rest goes on. */
    for (int i = 0; i < 4; i++)
        ask(a, COTHREAD_WRITE, 1 << 20, 7, 0, 0);
    expect(cothread_poll(), 4);
    expect(ring->ready[2].reason, COTHREAD_WRITTEN);
    expect(ring->ready[3].reason, COTHREAD_EFULL);
    expect(ring->ready[3].value, 1 << 20);
    ask(a, COTHREAD_CLOSE, 0, 7, 0, COTHREAD_FOREVER);
    ask(a, COTHREAD_WRITE, 1, 7, 0, 0);
    expect(cothread_poll(), 1);
    expect(ring->ready[0].reason, COTHREAD_ECLOSED);
    for (ssize_t n; (n = recv(fds[1], got, sizeof got, MSG_DONTWAIT)) != 0;) {
        int count = cothread_poll();
        expect(count == 0 || (count == 1 && ring->ready[0].reason == COTHREAD_WRITTEN && ring->ready[0].value == 0), 1);
        if (n < 0)
            continue;
        for (ssize_t i = 0; i < n; i++, total++)
            if (got[i] != (total < sizeof big ? big[total] : 0))
                fail_at(__FILE__, __LINE__, "byte %zu is wrong", total);
    }
    expect(total, 4 << 20);
    close(fds[1]);
}

static void writes_behind_each_other(void) {
    int first[2], second[2], third[2];
    cothread_handle a = adopted_pair(first), b = adopted_pair(second), gone = adopted_pair(third);
    expect(cothread_close(gone), 0);
    ring->deadline = COTHREAD_NOW;
    for (int turn = 0; turn < 2; turn++) { /* each ring begins at 0 */
        memcpy(ring->output, "onetwolostlast", 14);
        ask(a, COTHREAD_WRITE, 3, 1, COTHREAD_BEHIND, 0);
        ask(b, COTHREAD_WRITE, 3, 2, COTHREAD_BEHIND, 0);
        ask(gone, COTHREAD_WRITE, 4, 3, COTHREAD_BEHIND, 0); /* refused, but its bytes lie there */
        ask(a, COTHREAD_WRITE, 4, 1, COTHREAD_BEHIND, 0);
        expect(cothread_poll(), 1);
        expect(ring->ready[0].token, 3);
        expect(ring->ready[0].reason, COTHREAD_EHANDLE);
        expect_peer(first[1], "onelast");
        expect_peer(second[1], "two");
    }
    memcpy(ring->output + 100, "elsewhere", 9);
    ask(a, COTHREAD_WRITE, 4, 1, 100, 0);
    ask(b, COTHREAD_WRITE, 5, 2, COTHREAD_BEHIND, 0);
    expect(cothread_poll(), 0);
    expect_peer(first[1], "else");
    expect_peer(second[1], "where");
    /* Behind the last that fits there is nothing. */
    ask(a, COTHREAD_WRITE, 1, 1, ring->output_size - 1, 0);
    ask(a, COTHREAD_WRITE, 1, 1, COTHREAD_BEHIND, 0);
    expect(cothread_poll(), 1);
    expect(ring->ready[0].reason, COTHREAD_EINVAL);
    expect(cothread_close(a), 0);
    expect(cothread_close(b), 0);
    close(first[1]);
    close(second[1]);
    close(third[1]);
}

static void accepting(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), clients[3];
    uint64_t accepted = 0;
    expect(bind(listener, (struct sockaddr *)&address, length), 0);
    expect(listen(listener, 8), 0);
    expect(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    cothread_handle a = handle(cothread_adopt(listener, 0));
    ask(a, COTHREAD_ACCEPT, 0, 11, 0, 0);
    ring->deadline = COTHREAD_FOREVER;
    for (int i = 0; i < 3; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        expect(connect(clients[i], (struct sockaddr *)&address, length), 0);
    }
    while (accepted < 3)
        for (int i = 0, count = cothread_poll(); i < count; i++) {
            expect(ring->ready[i].token, 11);
            expect(ring->ready[i].reason, COTHREAD_ACCEPTED);
            put(ring->ready[i].value, 20 + (int64_t)accepted++, "hello", 0);
            ask(ring->ready[i].value, COTHREAD_CLOSE, 0, 30, 0, COTHREAD_FOREVER);
        }
    ring->deadline = COTHREAD_NOW;
    expect(cothread_poll(), 0);
    for (int i = 0; i < 3; i++) {
        expect_peer(clients[i], "hello");
        expect_peer(clients[i], "");
        close(clients[i]);
    }
    expect(cothread_close(a), 0);
    expect(cothread_poll(), 1);
    expect(ring->ready[0].reason, COTHREAD_ECLOSED);
}

static void refused(void) {
    int fds[2];
    cothread_handle a = adopted_pair(fds), event = handle(cothread_event_create(0));
    ring->deadline = COTHREAD_NOW;
    ask(a, COTHREAD_READ, -1, 1, 0, 0);
    ask(a, COTHREAD_WRITE, 2, 2, (1 << 20) - 1, 0);
    ask(a, COTHREAD_WRITE, -1, 3, 0, 0);
    ask(a, COTHREAD_WRITE, 1, 4, -2, 0);
    ask(event, COTHREAD_READ, 0, 5, 0, 0);
    ask(a + 1, COTHREAD_READ, 0, 6, 0, 0);
    expect(batch(COTHREAD_NOW), 6);
    expect_order("1:-1 2:-1 3:-1 4:-1 5:-2 6:-2");
    close(fds[1]);
    put(a, 8, "x", 0);
    ask(a, COTHREAD_READ, 0, 8, 0, 0);
    expect(cothread_poll(), 2);
    expect(ring->ready[0].reason, COTHREAD_ESYSTEM);
    expect(ring->ready[0].events, EPIPE);
    expect(ring->ready[0].value, 1);
    expect(ring->ready[1].reason, COTHREAD_END);
    expect(cothread_close(a), 0);
    expect(cothread_close(event), 0);
}

int main(void) {
    hosted(0);
    data_and_end();
    unsent();
    writes_behind_each_other();
    accepting();
    refused();
    return nothing_left();
}
