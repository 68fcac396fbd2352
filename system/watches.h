/* watches.h - being told what changes in the file system.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system has few sources of changes for a user (Linux: 128 by default), and one serves any number
 * of files. It knows a file by a number; asked twice for the same file, by whatever path, it
 * gives the same number twice, so whoever shares a source tells the askers apart.
 *
 * A system defines:
 *   system_watches_open()
 *       Opens a source: a descriptor, which is readable when there is something to be told. The
 *       caller closes it by system_watches_close.
 *   system_watches_close(source)
 *       Ends it and all that it watches.
 *   system_watch_add(source, path, changes)
 *       Has the source tell of COTHREAD_CHANGE_... `changes` of the file or directory at `path`,
 *       a symbolic link followed, and of what it was asked before for the same file. Returns the
 *       file's number, 0 or more.
 *   system_watch_remove(source, number)
 *       The file is not watched any more. Its number is not given to another one within the next
 *       two thousand million.
 *   system_watches_read(source, report, context)
 *       Calls report(context, number, changes, name) for all that was there when it was called.
 *       `name` is that of an entry of a watched directory, else "". COTHREAD_CHANGE_GONE: the
 *       number is not watched any more. Number -1 with COTHREAD_CHANGE_LOST: the source had no
 *       room for some changes, of whichever file.
 *
 * A source belongs to one thread at a time. Results are 0 or more, or -errno. Nothing blocks, but
 * add takes as long as its path takes to be looked up.
 */
#ifndef SYSTEM_WATCHES_H
#define SYSTEM_WATCHES_H

#include <stdint.h>

typedef void system_report(void *context, int number, uint32_t changes, const char *name);

int system_watches_open(void);
void system_watches_close(int source);
int system_watch_add(int source, const char *path, uint32_t changes);
void system_watch_remove(int source, int number);
void system_watches_read(int source, system_report *report, void *context);

#endif
