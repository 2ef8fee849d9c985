/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_ours.h. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzso_ours.h"
#include "rzst_backend.h"
#include "rzst_kernel.h"
#include "rzst_signature.h"

#define RUN_DIR	     "/run/rzs"
#define LOOK_SECONDS 1u

/* Whether the server there has a device with this UUID in its swap header. */
static bool server_has(const char *path, const char *uuid)
{
	struct rzst_device_infos devices = {NULL, 0};
	struct rzst_backend *b;
	char why[1024];
	bool found = false;

	if (rzst_socket_open(path, LOOK_SECONDS, &b, why, sizeof(why)) < 0)
		return false;
	if (b->ops->list(b, &devices) == 0)
		for (size_t i = 0; i < devices.nr; i++)
			found |= strcmp(devices.v[i].swap_uuid, uuid) == 0;
	rzst_device_infos_free(&devices);
	b->ops->close(b);
	return found;
}

static bool a_server_has(const char *uuid)
{
	char at[RZST_PATH_MAX], path[RZST_PATH_MAX + 300];
	bool found = false;
	struct dirent *e;
	struct stat st;
	DIR *dir;

	if (rzst_path(at, sizeof(at), RUN_DIR) < 0)
		return false;
	dir = opendir(at);
	while (dir && !found && (e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", at, e->d_name);
		found = stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && server_has(path, uuid);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool rzso_ours_is(const char *name)
{
	char at[RZST_PATH_MAX], state[64];
	struct rzst_signature s;
	unsigned number;
	uint64_t nbd;

	if (strncmp(name, "/dev/", 5) != 0)
		return false;
	if (rzst_kernel_is_name(name + 5, &number))
		return true;
	if (strncmp(name + 5, "nbd", 3) != 0 || rzst_number_parse(name + 8, &nbd) < 0)
		return false;
	snprintf(state, sizeof(state), RUN_DIR "/nbd%llu.state", (unsigned long long)nbd);
	if (rzst_path(at, sizeof(at), state) == 0 && access(at, F_OK) == 0)
		return true;
	return rzst_path(at, sizeof(at), name) == 0 && rzst_signature_read(at, &s) == 0 &&
	       *s.uuid && a_server_has(s.uuid);
}
