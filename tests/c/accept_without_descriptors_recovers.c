/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct rlimit limit;
    socklen_t length = sizeof address;
    cothread_handle listener, connection;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), taken[1024], count = 0;
    handle(cothread_create(NULL));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    expect(getsockname(server, (struct sockaddr *)&address, &length), 0);
    expect(listen(server, 1), 0);
    listener = handle(cothread_adopt(server, 0));
    expect(cothread_accept(listener, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* all that it opens once is open */
    expect(connect(client, (struct sockaddr *)&address, length), 0);

    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[count] = dup(0)) >= 0)
        count++;
    expect(errno, EMFILE);
    expect(cothread_accept(listener, COTHREAD_FOREVER), COTHREAD_ELIMIT);
    expect(cothread_accept(listener, COTHREAD_NOW), COTHREAD_ELIMIT);
    while (count > 0)
        close(taken[--count]);
    connection = handle(cothread_accept(listener, COTHREAD_FOREVER)); /* it stayed in the backlog */
    expect(cothread_write(connection, "x", 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(connection), 0);
    expect(cothread_close(listener), 0);
    close(client);
    return nothing_left();
}
