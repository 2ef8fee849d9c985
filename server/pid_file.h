/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the process's id.
 *
 * Threading: the main thread.
 */
#ifndef RZS_PID_FILE_H
#define RZS_PID_FILE_H

#include "device_params.h"

/*
 * Write this process's id to path, and hold the file locked: one process at a time has it.  What is
 * there already stays unless it is a pid file that nobody holds.
 * A descriptor to be kept, or a negative errno with why set: -EBUSY another process has it; -EEXIST
 * there is something else; from the system.
 */
int rzs_pid_file_open(const char *path, char why[RZS_WHY_MAX]);

/* Remove it, unless another process has put its own there, and close fd. */
void rzs_pid_file_close(const char *path, int fd);

#endif
