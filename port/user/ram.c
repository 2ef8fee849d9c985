/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much RAM there is; see ram.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ram.h"
#include "text_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#define RAM_PATH_MAX 4352 /* bytes of the path of a group's file; longer ones are ignored */

/* The path in the line of version 2 ("0::/path") of a cgroup file, or NULL.  Changes text. */
static char *ram_group_path(char *text)
{
	char *line = text, *end;

	for (; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (strncmp(line, "0::/", 4) == 0) {
			if (end)
				*end = '\0';
			return line + 3;
		}
	}
	return NULL;
}

uint64_t rzs_ram_cgroup_limit(const char *self, const char *mount)
{
	char text[4096], path[RAM_PATH_MAX], value[64];
	uint64_t limit = UINT64_MAX, n;
	char *group, *slash;
	int len;

	if (!rzs_text_file_read(self, text, sizeof(text)))
		return limit;
	group = ram_group_path(text);
	if (!group)
		return limit;
	for (;;) {
		len = snprintf(path, sizeof(path), "%s%s/memory.max", mount, group);
		/* The file says "max" if there is no limit. */
		if (len > 0 && (size_t)len < sizeof(path) &&
		    rzs_text_file_read(path, value, sizeof(value)) && *value >= '0' &&
		    *value <= '9') {
			n = strtoull(value, NULL, 10);
			limit = n < limit ? n : limit;
		}
		slash = strrchr(group, '/');
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

uint64_t rzs_ram_machine(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return 0;
	return (uint64_t)info.totalram * info.mem_unit;
}

uint64_t rzs_ram_available(void)
{
	char text[4096];
	const char *line;

	if (!rzs_text_file_read("/proc/meminfo", text, sizeof(text)))
		return UINT64_MAX;
	line = strstr(text, "\nMemAvailable:");
	if (!line)
		return UINT64_MAX;
	return strtoull(line + strlen("\nMemAvailable:"), NULL, 10) * 1024;
}

uint64_t rzs_ram_usable(void)
{
	uint64_t machine = rzs_ram_machine();
	uint64_t group = rzs_ram_cgroup_limit("/proc/self/cgroup", "/sys/fs/cgroup");

	return group < machine ? group : machine;
}
