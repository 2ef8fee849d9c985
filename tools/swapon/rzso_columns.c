/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_columns.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rzso_columns.h"
#include "rzso_policy.h"
#include "rzst.h"
#include "rzst_signature.h"

const struct rzso_column_info rzso_columns[RZSO_COLUMNS] = {
	[RZSO_NAME] = {"NAME", "the device or file", false},
	[RZSO_TYPE] = {"TYPE", "partition (any block device) or file", false},
	[RZSO_SIZE] = {"SIZE", "size of the area", true},
	[RZSO_USED] = {"USED", "how much of it is used", true},
	[RZSO_PRIO] = {"PRIO", "the kernel's priority, the highest is used first", true},
	[RZSO_UUID] = {"UUID", "UUID of the swap header", false},
	[RZSO_LABEL] = {"LABEL", "label of the swap header", false},
	[RZSO_BLOCKS] = {"BLOCKS", "size in blocks of 1 KiB", true},
	[RZSO_PRIORITY] = {"PRIORITY", "RISC iX's priority, 0 (used first) to 7", true},
	[RZSO_INTERLEAVE] = {"INTERLEAVE", "which one of those that are interleaved, or exclusive",
			     true},
	[RZSO_READS] = {"READS", "pages read from it", true},
	[RZSO_WRITES] = {"WRITES", "pages written to it", true},
	[RZSO_STATE] = {"STATE", "active, permanent, swapoff, busy, complete or failed", false},
};

static unsigned column_of(const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < RZSO_COLUMNS; i++)
		if (strlen(rzso_columns[i].name) == len &&
		    strncasecmp(rzso_columns[i].name, name, len) == 0)
			break;
	return i;
}

int rzso_columns_parse(const char *text, unsigned *v, unsigned max, unsigned *nr, char *why,
		       size_t size)
{
	*nr = 0;
	why[0] = '\0';
	for (;;) {
		size_t len = strcspn(text, ",");
		unsigned column = column_of(text, len);

		if (column == RZSO_COLUMNS || *nr == max) {
			*nr = 0;
			snprintf(why, size, "--show: %.*s: %s", (int)(len < 40 ? len : 40), text,
				 column == RZSO_COLUMNS ? "there is no such column"
							: "too many columns");
			return -EINVAL;
		}
		v[(*nr)++] = column;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

/* ---- cells ---- */

static void put_text(struct rzso_cell *cell, const char *text)
{
	snprintf(cell->text, sizeof(cell->text), "%s", text);
	rzst_tame(cell->text);
	cell->known = true;
}

static void put_number(struct rzso_cell *cell, int64_t number)
{
	cell->known = cell->is_number = true;
	cell->number = number;
	snprintf(cell->text, sizeof(cell->text), "%lld", (long long)number);
}

static void put_size(struct rzso_cell *cell, uint64_t size, bool bytes)
{
	char text[RZST_HUMAN_MAX];

	put_number(cell, (int64_t)size);
	if (!bytes)
		snprintf(cell->text, sizeof(cell->text), "%s", rzst_human_bytes(size, text));
}

static void put_header(struct rzso_cell *cell, const struct rzst_area *area, bool uuid)
{
	char at[RZST_PATH_MAX];
	struct rzst_signature s;

	if (rzst_path(at, sizeof(at), area->name) < 0 || rzst_signature_read(at, &s) < 0)
		return;
	if (uuid ? *s.uuid : *s.label)
		put_text(cell, uuid ? s.uuid : s.label);
}

static void put_interleave(struct rzso_cell *cell, const struct rzst_areas *areas,
			   const struct rzst_area *area)
{
	int which = rzso_interleave_of(areas, area);

	if (which >= 0)
		put_number(cell, which);
	else if (area->on)
		put_text(cell, "exclusive");
}

static void put_io(struct rzso_cell *cell, struct rzso_row *row, bool writes)
{
	if (!row->io_asked)
		row->io = rzst_area_io(row->area, &row->reads, &row->writes);
	row->io_asked = true;
	if (row->io == 0)
		put_number(cell, (int64_t)(writes ? row->writes : row->reads));
}

static void put_state(struct rzso_cell *cell, const struct rzst_area *area)
{
	uint64_t left, start = area->used_at_start;

	if (area->state == RZST_AREA_ON)
		put_text(cell, area->permanent ? "permanent" : "active");
	else
		put_text(cell, rzst_area_state_name(area->state));
	if (area->state != RZST_AREA_SWAPOFF || !start)
		return;
	left = area->used < start ? area->used : start;
	snprintf(cell->text, sizeof(cell->text), "%s %u%%", rzst_area_state_name(area->state),
		 (unsigned)((double)(start - left) * 100 / (double)start));
}

void rzso_cell_fill(struct rzso_row *row, enum rzso_column column, struct rzso_cell *out)
{
	const struct rzst_area *area = row->area;

	memset(out, 0, sizeof(*out));
	strcpy(out->text, "-");
	if (column == RZSO_NAME)
		put_text(out, area->name);
	else if (column == RZSO_STATE)
		put_state(out, area);
	else if (!area->on)
		return;
	else if (column == RZSO_TYPE)
		put_text(out, area->is_file ? "file" : "partition");
	else if (column == RZSO_SIZE || column == RZSO_USED)
		put_size(out, column == RZSO_SIZE ? area->size : area->used, row->bytes);
	else if (column == RZSO_PRIO)
		put_number(out, area->priority);
	else if (column == RZSO_UUID || column == RZSO_LABEL)
		put_header(out, area, column == RZSO_UUID);
	else if (column == RZSO_BLOCKS)
		put_number(out, (int64_t)(area->size / 1024));
	else if (column == RZSO_PRIORITY && rzso_number_of(area->priority) != RZSO_NUMBER_NONE)
		put_number(out, rzso_number_of(area->priority));
	else if (column == RZSO_INTERLEAVE)
		put_interleave(out, row->areas, area);
	else if (column == RZSO_READS || column == RZSO_WRITES)
		put_io(out, row, column == RZSO_WRITES);
}
