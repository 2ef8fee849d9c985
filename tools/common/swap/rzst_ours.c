/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_ours.h.  The state file that rzs-nbd-swap keeps says which server is behind an nbd
 * device; that server's control socket is the one in /run/rzs that has its process id.  Without
 * such a file the UUID of the swap header tells.
 */
#include "rzst_ours.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rzst_kernel.h"
#include "rzst_kernel_stats.h"
#include "rzst_lines.h"
#include "rzst_swaps.h"

#define PATIENCE 2u /* seconds for a server's answer */

/* What is known of the device that a server exports. */
struct export
{
	bool noted; /* by rzs-nbd-swap */
	struct rzst_ours_note note;
	char uuid[RZST_UUID_TEXT]; /* only without a note; empty: none */
};

/* The name below /dev; NULL: it is not there. */
static const char *node_of(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 ? path + 5 : NULL;
}

static bool is_nbd(const char *node)
{
	uint64_t number;

	return strncmp(node, "nbd", 3) == 0 && rzst_number_parse(node + 3, &number) == 0;
}

int rzst_ours_note(const char *path, struct rzst_ours_note *out)
{
	char at[RZST_PATH_MAX], line[RZST_PATH_MAX], inside[RZST_NAME_MAX + 32];
	struct rzst_lines lines;
	int err;

	memset(out, 0, sizeof(*out));
	if (!node_of(path) || !is_nbd(node_of(path)))
		return -ENODEV;
	snprintf(inside, sizeof(inside), RZST_RUN_DIR "/%.64s.state", node_of(path));
	err = rzst_path(at, sizeof(at), inside);
	if (err == 0)
		err = rzst_lines_open(&lines, at);
	if (err < 0)
		return err;
	while (rzst_lines_next(&lines, line, sizeof(line)) > 0)
		if (strncmp(line, "server_pid ", 11) == 0)
			(void)rzst_number_parse(line + 11, &out->pid);
		else if (strncmp(line, "name ", 5) == 0)
			snprintf(out->name, sizeof(out->name), "%.63s", line + 5);
	rzst_lines_close(&lines);
	return 0;
}

static void read_export(const char *path, bool may_read, struct export *out)
{
	memset(out, 0, sizeof(*out));
	out->noted = rzst_ours_note(path, &out->note) == 0;
	if (!out->noted && may_read)
		(void)rzst_swaps_uuid(path, out->uuid);
}

static bool is_export(const struct export *e, const struct rzst_device_info *d, size_t nr_devices)
{
	if (!e->noted)
		return strcmp(d->swap_uuid, e->uuid) == 0;
	return *e->note.name ? strcmp(d->name, e->note.name) == 0 : nr_devices == 1;
}

/* Whether this server has it; then *stats has its statistics, if wanted and it gave them. */
static bool ask(struct rzst_backend *b, const struct export *e, struct rzst_values *stats)
{
	struct rzst_device_infos devices = {NULL, 0};
	struct rzst_server_info info;
	bool found = false;

	if (e->noted && (b->ops->server(b, &info) < 0 || info.pid != e->note.pid))
		return false;
	(void)b->ops->list(b, &devices);
	for (size_t i = 0; !found && i < devices.nr; i++) {
		found = is_export(e, &devices.v[i], devices.nr);
		if (found && stats)
			(void)b->ops->stats(b, devices.v[i].name, stats);
	}
	rzst_device_infos_free(&devices);
	return found;
}

static bool ask_at(const char *path, const struct export *e, struct rzst_values *stats)
{
	struct rzst_backend *b;
	struct stat st;
	char why[1024];
	bool found;

	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    rzst_socket_open(path, PATIENCE, &b, why, sizeof(why)) < 0)
		return false;
	found = ask(b, e, stats);
	b->ops->close(b);
	return found;
}

/* Whether a server has it; stats may be NULL. */
static bool ask_all(const struct export *e, struct rzst_values *stats)
{
	char dir[RZST_PATH_MAX], path[RZST_PATH_MAX + 300];
	struct dirent *entry;
	bool found = false;
	DIR *d;

	if (!e->note.pid && !*e->uuid)
		return false;
	if (rzst_path(dir, sizeof(dir), RZST_RUN_DIR) < 0)
		return false;
	d = opendir(dir);
	while (d && !found && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		found = ask_at(path, e, stats);
	}
	if (d)
		closedir(d);
	return found;
}

bool rzst_ours_is(const char *path)
{
	const char *node = node_of(path);
	struct export e;
	unsigned number;

	if (!node)
		return false;
	if (rzst_kernel_is_name(node, &number))
		return true;
	if (!is_nbd(node))
		return false;
	read_export(path, true, &e);
	return e.noted || ask_all(&e, NULL);
}

int rzst_ours_stats(const char *path, bool may_read, struct rzst_values *out)
{
	const char *node = node_of(path);
	char backing[RZST_BACKING_MAX];
	struct export e;
	unsigned number;

	memset(out, 0, sizeof(*out));
	if (node && rzst_kernel_is_name(node, &number))
		return rzst_kernel_stats_read(node, out, backing);
	if (!node || !is_nbd(node))
		return -ENODEV;
	read_export(path, may_read, &e);
	return ask_all(&e, out) && out->nr ? 0 : -ENODEV;
}
