/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_kernel_stats.h. */
#include <errno.h>
#include <string.h>

#include "ramzswap_ioctl.h"
#include "rzst_kernel_stats.h"

#define PAGE_SIZE 4096u /* of the store, whatever the kernel's */

/* The store's, which core/rzs_stats.def lists, and a few of the driver's own. */
enum stat_id {
#define RZS_STAT(name, kind, source, depends, help) STAT_##name,
#include "rzs_stats.def"
	STAT_invalid_io,
	STAT_backing_reads,
	STAT_backing_writes,
	/* An old driver works these out itself. */
	STAT_pages_used,
	STAT_good_percent,
	STAT_raw_percent,
	STATS,
};

enum { GAUGE, COUNTER };

static const struct {
	const char *name;
	int kind;
	const char *help;
} table[STATS] = {
#define RZS_STAT(name, kind, source, depends, help) [STAT_##name] = {#name, kind, help},
#include "rzs_stats.def"
	[STAT_invalid_io] = {"invalid_io", COUNTER,
			     "requests beyond the end or not of whole sectors"},
	[STAT_backing_reads] = {"backing_reads", COUNTER, "pages read from the backing swap"},
	[STAT_backing_writes] = {"backing_writes", COUNTER, "pages written to the backing swap"},
	[STAT_pages_used] = {"pages_used", GAUGE, "memory held, in pages of the kernel"},
	[STAT_good_percent] = {"good_percent", GAUGE,
			       "of pages stored, zeros left out, compressed to half or less"},
	[STAT_raw_percent] = {"raw_percent", GAUGE,
			      "of pages stored, zeros left out, stored as they are"},
};

void rzst_kernel_stats_describe(struct rzst_stat_infos *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < STATS; i++)
		rzst_stat_infos_add(out, table[i].name, true, table[i].kind == COUNTER,
				    table[i].help);
}

/* ---- sysfs ---- */

/* A number in a file of the device's: word n, from 0 on. */
static uint64_t word_of(const char *name, const char *file, unsigned n)
{
	char path[128], line[256], *save, *word;
	uint64_t value;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", name, file);
	(void)rzst_first_line(path, line, sizeof(line));
	word = strtok_r(line, " ", &save);
	while (word && n--)
		word = strtok_r(NULL, " ", &save);
	return word && rzst_number_parse(word, &value) == 0 ? value : 0;
}

/* Lines "NAME NUMBER". */
static int read_store_stat(const char *name, struct rzst_values *out)
{
	char path[128], at[RZST_PATH_MAX], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/store_stat", name);
	if (rzst_path(at, sizeof(at), path) < 0)
		return -ENAMETOOLONG;
	f = fopen(at, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		char *number = strchr(line, ' ');
		uint64_t value;

		line[strcspn(line, "\n")] = '\0';
		if (!number)
			continue;
		*number++ = '\0';
		rzst_tame(line);
		if (rzst_number_parse(number, &value) == 0)
			rzst_values_add(out, line, value);
	}
	fclose(f);
	return 0;
}

static void read_backing(const char *name, char backing[RZST_BACKING_MAX])
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%s/backing_dev", name);
	(void)rzst_first_line(path, backing, RZST_BACKING_MAX);
	if (strcmp(backing, "none") == 0)
		backing[0] = '\0';
}

int rzst_kernel_stats_read(const char *name, struct rzst_values *out,
			   char backing[RZST_BACKING_MAX])
{
	int err;

	memset(out, 0, sizeof(*out));
	backing[0] = '\0';
	err = read_store_stat(name, out);
	if (err == 0 && word_of(name, "initstate", 0) != 1)
		err = -ENODEV; /* the statistics are all zeros then */
	if (err < 0) {
		rzst_values_free(out);
		return err;
	}
	rzst_values_add(out, table[STAT_invalid_io].name, word_of(name, "io_stat", 2));
	read_backing(name, backing);
	if (*backing) {
		rzst_values_add(out, table[STAT_backing_reads].name, word_of(name, "bd_stat", 1));
		rzst_values_add(out, table[STAT_backing_writes].name, word_of(name, "bd_stat", 2));
	}
	return 0;
}

/* ---- the ioctl ---- */

void rzst_kernel_stats_of_ioctl(const struct ramzswap_ioctl_stats *s, struct rzst_values *out,
				char backing[RZST_BACKING_MAX])
{
	/* Servers count pages of zeros as stored. */
	uint64_t stored = s->orig_data_size + (uint64_t)s->pages_zero * PAGE_SIZE;
	const struct {
		enum stat_id id;
		uint64_t value;
	} all[] = {
		{STAT_nr_pages, s->disksize / PAGE_SIZE},
		{STAT_limit_bytes, s->memlimit},
		{STAT_pages_stored, (uint64_t)s->pages_stored + s->pages_zero},
		{STAT_pages_zero, s->pages_zero},
		{STAT_pages_used, s->pages_used},
		{STAT_orig_bytes, stored},
		{STAT_object_bytes, s->compr_data_size},
		{STAT_mem_bytes, s->mem_used_total},
		{STAT_good_percent, s->good_compress_pct},
		{STAT_raw_percent, s->pages_expand_pct},
		{STAT_reads, s->num_reads},
		{STAT_writes, s->num_writes},
		{STAT_failed_reads, s->failed_reads},
		{STAT_failed_writes, s->failed_writes},
		{STAT_invalid_io, s->invalid_io},
		{STAT_discards, s->notify_free},
		{STAT_backing_reads, s->bdev_num_reads},
		{STAT_backing_writes, s->bdev_num_writes},
	};

	memset(out, 0, sizeof(*out));
	snprintf(backing, RZST_BACKING_MAX, "%.*s", (int)sizeof(s->backing_swap_name),
		 s->backing_swap_name);
	rzst_tame(backing);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (*backing ||
		    (all[i].id != STAT_backing_reads && all[i].id != STAT_backing_writes))
			rzst_values_add(out, table[all[i].id].name, all[i].value);
}
