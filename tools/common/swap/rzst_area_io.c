/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_area.h: reads and writes of an area. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_nbd.h"
#include "rzst_ours.h"

#define SECTOR	   512u
#define STORE_PAGE 4096u /* bytes, of our stores on every machine */

/* A line of a file of the device in sysfs. */
static int line_of(const char *node, const char *file, char *out, size_t size)
{
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", node, file);
	err = rzst_first_line(path, out, size);
	if (err == -ENOENT) { /* a partition */
		snprintf(path, sizeof(path), "/sys/class/block/%s/%s", node, file);
		err = rzst_first_line(path, out, size);
	}
	return err;
}

static int disk_counts(const char *node, uint64_t *reads, uint64_t *writes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE) / SECTOR, in, out;
	char line[256];

	if (line_of(node, "stat", line, sizeof(line)) < 0 ||
	    sscanf(line, "%*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, &in, &out) != 2)
		return -ENODATA;
	*reads = in / page;
	*writes = out / page;
	return 0;
}

static int store_counts(const char *path, uint64_t *reads, uint64_t *writes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE) / STORE_PAGE;
	struct rzst_values stats;
	bool has_reads = false, has_writes = false;

	if (rzst_ours_stats(path, true, &stats) == 0) {
		*reads = rzst_value_of(&stats, "reads", &has_reads) / page;
		*writes = rzst_value_of(&stats, "writes", &has_writes) / page;
	}
	rzst_values_free(&stats);
	return has_reads && has_writes ? 0 : -ENODATA;
}

int rzst_area_io(const struct rzst_area *area, uint64_t *reads, uint64_t *writes)
{
	const char *node = area->is_file ? NULL : rzst_block_name(area->name);

	*reads = 0;
	*writes = 0;
	if (!node)
		return -ENODATA;
	if (store_counts(area->name, reads, writes) == 0)
		return 0;
	return disk_counts(node, reads, writes);
}
