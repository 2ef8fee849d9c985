/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run to their end.  One thread; may sleep as long as the program runs. */
#ifndef RZST_RUN_H
#define RZST_RUN_H

#include <stdbool.h>

/*
 * Run argv[0] with these arguments (argv ends with NULL) and wait for its end.  A name without a
 * slash is looked for in PATH.  quiet: its output goes to /dev/null.  Gives its exit status; 128
 * and the signal's number if one ended it, as a shell does; or a negative errno: it was not
 * started.
 */
int rzst_run(const char *const argv[], bool quiet);

#endif
