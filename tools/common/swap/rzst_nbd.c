/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_nbd.h. */
#include "rzst_nbd.h"

#include <stdio.h>
#include <string.h>

#include "rzst_lines.h"

#define NAME_MOST   60u	  /* bytes of a block device's name, where the kernel has 32 */
#define NUMBER_MOST 9999u /* of an nbd device */

const char *rzst_block_name(const char *path)
{
	const char *name = path + strlen("/dev/");

	if (strncmp(path, "/dev/", strlen("/dev/")) != 0 || !*name || strchr(name, '/') ||
	    strlen(name) > NAME_MOST)
		return NULL;
	return name;
}

bool rzst_nbd_is(const char *path, unsigned *number)
{
	uint64_t n;

	*number = 0;
	if (strncmp(path, "/dev/nbd", 8) != 0 || rzst_number_parse(path + 8, &n) < 0 ||
	    n > NUMBER_MOST)
		return false;
	*number = (unsigned)n;
	return true;
}

/* Lines "KEY REST"; the last one of a key counts. */
static void read_note(struct rzst_lines *lines, struct rzst_nbd *out)
{
	char line[RZST_PATH_MAX + 32];

	out->noted = true;
	while (rzst_lines_next(lines, line, sizeof(line)) > 0) {
		char *rest = strchr(line, ' ');

		if (!rest)
			continue;
		*rest++ = '\0';
		rzst_tame(rest);
		if (strcmp(line, "socket") == 0)
			snprintf(out->socket, sizeof(out->socket), "%s", rest);
		else if (strcmp(line, "name") == 0)
			snprintf(out->name, sizeof(out->name), "%s", rest);
		else if (strcmp(line, "server_pid") == 0)
			(void)rzst_number_parse(rest, &out->server_pid);
	}
}

void rzst_nbd_read(const char *path, bool may_read, struct rzst_nbd *out)
{
	const char *name = rzst_block_name(path);
	char at[RZST_PATH_MAX], inside[NAME_MOST + 32];
	struct rzst_lines lines;

	memset(out, 0, sizeof(*out));
	if (!name)
		return;
	snprintf(inside, sizeof(inside), RZST_RUN_DIR "/%s.state", name);
	if (rzst_path(at, sizeof(at), inside) == 0 && rzst_lines_open(&lines, at) == 0) {
		read_note(&lines, out);
		rzst_lines_close(&lines);
	} else if (may_read) {
		(void)rzst_swaps_uuid(path, out->uuid);
	}
}

bool rzst_nbd_is_of(const struct rzst_nbd *nbd, const struct rzst_server_info *server)
{
	char noted[RZST_PATH_MAX], at[RZST_PATH_MAX];

	if (!nbd->noted)
		return false;
	if (nbd->server_pid)
		return nbd->server_pid == server->pid;
	return *nbd->socket && *server->socket &&
	       rzst_path(noted, sizeof(noted), nbd->socket) == 0 &&
	       rzst_path(at, sizeof(at), server->socket) == 0 && rzst_same_file(noted, at);
}

bool rzst_nbd_has(const struct rzst_nbd *nbd, const struct rzst_server_info *server,
		  const struct rzst_device_info *d, size_t nr_devices)
{
	if (!nbd->noted)
		return *nbd->uuid && strcmp(nbd->uuid, d->swap_uuid) == 0;
	return rzst_nbd_is_of(nbd, server) &&
	       (*nbd->name ? strcmp(nbd->name, d->name) == 0 : nr_devices == 1);
}
