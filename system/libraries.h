/* libraries.h - which libraries the process has loaded, and what they define.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system defines:
 *   system_libraries_loaded()
 *       How many the process has loaded so far. It costs some 20 ns and waits for no library's constructor.
 *   system_each_library(visit, context)
 *       Calls visit(path, place, context) for each; `place` tells two with one path apart. It waits for no
 *       library's constructor either, so `visit` may do nothing that does.
 *   system_symbol(path, name)
 *       The address of a function in the library with that path, which is never unloaded from then on, or,
 *       if the path is NULL, wherever the program finds it. NULL: there is none. Waits until every dlopen
 *       under way is done, its constructors too.
 *   system_keep_library(function)
 *       The library that has this function is never unloaded. Waits likewise.
 * All from any thread.
 */
#ifndef SYSTEM_LIBRARIES_H
#define SYSTEM_LIBRARIES_H

#include <stdint.h>

uint64_t system_libraries_loaded(void);
void system_each_library(void (*visit)(const char *path, uintptr_t place, void *context), void *context);
void *system_symbol(const char *path, const char *name);
void system_keep_library(const void *function);

#endif
