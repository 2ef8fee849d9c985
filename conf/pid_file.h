/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the process id.
 *
 * Threading: the main thread.
 */
#ifndef RZS_PID_FILE_H
#define RZS_PID_FILE_H

#include "value.h"

/*
 * Write the id of this process to path, and keep the file locked: one process at a time has it.  An
 * existing file is used only if it is a pid file that no process has.
 * A descriptor to keep open, or a negative errno with why set: -EBUSY another process has it;
 * -EEXIST it is not a pid file; or the system's.
 */
int rzs_pid_file_open(const char *path, char why[RZS_WHY_MAX]);

/* Remove the file, unless path names another one by now, and close fd. */
void rzs_pid_file_close(const char *path, int fd);

#endif
