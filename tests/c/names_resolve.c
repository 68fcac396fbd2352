/* Names resolve to addresses that socket and connect take; a name that does not exist, hints and sizes that make no sense, and
 * wrong pointers get their errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

int main(void) {
    cothread_address addresses[8];
    cothread_hints hints = {.size = sizeof hints, .family = AF_INET, .lookup = AI_NUMERICHOST};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)addresses[0].address;
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;
    char port[16], long_name[2000];
    int listening, client, rc;
    handle(cothread_create(NULL));

    expect(cothread_resolve("127.0.0.1", "7", NULL, addresses, 8, COTHREAD_FOREVER), 1);
    expect(addresses[0].family, AF_INET);
    expect(addresses[0].type, SOCK_STREAM);
    expect(addresses[0].length, sizeof *in);
    expect(in->sin_family == AF_INET && in->sin_port == htons(7) && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK), 1);
    expect(cothread_resolve("::1", NULL, NULL, addresses, 1, COTHREAD_FOREVER), 1);
    expect(addresses[0].family, AF_INET6);
    expect(addresses[0].length, sizeof(struct sockaddr_in6));
    hints.lookup = AI_PASSIVE;
    hints.type = SOCK_DGRAM;
    expect(cothread_resolve(NULL, "7", &hints, addresses, 8, COTHREAD_FOREVER), 1);
    expect(addresses[0].type, SOCK_DGRAM);
    expect(in->sin_addr.s_addr, INADDR_ANY);

    /* It leads somewhere. */
    listening = socket(AF_INET, SOCK_STREAM, 0);
    expect(listen(listening, 1), 0);
    expect(getsockname(listening, (struct sockaddr *)&bound, &length), 0);
    snprintf(port, sizeof port, "%d", ntohs(bound.sin_port));
    expect(cothread_resolve("localhost", port, &(cothread_hints){.size = sizeof hints, .family = AF_INET}, addresses, 8, COTHREAD_FOREVER) >= 1, 1);
    client = socket(addresses[0].family, addresses[0].type, addresses[0].protocol);
    expect(connect(client, (struct sockaddr *)(void *)addresses[0].address, addresses[0].length), 0);
    close(client);
    close(listening);

    /* More than there is room for: those that fit are there. */
    rc = cothread_resolve("localhost", "7", NULL, addresses, 1, COTHREAD_FOREVER);
    expect(rc >= 1, 1);

    hints = (cothread_hints){.size = sizeof hints, .lookup = AI_NUMERICHOST};
    expect(cothread_resolve("no.number", "7", &hints, addresses, 8, COTHREAD_FOREVER), COTHREAD_ENAME);
    if (!strstr(cothread_last_error(), "no.number"))
        fail_at(__FILE__, __LINE__, "the name is not named: %s", cothread_last_error());
    expect(cothread_resolve("127.0.0.1", "no-such-service", NULL, addresses, 8, COTHREAD_FOREVER), COTHREAD_ENAME);
    rc = cothread_resolve("a-name-that-does-not-exist.invalid", "7", NULL, addresses, 8, COTHREAD_FOREVER);
    if (rc == COTHREAD_ESYSTEM) /* no name server is there to ask */
        expect(errno, EAGAIN);
    else
        expect(rc, COTHREAD_ENAME);
    hints = (cothread_hints){.size = sizeof hints, .family = 12345};
    expect(cothread_resolve("127.0.0.1", "7", &hints, addresses, 8, COTHREAD_FOREVER), COTHREAD_EINVAL);
    hints = (cothread_hints){.size = sizeof hints, .lookup = 1 << 30};
    expect(cothread_resolve("127.0.0.1", "7", &hints, addresses, 8, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve(NULL, NULL, NULL, addresses, 8, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve("127.0.0.1", "7", NULL, addresses, 0, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve("127.0.0.1", "7", NULL, addresses, 1025, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve("127.0.0.1", "7", NULL, NULL, 1, COTHREAD_FOREVER), COTHREAD_EINVAL);
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    expect(cothread_resolve(long_name, "7", NULL, addresses, 8, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_resolve("127.0.0.1", "7", NULL, addresses, 8, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return nothing_left();
}
