/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_fit_other.h.  The state file that rzs-nbd-swap keeps says which server is behind an nbd
 * device; that server's control socket is the one in /run/rzs that has its process id.
 */
#include "rzst_fit_other.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rzst_backend.h"
#include "rzst_kernel.h"
#include "rzst_kernel_stats.h"

#define PATIENCE 2u /* seconds for a server's answer */

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

static void look_at_module(const char *device, struct rzst_fit_other *out)
{
	struct rzst_values stats = {NULL, 0};
	char backing[RZST_BACKING_MAX];

	(void)rzst_kernel_stats_read(device, &stats, backing);
	take_stats(&stats, out);
	rzst_values_free(&stats);
}

/* ---- a server's ---- */

struct export
{
	uint64_t pid;
	char name[RZST_NAME_MAX]; /* empty: the only one there is */
};

/* What rzs-nbd-swap has noted of an nbd device; pid is 0 if it has not. */
static void read_export(const char *device, struct export *out)
{
	char path[RZST_PATH_MAX], inside[RZST_NAME_MAX + 32], line[RZST_PATH_MAX];
	FILE *f = NULL;

	memset(out, 0, sizeof(*out));
	snprintf(inside, sizeof(inside), "/run/rzs/%.64s.state", device);
	if (rzst_path(path, sizeof(path), inside) == 0)
		f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "server_pid ", 11) == 0)
			(void)rzst_number_parse(line + 11, &out->pid);
		else if (strncmp(line, "name ", 5) == 0)
			snprintf(out->name, sizeof(out->name), "%.63s", line + 5);
	}
	if (f)
		fclose(f);
}

/* Whether this server is the one; then *stats has its device's statistics, if it gave them. */
static bool ask(struct rzst_backend *b, const struct export *e, struct rzst_values *stats)
{
	struct rzst_server_info info;
	struct rzst_device_infos devices;
	const char *name = e->name;

	if (b->ops->server(b, &info) < 0 || info.pid != e->pid)
		return false;
	if (b->ops->list(b, &devices) == 0) {
		if (!*name && devices.nr == 1)
			name = devices.v[0].name;
		(void)b->ops->stats(b, name, stats);
	}
	rzst_device_infos_free(&devices);
	return true;
}

static bool ask_at(const char *path, const struct export *e, struct rzst_values *stats)
{
	struct rzst_backend *b;
	struct stat st;
	char why[256];
	bool found;

	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    rzst_socket_open(path, PATIENCE, &b, why, sizeof(why)) < 0)
		return false;
	found = ask(b, e, stats);
	b->ops->close(b);
	return found;
}

static void look_at_nbd(const char *device, struct rzst_fit_other *out)
{
	char dir[RZST_PATH_MAX], path[RZST_PATH_MAX + 300];
	struct rzst_values stats = {NULL, 0};
	struct dirent *entry;
	struct export e;
	bool found = false;
	DIR *d = NULL;

	read_export(device, &e);
	if (e.pid && rzst_path(dir, sizeof(dir), "/run/rzs") == 0)
		d = opendir(dir);
	while (d && !found && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		found = ask_at(path, &e, &stats);
	}
	if (d)
		closedir(d);
	if (stats.nr == 0) /* nobody knows what it can take */
		out->room = 0;
	take_stats(&stats, out);
	rzst_values_free(&stats);
}

void rzst_fit_other_look(const struct rzst_area *area, struct rzst_fit_other *out)
{
	const char *device = area->name + strlen("/dev/");
	unsigned number;

	memset(out, 0, sizeof(*out));
	out->room = area->size > area->used ? area->size - area->used : 0;
	if (area->is_file || strncmp(area->name, "/dev/", 5) != 0)
		return;
	out->in_memory = true;
	if (rzst_kernel_is_name(device, &number))
		look_at_module(device, out);
	else if (strncmp(device, "zram", 4) == 0)
		look_at_zram(device, out);
	else if (strncmp(device, "nbd", 3) == 0)
		look_at_nbd(device, out);
	else
		out->in_memory = false;
}
