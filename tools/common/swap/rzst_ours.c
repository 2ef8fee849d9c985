/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_ours.h.  rzst_nbd.h says which server is behind an nbd device; all that have a control
 * socket in /run/rzs are asked.
 */
#include "rzst_ours.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rzst_kernel.h"
#include "rzst_kernel_stats.h"
#include "rzst_nbd.h"

#define PATIENCE 2u /* seconds for a server's answer */

/* Whether this server has it; then *stats has its statistics, if wanted and it gave them. */
static bool ask(struct rzst_backend *b, const struct rzst_nbd *nbd, struct rzst_values *stats)
{
	struct rzst_device_infos devices = {NULL, 0};
	struct rzst_server_info info;
	bool found = false;

	/* The question about a process is spared where only the UUID counts. */
	memset(&info, 0, sizeof(info));
	if (nbd->noted && (b->ops->server(b, &info) < 0 || !rzst_nbd_is_of(nbd, &info)))
		return false;
	(void)b->ops->list(b, &devices);
	for (size_t i = 0; !found && i < devices.nr; i++) {
		found = rzst_nbd_has(nbd, &info, &devices.v[i], devices.nr);
		if (found && stats)
			(void)b->ops->stats(b, devices.v[i].name, stats);
	}
	rzst_device_infos_free(&devices);
	return found;
}

static bool ask_at(const char *path, const struct rzst_nbd *nbd, struct rzst_values *stats)
{
	struct rzst_backend *b;
	struct stat st;
	char why[1024];
	bool found;

	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    rzst_socket_open(path, PATIENCE, &b, why, sizeof(why)) < 0)
		return false;
	found = ask(b, nbd, stats);
	b->ops->close(b);
	return found;
}

/* Whether a server has it; stats may be NULL. */
static bool ask_all(const struct rzst_nbd *nbd, struct rzst_values *stats)
{
	char dir[RZST_PATH_MAX], path[RZST_PATH_MAX + 300];
	struct dirent *entry;
	bool found = false;
	DIR *d;

	if (!nbd->noted && !*nbd->uuid)
		return false;
	if (rzst_path(dir, sizeof(dir), RZST_RUN_DIR) < 0)
		return false;
	d = opendir(dir);
	while (d && !found && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		found = ask_at(path, nbd, stats);
	}
	if (d)
		closedir(d);
	return found;
}

bool rzst_ours_is(const char *path)
{
	const char *name = rzst_block_name(path);
	struct rzst_nbd nbd;
	unsigned number;

	if (name && rzst_kernel_is_name(name, &number))
		return true;
	if (!rzst_nbd_is(path, &number))
		return false;
	rzst_nbd_read(path, true, &nbd);
	return nbd.noted || ask_all(&nbd, NULL);
}

int rzst_ours_stats(const char *path, bool may_read, struct rzst_values *out)
{
	const char *name = rzst_block_name(path);
	char backing[RZST_BACKING_MAX];
	struct rzst_nbd nbd;
	unsigned number;

	memset(out, 0, sizeof(*out));
	if (name && rzst_kernel_is_name(name, &number))
		return rzst_kernel_stats_read(name, out, backing);
	if (!rzst_nbd_is(path, &number))
		return -ENODEV;
	rzst_nbd_read(path, may_read, &nbd);
	return ask_all(&nbd, out) && out->nr ? 0 : -ENODEV;
}
