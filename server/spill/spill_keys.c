/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people will say about spilling; see spill_keys.h. */
#include "spill_keys.h"

#include <stdio.h>
#include <string.h>

#include "spill_io.h"

int rzs_spill_set_path(struct rzs_spill_knobs *k, const char *key, const char *value, char *why)
{
	if (strcmp(value, "off") == 0) {
		k->path[0] = '\0';
		return 0;
	}
	if (value[0] != '/')
		return rzs_value_bad(why, key, value,
				     "give the full path of a block device or a file, or off");
	if (strlen(value) >= sizeof(k->path))
		return rzs_value_bad(why, key, value, "longer than %zu bytes", sizeof(k->path) - 1);
	strcpy(k->path, value);
	return 0;
}

static int set_limit(const char *key, const char *value, uint64_t *out, char *why)
{
	uint64_t bytes;
	int err = rzs_value_size(key, value, &bytes, why);

	if (err < 0)
		return err;
	if (bytes && bytes < RZS_SPILL_UNIT)
		return rzs_value_bad(why, key, value,
				     "less than one write of %u bytes; for MiB give a number and "
				     "M, or 0 for no limit",
				     RZS_SPILL_UNIT);
	*out = bytes;
	return 0;
}

int rzs_spill_set_rate(struct rzs_spill_knobs *k, const char *key, const char *value, char *why)
{
	return set_limit(key, value, &k->rate, why);
}

int rzs_spill_set_daily(struct rzs_spill_knobs *k, const char *key, const char *value, char *why)
{
	return set_limit(key, value, &k->daily, why);
}

int rzs_spill_set_after(struct rzs_spill_knobs *k, const char *key, const char *value, char *why)
{
	return rzs_value_number(key, value, 0, RZS_SPILL_AFTER_MAX, &k->after, why);
}

void rzs_spill_show_path(const struct rzs_spill_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%s", k->path[0] ? k->path : "off");
}

void rzs_spill_show_rate(const struct rzs_spill_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%llu", (unsigned long long)k->rate);
}

void rzs_spill_show_daily(const struct rzs_spill_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%llu", (unsigned long long)k->daily);
}

void rzs_spill_show_after(const struct rzs_spill_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", k->after);
}
