/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>

int main(void) {
    FILE *file = tmpfile();
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    handle(cothread_create(NULL));
    expect(file != NULL && directory >= 0, 1);
    expect(cothread_wait_fd(fileno(file), COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_wait_fd(fileno(file), COTHREAD_WRITABLE, COTHREAD_NOW), COTHREAD_WRITABLE);
    expect(cothread_wait_fd(fileno(file), COTHREAD_READABLE | COTHREAD_WRITABLE, COTHREAD_FOREVER),
           COTHREAD_READABLE | COTHREAD_WRITABLE);
    expect(cothread_adopt(fileno(file), 0), COTHREAD_EINVAL);
    expect(cothread_adopt(directory, 0), COTHREAD_EINVAL);
    close(directory);
    fclose(file);
    return nothing_left();
}
