/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -l, --show, -s and --is-on: the areas as a table, as JSON, or as in /proc/swaps; one of them. */
#include <ctype.h>
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "rzso.h"
#include "rzso_columns.h"
#include "rzst.h"
#include "rzst_fstab.h"
#include "rzst_json.h"

static const unsigned shown[] = {RZSO_NAME, RZSO_TYPE, RZSO_SIZE, RZSO_USED, RZSO_PRIO};
static const unsigned listed[] = {RZSO_NAME,	   RZSO_BLOCKS, RZSO_PRIORITY, RZSO_PRIO,
				  RZSO_INTERLEAVE, RZSO_READS,	RZSO_WRITES,   RZSO_STATE};

struct table {
	const struct rzst_areas *areas;
	const unsigned *columns;
	unsigned nr_columns;
	bool with_off; /* also what was swapped off */
};

static void choose_columns(const struct rzso_options *o, struct table *t)
{
	t->with_off = o->command == RZSO_LIST;
	if (o->nr_columns) {
		t->columns = o->columns;
		t->nr_columns = o->nr_columns;
	} else if (o->command == RZSO_LIST) {
		t->columns = listed;
		t->nr_columns = sizeof(listed) / sizeof(listed[0]);
	} else {
		t->columns = shown;
		t->nr_columns = sizeof(shown) / sizeof(shown[0]);
	}
}

/* ---- JSON ---- */

static void print_cell_json(struct rzst_json *j, enum rzso_column column,
			    const struct rzso_cell *cell)
{
	char key[16];
	size_t i;

	for (i = 0; rzso_columns[column].name[i]; i++)
		key[i] = (char)tolower((unsigned char)rzso_columns[column].name[i]);
	key[i] = '\0';
	if (!cell->known)
		rzst_json_null(j, key);
	else if (cell->is_number)
		rzst_json_integer(j, key, cell->number);
	else
		rzst_json_text(j, key, cell->text);
}

static void print_json(const struct table *t)
{
	struct rzso_cell cell;
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_array(&j, "areas");
	for (unsigned i = 0; i < t->areas->nr; i++) {
		struct rzso_row row = {.areas = t->areas, .area = &t->areas->v[i], .bytes = true};

		if (!row.area->on && !t->with_off)
			continue;
		rzst_json_object(&j, NULL);
		for (unsigned k = 0; k < t->nr_columns; k++) {
			rzso_cell_fill(&row, t->columns[k], &cell);
			print_cell_json(&j, t->columns[k], &cell);
		}
		rzst_json_object_end(&j);
	}
	rzst_json_array_end(&j);
	if (*t->areas->doubt)
		rzst_json_text(&j, "doubt", t->areas->doubt);
	rzst_json_end(&j);
}

/* ---- a table ---- */

static int add_row(struct libscols_table *table, const struct table *t,
		   const struct rzst_area *area, bool bytes)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	struct rzso_row row = {.areas = t->areas, .area = area, .bytes = bytes};
	struct rzso_cell cell;

	if (!line)
		return -1;
	for (unsigned k = 0; k < t->nr_columns; k++) {
		rzso_cell_fill(&row, t->columns[k], &cell);
		/* As util-linux has them, where the header has none. */
		if (!cell.known && (t->columns[k] == RZSO_UUID || t->columns[k] == RZSO_LABEL))
			cell.text[0] = '\0';
		if (scols_line_set_data(line, k, cell.text) < 0)
			return -1;
	}
	return 0;
}

static int fill(struct libscols_table *table, const struct table *t, const struct rzso_options *o)
{
	int err = scols_table_enable_raw(table, o->raw);

	err |= scols_table_enable_noheadings(table, o->no_headings);
	for (unsigned k = 0; k < t->nr_columns; k++) {
		const struct rzso_column_info *c = &rzso_columns[t->columns[k]];

		if (!scols_table_new_column(table, c->name, 0, c->right ? SCOLS_FL_RIGHT : 0))
			return -1;
	}
	for (unsigned i = 0; i < t->areas->nr; i++)
		if (t->areas->v[i].on || t->with_off)
			err |= add_row(table, t, &t->areas->v[i], o->bytes);
	return err;
}

static int print_table(const struct table *t, const struct rzso_options *o)
{
	struct libscols_table *table = scols_new_table();
	int err = table ? fill(table, t, o) : -1;

	if (err == 0)
		err = scols_print_table(table);
	scols_unref_table(table);
	return err == 0 ? RZSO_EXIT_DONE : rzst_fail(RZSO_EXIT_FAILED, "no memory for the table");
}

/* fstab may have LABEL= and the like, for which devices are read: not without need. */
static bool wants(const struct table *t, unsigned column)
{
	for (unsigned k = 0; k < t->nr_columns; k++)
		if (t->columns[k] == column)
			return true;
	return false;
}

int rzso_cmd_table(const struct rzso_options *o)
{
	static struct rzst_areas areas;
	struct table t = {.areas = &areas};

	if (o->symfile)
		rzst_say("%s: a kernel's symbols mean nothing here, /proc/swaps has the areas",
			 o->symfile);
	rzst_areas_read(&areas);
	choose_columns(o, &t);
	if (wants(&t, RZSO_STATE))
		rzst_fstab_mark(&areas);
	if (o->json) {
		print_json(&t);
		return RZSO_EXIT_DONE;
	}
	if (*areas.doubt && o->command == RZSO_LIST)
		rzst_say("%s", areas.doubt);
	if (areas.nr == 0 && o->command == RZSO_LIST)
		rzst_say("there is no swap area");
	return print_table(&t, o);
}

/* ---- as in /proc/swaps ---- */

int rzso_cmd_summary(const struct rzso_options *o)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);

	(void)o;
	if (nr)
		puts("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority");
	for (unsigned i = 0; i < nr; i++) {
		unsigned long long size = v[i].size / 1024, used = v[i].used / 1024;

		rzst_tame(v[i].name);
		printf("%-39s %s\t%llu%s\t%llu%s\t%d\n", v[i].name,
		       v[i].is_file ? "file\t" : "partition", size, size < 10000000 ? "\t" : "",
		       used, used < 10000000 ? "\t" : "", v[i].priority);
	}
	return RZSO_EXIT_DONE;
}

/* ---- one ---- */

/*
 * Without notes, fstab or signatures, so that no device is read from: it may be one whose server
 * does not answer.
 */
int rzso_cmd_is_on(const struct rzso_options *o)
{
	const char *given = o->names[0];
	struct rzst_swap_area area;
	char name[RZST_PATH_MAX];
	int err = rzst_device_name(given, name, sizeof(name));

	/* A node that is gone may be in use.  But LABEL= may be unknown only for want of memory. */
	if ((err == -ENOENT || err == -ENOTDIR) && !strchr(given, '='))
		err = rzst_swaps_is_on(given, &area);
	else if (err == 0)
		err = rzst_swaps_is_on(name, &area);
	if (err == -ENODEV)
		return RZSO_EXIT_OFF;
	if (err < 0)
		return rzst_fail(RZSO_EXIT_FAILED,
				 "%s: whether it is on cannot be found out, from /proc/swaps and "
				 "its name: %s",
				 given, strerror(-err));
	printf("%llu %llu %d\n", (unsigned long long)area.size / 1024,
	       (unsigned long long)area.used / 1024, area.priority);
	return RZSO_EXIT_DONE;
}
