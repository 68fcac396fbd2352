/* plugin.cc - a plugin in C++ that knows only cothread.h, for a_plugin_brings_its_runtime.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>

extern "C" __attribute__((visibility("default"))) void *rethrows(void *number);

/* Returns what it was given, unless another task's exception came between. */
void *rethrows(void *number) {
    try {
        try {
            throw number;
        } catch (void *) {
            cothread_yield();
            throw;
        }
    } catch (void *caught) {
        return caught;
    }
}
