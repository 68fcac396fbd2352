/* libraries_linux.c - which libraries the process has loaded: the dynamic linker of an ELF system.
 * SPDX-License-Identifier: Apache-2.0
 *
 * dlopen and dlsym take a lock that a library's constructor runs under. dl_iterate_phdr takes another. */
#define _GNU_SOURCE
#include "libraries.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

static int count_loads(struct dl_phdr_info *library, size_t size, void *loads)
{
    (void)size;
    *(uint64_t *)loads = library->dlpi_adds;
    return 1; /* the first one says it */
}

uint64_t system_libraries_loaded(void)
{
    uint64_t loads = 0;
    dl_iterate_phdr(count_loads, &loads);
    return loads;
}

struct visitor {
    void (*visit)(const char *path, uintptr_t place, void *context);
    void *context;
};

static int call_visitor(struct dl_phdr_info *library, size_t size, void *context)
{
    (void)size;
    const struct visitor *visitor = context;
    visitor->visit(library->dlpi_name, library->dlpi_addr, visitor->context);
    return 0;
}

void system_each_library(void (*visit)(const char *path, uintptr_t place, void *context), void *context)
{
    struct visitor visitor = {visit, context};
    dl_iterate_phdr(call_visitor, &visitor);
}

void *system_symbol(const char *path, const char *name)
{
    if (!path)
        return dlsym(RTLD_DEFAULT, name);
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    void *found = library ? dlsym(library, name) : NULL;
    if (library)
        dlclose(library);
    return found;
}

void system_keep_library(const void *function)
{
    Dl_info library;
    if (dladdr(function, &library) && library.dli_fname)
        dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
