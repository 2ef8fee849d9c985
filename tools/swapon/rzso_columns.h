/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The columns of --show and -l: their names, and what stands in them.
 *
 * Threading: one thread.
 */
#ifndef RZSO_COLUMNS_H
#define RZSO_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzst_area.h"

enum rzso_column {
	RZSO_NAME,
	RZSO_TYPE,
	RZSO_SIZE,
	RZSO_USED,
	RZSO_PRIO, /* the kernel's priority */
	RZSO_UUID,
	RZSO_LABEL,
	RZSO_BLOCKS,
	RZSO_PRIORITY, /* RISC iX's */
	RZSO_INTERLEAVE,
	RZSO_READS,
	RZSO_WRITES,
	RZSO_STATE,
	RZSO_COLUMNS,
};

struct rzso_column_info {
	const char *name; /* of the heading; in JSON it is in lower case */
	const char *help;
	bool right;
};

extern const struct rzso_column_info rzso_columns[RZSO_COLUMNS];

/*
 * "NAME,size,...": case does not matter.  0, or -EINVAL: an unknown one, or more than max; why gets
 * a message and *nr is 0.
 */
int rzso_columns_parse(const char *text, unsigned *v, unsigned max, unsigned *nr, char *why,
		       size_t size);

#define RZSO_CELL_MAX 256u

/* What stands in a cell, fit for a terminal. */
struct rzso_cell {
	bool known;	/* else text is "-", and it is null in JSON */
	bool is_number; /* in JSON */
	int64_t number;
	char text[RZSO_CELL_MAX];
};

/* An area; the rest is for rzso_cell_fill(), zeros before the first call. */
struct rzso_row {
	const struct rzst_areas *areas; /* all of them */
	const struct rzst_area *area;
	bool bytes; /* sizes as a number of bytes and not as "1.5G" */

	bool io_asked; /* a server may be waited for: once */
	int io;
	uint64_t reads, writes;
};

/* UUID and LABEL read the device, READS and WRITES ask a server. */
void rzso_cell_fill(struct rzso_row *row, enum rzso_column column, struct rzso_cell *out);

#endif
