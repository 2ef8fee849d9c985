/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_kernel_idle.h. */
#include <errno.h>
#include <string.h>

#include "rzst_kernel_file.h"
#include "rzst_kernel_idle.h"

static const struct {
	const char *key, *file;
} keys[] = {
	{"recompress", "recompression/codec"},
	{"recompress-after", "recompression/after"},
	{"recompress-cpu", "recompression/cpu"},
	{"recompress-unit", "recompression/unit"},
	{"idle-step", "recompression/idle_step"},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

void rzst_kernel_idle_params(const char *name, struct rzst_texts *out)
{
	char path[128], line[64];

	for (size_t i = 0; i < KEYS; i++) {
		snprintf(path, sizeof(path), "/sys/block/%s/%s", name, keys[i].file);
		if (rzst_first_line(path, line, sizeof(line)) == 0)
			rzst_texts_add(out, keys[i].key, line);
	}
}

/* The file for "KEY=VALUE", or NULL. */
static const char *file_of(const char *setting)
{
	size_t len = strcspn(setting, "=");

	for (size_t i = 0; i < KEYS; i++)
		if (strlen(keys[i].key) == len && memcmp(keys[i].key, setting, len) == 0)
			return keys[i].file;
	return NULL;
}

bool rzst_kernel_idle_is(const char *setting)
{
	return file_of(setting);
}

static const char *meaning_of(int err)
{
	switch (err) {
	case -EBUSY:
		return "the device has pages of another second codec; --reset it first";
	case -EINVAL:
		return "the driver refuses this value, or the device is not initialised";
	case -ENOSPC:
		return "its memory limit does not allow the memory for it; raise it";
	default:
		return strerror(-err);
	}
}

static int write_to(const char *name, const char *file, const char *value, const char *what,
		    char *why, size_t size)
{
	int err = rzst_kernel_file_write(name, file, value);

	if (err == -ENOENT) {
		snprintf(why, size, "%s: this driver does not look for idle pages", name);
		return -EOPNOTSUPP;
	}
	if (err < 0)
		snprintf(why, size, "%s: %s: %s", name, what, meaning_of(err));
	return err;
}

int rzst_kernel_idle_set(const char *name, const char *setting, char *why, size_t size)
{
	const char *value = strchr(setting, '=') + 1;
	size_t len = strlen(value);
	char number[32];

	/* To a server a share may be "10%". */
	if (strncmp(setting, "recompress-cpu=", 15) == 0 && len > 1 && len < sizeof(number) &&
	    value[len - 1] == '%') {
		snprintf(number, sizeof(number), "%.*s", (int)len - 1, value);
		value = number;
	}
	return write_to(name, file_of(setting), value, setting, why, size);
}

int rzst_kernel_idle_mark(const char *name, char *why, size_t size)
{
	return write_to(name, "idle", "all", "idle", why, size);
}
