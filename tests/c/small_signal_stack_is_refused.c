/* A signal that finds the runtime on a signal stack too small for its handler would end the process.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/mman.h>

static void use_stack(char *memory, size_t size, int flags) {
    stack_t stack = {.ss_sp = memory, .ss_size = size, .ss_flags = flags};
    expect(sigaltstack(&stack, NULL), 0);
}

int main(void) {
    char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t found;
    use_stack(memory, 4096, 0);
    expect(cothread_create(NULL), COTHREAD_ELIMIT);
    expect(strstr(cothread_last_error(), "sigaltstack") != NULL, 1);
    use_stack(memory, 8192, 0);
    handle(cothread_create(NULL));
    expect(nothing_left(), 0);
    expect(sigaltstack(NULL, &found), 0);
    expect(found.ss_sp == memory, 1); /* the host's own stays in use */
    use_stack(NULL, 0, SS_DISABLE);
    handle(cothread_create(NULL));
    return nothing_left();
}
