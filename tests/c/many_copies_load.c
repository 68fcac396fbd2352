/* Static TLS is a small pool that all libraries loaded later share: a process may load many copies
 * of the library, as happens if several of its plugins bring one each.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dlfcn.h>
#include <link.h>

enum { COPIES = 12, TLS_MOST = 64 };

static int tls_size(struct dl_phdr_info *info, size_t size, void *found) {
    (void)size;
    if (strstr(info->dlpi_name, "libcothread"))
        for (int i = 0; i < info->dlpi_phnum; i++)
            if (info->dlpi_phdr[i].p_type == PT_TLS)
                *(long *)found = (long)info->dlpi_phdr[i].p_memsz;
    return 0;
}

static void copy(const char *from, const char *to) {
    char command[8192];
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    expect(system(command), 0);
}

int main(void) {
    Dl_info library;
    char path[64];
    long tls = 0;
    expect(dladdr((void *)(uintptr_t)cothread_create, &library) != 0, 1);
    dl_iterate_phdr(tls_size, &tls);
    if (tls < 8 || tls > TLS_MOST)
        fail_at(__FILE__, __LINE__, "the library has %ld bytes of static TLS, expected at most %d", tls, TLS_MOST);
    for (int i = 0; i < COPIES; i++) {
        snprintf(path, sizeof path, "/tmp/libcothread.%d.%d.so", (int)getpid(), i);
        copy(library.dli_fname, path);
        void *loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        unlink(path);
        if (!loaded)
            fail_at(__FILE__, __LINE__, "copy %d: %s", i, dlerror());
        int (*abi)(void);
        *(void **)&abi = dlsym(loaded, "cothread_abi");
        expect(abi != cothread_abi, 1);
        expect(abi(), COTHREAD_ABI);
    }
    handle(cothread_create(NULL)); /* and the first works */
    return nothing_left();
}
