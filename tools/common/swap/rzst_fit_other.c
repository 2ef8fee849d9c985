/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_fit_other.h. */
#include "rzst_fit_other.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rzst_kernel.h"
#include "rzst_ours.h"

static void take_stats(const struct rzst_values *stats, struct rzst_fit_other *out)
{
	out->stored = rzst_value_of(stats, "orig_bytes", NULL);
	out->packed = rzst_value_of(stats, "object_bytes", NULL);
	out->held = rzst_value_of(stats, "mem_bytes", NULL);
	out->limit = rzst_value_of(stats, "limit_bytes", NULL);
}

/* Of mm_stat: orig_data_size, mem_used_total and mem_limit.  If it does not say: zeros. */
static void look_at_zram(const char *device, struct rzst_fit_other *out)
{
	char path[128], line[256];
	uint64_t stored, held, limit;

	snprintf(path, sizeof(path), "/sys/block/%.60s/mm_stat", device);
	if (rzst_first_line(path, line, sizeof(line)) < 0 ||
	    sscanf(line, "%" SCNu64 " %*u %" SCNu64 " %" SCNu64, &stored, &held, &limit) != 3)
		return;
	out->stored = stored;
	out->packed = held;
	out->held = held;
	out->limit = limit;
}

static void look_at_ours(const char *path, struct rzst_fit_other *out)
{
	struct rzst_values stats;

	/*
	 * An nbd device for which nobody answers may take anything, or nothing.  None is read from:
	 * a swapoff must not wait for another area's server.
	 */
	if (strncmp(path, "/dev/nbd", 8) != 0)
		(void)rzst_ours_stats(path, false, &stats);
	else if (rzst_ours_stats(path, false, &stats) < 0)
		out->room = 0;
	take_stats(&stats, out);
	rzst_values_free(&stats);
}

void rzst_fit_other_in_memory(const struct rzst_area *area, struct rzst_fit_other *out)
{
	memset(out, 0, sizeof(*out));
	out->in_memory = true;
	out->room = area->size > area->used ? area->size - area->used : 0;
}

void rzst_fit_other_look(const struct rzst_area *area, struct rzst_fit_other *out)
{
	const char *device = area->name + strlen("/dev/");
	unsigned number;

	rzst_fit_other_in_memory(area, out);
	if (area->is_file || strncmp(area->name, "/dev/", 5) != 0)
		out->in_memory = false;
	else if (strncmp(device, "zram", 4) == 0)
		look_at_zram(device, out);
	else if (rzst_kernel_is_name(device, &number) || strncmp(device, "nbd", 3) == 0)
		look_at_ours(area->name, out);
	else
		out->in_memory = false;
}
