/* A program in C without a C++ runtime loads a plugin that has one, out of sight of dlsym.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../c/test.h"
#include <dlfcn.h>

int main(int count, char **arguments) {
    handle(cothread_create(NULL));
    expect(count, 2);
    expect(dlsym(RTLD_DEFAULT, "__cxa_get_globals") == NULL, 1);
    void *plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!plugin)
        fail_at(__FILE__, __LINE__, "%s", dlerror());
    void *(*rethrows)(void *) = (void *(*)(void *))dlsym(plugin, "rethrows");
    for (int tick = 0; tick < 64; tick++) /* by then it is noticed */
        expect(cothread_yield(), 0);
    int a, b;
    void *got_a = NULL, *got_b = NULL;
    cothread_handle first = spawn(rethrows, &a), second = spawn(rethrows, &b);
    expect(cothread_join(first, &got_a, COTHREAD_FOREVER), 0);
    expect(cothread_join(second, &got_b, COTHREAD_FOREVER), 0);
    expect(got_a == &a, 1);
    expect(got_b == &b, 1);
    expect(dlclose(plugin), 0); /* the runtime stays: what it keeps is looked at */
    for (int tick = 0; tick < 200; tick++)
        expect(cothread_yield(), 0);
    return nothing_left();
}
