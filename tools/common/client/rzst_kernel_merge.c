/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_kernel_merge.h. */
#include <errno.h>
#include <string.h>

#include "rzst_kernel_file.h"
#include "rzst_kernel_merge.h"

#define PREFIX "merge-"

const struct rzst_merge_knob rzst_merge_knobs[RZST_MERGE_KNOBS] = {
	{"run", PREFIX "run"},
	{"pages_to_scan", PREFIX "pages-to-scan"},
	{"sleep_millisecs", PREFIX "sleep-millisecs"},
	{"max_page_sharing", PREFIX "max-page-sharing"},
	{"smart_scan", PREFIX "smart-scan"},
	{"inline", PREFIX "inline"},
};

void rzst_kernel_merge_params(const char *name, struct rzst_texts *out)
{
	char path[128], line[64];

	for (size_t i = 0; i < RZST_MERGE_KNOBS; i++) {
		snprintf(path, sizeof(path), "/sys/block/%s/merge/%s", name,
			 rzst_merge_knobs[i].name);
		if (rzst_first_line(path, line, sizeof(line)) == 0)
			rzst_texts_add(out, rzst_merge_knobs[i].key, line);
	}
}

bool rzst_kernel_merge_is(const char *setting)
{
	return strncmp(setting, PREFIX, strlen(PREFIX)) == 0;
}

int rzst_kernel_merge_set(const char *name, const char *setting, char *why, size_t size)
{
	const char *value = strchr(setting, '=') + 1;
	char file[64];
	size_t len = (size_t)(value - setting) - 1;
	int err = -EINVAL;

	for (size_t i = 0; i < RZST_MERGE_KNOBS; i++) {
		if (strlen(rzst_merge_knobs[i].key) != len ||
		    memcmp(rzst_merge_knobs[i].key, setting, len) != 0)
			continue;
		snprintf(file, sizeof(file), "merge/%s", rzst_merge_knobs[i].name);
		err = rzst_kernel_file_write(name, file, value);
		if (err == -ENOENT) {
			snprintf(why, size, "%s: this driver does not merge pages", name);
			return -EOPNOTSUPP;
		}
		if (err < 0)
			snprintf(why, size, "%s: %s: %s%s", name, setting, strerror(-err),
				 err == -ENOMEM ? "; the kernel log says how much it takes" : "");
		return err;
	}
	snprintf(why, size, "%s: %s: no such key of merging", name, setting);
	return err;
}
