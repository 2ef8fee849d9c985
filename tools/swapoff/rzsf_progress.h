/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a swapoff is: a bar on a terminal, which is drawn again and again on one line, or lines.
 *
 * Threading: one thread.
 */
#ifndef RZSF_PROGRESS_H
#define RZSF_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rzsf_progress {
	const char *name;	 /* fit for a terminal */
	uint64_t at_start, left; /* bytes */
	int64_t elapsed_ms;
};

/*
 * "NAME [####----]  50 %  1024 pages left, 256 pages/s, 0:04 left" in less than `columns`
 * characters, where there is room for that much: first the bar goes, then the end.  columns 0: the
 * same without a bar, of any length.  A pure function.  Returns out.
 */
const char *rzsf_progress_text(const struct rzsf_progress *p, unsigned columns, char *out,
			       size_t size);

/* Columns of the terminal that standard error is; 0: it is none. */
unsigned rzsf_progress_columns(void);

/* Draw it, and take it away again. */
void rzsf_progress_draw(const struct rzsf_progress *p, unsigned columns);
void rzsf_progress_wipe(void);

#endif
