/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawings by gnuplot: its script goes there through a pipe, what it draws comes back in memory.
 * Nothing is left on a disk.  One thread.
 */
#ifndef RZSB_PLOT_H
#define RZSB_PLOT_H

#include <stdio.h>

struct rzsb_plot {
	const char *name; /* a word of letters, unlike that of any other drawing on the page */
	FILE *script;
	char *text;
	size_t size;
};

/*
 * 0: gnuplot is there and draws SVG.  -ENOENT: it is not installed; another negative errno: it does
 * not work; a complaint about it begins with `what`.
 */
int rzsb_plot_check(const char *what);

/* Where the rest of the script goes; the terminal is set already. */
FILE *rzsb_plot_begin(struct rzsb_plot *p, const char *name, unsigned width, unsigned height);

/*
 * Draw it: an <svg> element, which is XML and HTML alike, its ids begin with the drawing's name;
 * the caller frees it.  NULL: gnuplot failed, and stderr has what it said.
 */
char *rzsb_plot_end(struct rzsb_plot *p);

#endif
