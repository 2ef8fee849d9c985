/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program itself, and its libraries, in memory.
 *
 * Code that runs for the first time is read from its file, or, of a file in a tmpfs, from swap.  A
 * server that takes over swap, or hands it over, does things that it has not done before while
 * nobody serves swap.  So all of it has to be in memory before, and locked (protect_steps.h).
 *
 * Threading: one thread, while no other writes to variables of the program: before threads start.
 */
#ifndef RZS_PROGRAM_H
#define RZS_PROGRAM_H

/*
 * Populate code, constants and variables of all loaded objects.  That is private memory for all
 * variables, and shared memory for the rest, some MiB with the usual libraries.  Sleeps.  0;
 * -ENOMEM: some of it is not in memory; -ENOTSUP: before Linux 5.14.
 */
int rzs_program_fill(void);

#endif
