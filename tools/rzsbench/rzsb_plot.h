/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plots by gnuplot.  Its script and its output are files in memory: nothing is left on a disk.
 * Threading: one thread; all functions may sleep.
 */
#ifndef RZSB_PLOT_H
#define RZSB_PLOT_H

#include <stdio.h>

struct rzsb_plot {
	const char *name; /* letters only; no other plot of the page may have it */
	FILE *script;
};

/*
 * Whether gnuplot draws SVG: 0, -ENOENT if it is not installed, or another negative errno; with a
 * message that begins with `what`.
 */
int rzsb_plot_check(const char *what);

/* Where the script goes.  The terminal is set already.  NULL: no memory. */
FILE *rzsb_plot_begin(struct rzsb_plot *p, const char *name, unsigned width, unsigned height);

/*
 * Draw it.  Returns an <svg> element, which is XML and HTML alike, whose ids begin with the name;
 * the caller frees it.  NULL with a message: gnuplot has failed.
 */
char *rzsb_plot_end(struct rzsb_plot *p);

#endif
