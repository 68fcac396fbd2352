/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#define refused(field, wrong) \
    do { \
        cothread_process_options options = {.size = sizeof options, .arguments = WORDS("true")}; \
        options.field = (wrong); \
        expect(cothread_process_start(&options), COTHREAD_EINVAL); \
        expect(strstr(cothread_last_error(), #field) != NULL, 1); \
    } while (0)

int main(void) {
    const char *const none[] = {NULL};
    const cothread_process_descriptor twice[] = {{0, 0}, {1, 1}, {0, 2}}, negative[] = {{-1, 0}};
    const cothread_process_limit limit = {.resource = 0, .reserved = 1};
    cothread_process_options options = {.size = sizeof options, .arguments = WORDS("true")};
    handle(cothread_create(NULL));
    refused(size, 0);
    refused(size, sizeof options - 4);
    refused(size, UINT32_MAX);
    refused(flags, 4);
    refused(arguments, NULL);
    refused(arguments, none);
    refused(arguments, (const char *const *)1);
    refused(environment, (const char *const *)1);
    refused(descriptor_count, 1025);
    refused(limit_count, 1025);
    options.descriptor_count = 1;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    options.descriptors = (const cothread_process_descriptor *)1;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    options.descriptors = negative;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    options.descriptors = twice;
    options.descriptor_count = 3;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    options.descriptor_count = 0;
    options.limit_count = 1;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    options.limits = &limit;
    expect(cothread_process_start(&options), COTHREAD_EINVAL);
    expect(cothread_process_open(0), COTHREAD_EINVAL);
    expect(cothread_process_open(-1), COTHREAD_EINVAL);
    expect(cothread_thread_open(0), COTHREAD_EINVAL);
    no_child_is_left();
    return nothing_left();
}
