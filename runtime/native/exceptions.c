/* exceptions.c - see exceptions.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "exceptions.h"

#include <pthread.h>
#include <string.h>

#include "../../cothread.h"
#include "../../system/libraries.h"
#include "errors.h"

typedef void *(*globals_function)(void); /* what __cxa_get_globals is */

_Atomic uint32_t exception_runtimes;
static _Atomic(globals_function) runtimes[EXCEPTION_RUNTIMES];
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t loads_seen;

static const struct exception_list never = {NULL, 0}, always = {NULL, 1};

int exceptions_register(globals_function globals)
{
    int rc = 0;
    pthread_mutex_lock(&registering);
    uint32_t count = exception_runtimes, i = 0;
    void *mine = globals();
    while (i < count && runtimes[i]() != mine) /* each program and plugin may have a function of its own for one list */
        i++;
    if (i == EXCEPTION_RUNTIMES) { /* none of them */
        rc = fail(COTHREAD_ELIMIT, "%lld C++ runtimes are known already", EXCEPTION_RUNTIMES);
    } else if (i == count) {
        system_keep_library((const void *)globals); /* its lists are looked at from now on */
        runtimes[count] = globals;
        atomic_store_explicit(&exception_runtimes, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&registering);
    return rc;
}

static _Atomic uintptr_t known[EXCEPTION_RUNTIMES]; /* where those lie that were found by name */

struct search {
    char names[EXCEPTION_RUNTIMES][256];
    uintptr_t places[EXCEPTION_RUNTIMES];
    int count;
};

static bool is_known(uintptr_t place)
{
    for (int i = 0; i < EXCEPTION_RUNTIMES; i++)
        if (known[i] == place)
            return true;
    return false;
}

static void make_known(uintptr_t place)
{
    for (int i = 0; i < EXCEPTION_RUNTIMES; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&known[i], &none, place))
            return;
    }
}

static void note_runtime(const char *path, uintptr_t place, void *context)
{
    struct search *search = context;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if ((strncmp(name, "libstdc++.so", 12) == 0 || strncmp(name, "libc++abi.so", 12) == 0) && !is_known(place) &&
        search->count < EXCEPTION_RUNTIMES && strlen(path) < sizeof search->names[0]) {
        search->places[search->count] = place;
        strcpy(search->names[search->count++], path);
    }
}

/* look_for_runtimes finds what was loaded since. By name too: what came with a plugin of its own scope is not found
 * otherwise.
 *
 * system_symbol waits until every other dlopen is done, its constructors too, which may wait for this scheduler. So a tick
 * calls it only for a runtime that is new. */
static void look_for_runtimes(bool in_tick)
{
    struct search search = {.count = 0};
    uint64_t loads = system_libraries_loaded();
    if (atomic_exchange(&loads_seen, loads) == loads)
        return;
    void *globals = in_tick ? NULL : system_symbol(NULL, "__cxa_get_globals");
    if (globals)
        exceptions_register((globals_function)globals);
    system_each_library(note_runtime, &search);
    for (int i = 0; i < search.count; i++)
        if ((globals = system_symbol(search.names[i], "__cxa_get_globals")) && exceptions_register((globals_function)globals) == 0)
            make_known(search.places[i]);
}

static void take_over(struct exceptions *e)
{
    for (uint32_t count = exception_runtimes; e->count < count; e->count++)
        e->lists[e->count] = runtimes[e->count]();
    if (e->looked_at != &always && e->count)
        e->looked_at = e->count == 1 ? e->lists[0] : &always;
}

void exceptions_refresh(struct exceptions *e)
{
    look_for_runtimes(true);
    take_over(e);
}

void exceptions_open(struct exceptions *e, bool careful)
{
    *e = (struct exceptions){.looked_at = careful ? &always : &never};
    look_for_runtimes(false);
    take_over(e);
}

void exceptions_put_away(struct exceptions *e, struct exceptions_kept *kept)
{
    memset(kept, 0, sizeof *kept);
    for (uint32_t i = 0; i < e->count; i++) {
        struct exception_list *from = e->lists[i];
        kept->lists[i] = *from;
        from->caught = NULL;
        from->uncaught = 0;
    }
}

void exceptions_bring_back(struct exceptions *e, const struct exceptions_kept *kept)
{
    for (uint32_t i = 0; i < e->count; i++) {
        e->lists[i]->caught = kept->lists[i].caught;
        e->lists[i]->uncaught = kept->lists[i].uncaught;
    }
}
