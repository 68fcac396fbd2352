/* Servers that accept again whatever the answer was do not keep the other tasks from running while no descriptor is left: one
 * of these gives some back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include <sys/resource.h>

static int taken[256], count, limits;
static cothread_handle listener;
static cothread_handle (*accepts)(cothread_handle listener, int64_t deadline);

static void *serves(void *unused) {
    cothread_handle client;
    while ((client = accepts(listener, COTHREAD_FOREVER)) < 0) {
        expect(client, COTHREAD_ELIMIT);
        expect(strstr(cothread_last_error(), "no descriptor") != NULL, 1);
        limits++;
    }
    expect(cothread_close(client), 0);
    return unused;
}

static void *gives_back(void *unused) {
    while (limits < 2)
        expect(cothread_yield(), 0);
    while (count > 0)
        close(taken[--count]);
    return unused;
}

static void *loses_its_listener(void *unused) {
    expect(accepts(listener, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return unused;
}

static void *is_cancelled(void *unused) {
    expect(accepts(listener, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void take_all(void) {
    while (count < 256 && (taken[count] = dup(0)) >= 0)
        count++;
    expect(errno, EMFILE);
}

static void tried(cothread_handle (*call)(cothread_handle, int64_t), const cothread_address *address) {
    cothread_handle tasks[2];
    int client = socket(AF_INET, SOCK_STREAM, 0);
    accepts = call;
    limits = 0;
    expect(connect(client, (const struct sockaddr *)(const void *)address->address, address->length), 0);
    take_all();
    expect(accepts(listener, COTHREAD_NOW), COTHREAD_ELIMIT);
    tasks[0] = spawn(is_cancelled, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(tasks[0]), 0);
    join(tasks[0]);
    tasks[0] = spawn(serves, NULL);
    tasks[1] = spawn(gives_back, NULL);
    join(tasks[0]);
    join(tasks[1]);
    close(client);
}

int main(void) {
    struct rlimit limit;
    cothread_address address;
    cothread_handle task;
    int client;
    handle(cothread_create(NULL));
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    expect(cothread_connection_accept(listener, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* all that it opens once is open */
    tried(cothread_connection_accept, &address);

    /* It is closed while a task pauses. */
    client = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(client, (struct sockaddr *)(void *)address.address, address.length), 0);
    take_all();
    task = spawn(loses_its_listener, NULL);
    expect(cothread_yield(), 0);
    while (count > 0)
        close(taken[--count]);
    size_t buffered;
    int fd = cothread_connection_release(listener, NULL, 0, &buffered);
    expect(fd >= 0, 1);
    expect(cothread_join(task, NULL, COTHREAD_FOREVER), 0);

    listener = handle(cothread_adopt(fd, 0));
    task = handle(cothread_accept(listener, COTHREAD_FOREVER)); /* it stayed in the backlog */
    expect(cothread_close(task), 0);
    tried(cothread_accept, &address);
    expect(cothread_close(listener), 0);
    close(client);
    return nothing_left();
}
