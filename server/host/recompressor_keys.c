/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of recompression's keys, as text; see recompressor_keys.h. */
#include "recompressor_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int rzs_recompress_set_codec(struct rzs_recompress_knobs *k, const char *key, const char *value,
			     char *why)
{
	const char *colon = strchr(value, ':'), *name;
	size_t len = colon ? (size_t)(colon - value) : strlen(value);
	int level = 0;

	if (strcmp(value, "off") == 0) {
		k->codec = NULL;
		k->level = 0;
		return 0;
	}
	if (colon && rzs_value_number(key, colon + 1, -99, 99, &level, why) < 0)
		return -EINVAL;
	for (unsigned i = 0; (name = rzs_codec_name(i)); i++) {
		if (strlen(name) != len || strncmp(name, value, len) != 0)
			continue;
		k->codec = name;
		k->level = level;
		return 0;
	}
	return rzs_value_bad(why, key, value,
			     "unknown algorithm; give off, or an algorithm of this build, such as "
			     "zstd or zstd:3");
}

int rzs_recompress_set_after(struct rzs_recompress_knobs *k, const char *key, const char *value,
			     char *why)
{
	return rzs_value_number(key, value, 0, RZS_RECOMPRESS_AFTER_MAX, &k->after, why);
}

int rzs_recompress_set_cpu(struct rzs_recompress_knobs *k, const char *key, const char *value,
			   char *why)
{
	size_t len = strlen(value);
	char digits[8];

	if (len > 1 && len < sizeof(digits) && value[len - 1] == '%') {
		memcpy(digits, value, len - 1);
		digits[len - 1] = '\0';
		value = digits;
	}
	return rzs_value_number(key, value, 1, 100, &k->cpu, why);
}

int rzs_recompress_set_unit(struct rzs_recompress_knobs *k, const char *key, const char *value,
			    char *why)
{
	int pages, err = rzs_value_number(key, value, 1, 8, &pages, why);

	if (err < 0)
		return err;
	if (pages & (pages - 1))
		return rzs_value_bad(why, key, value, "give 1, 2, 4 or 8");
	k->unit = pages;
	return 0;
}

int rzs_recompress_set_idle_step(struct rzs_recompress_knobs *k, const char *key, const char *value,
				 char *why)
{
	return rzs_value_number(key, value, 0, RZS_IDLE_STEP_MAX, &k->idle_step, why);
}

void rzs_recompress_show_codec(const struct rzs_recompress_knobs *k, char *text)
{
	if (k->codec && k->level)
		snprintf(text, RZS_VALUE_SIZE_MAX, "%s:%d", k->codec, k->level);
	else
		snprintf(text, RZS_VALUE_SIZE_MAX, "%s", k->codec ? k->codec : "off");
}

void rzs_recompress_show_after(const struct rzs_recompress_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", k->after);
}

void rzs_recompress_show_cpu(const struct rzs_recompress_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", k->cpu);
}

void rzs_recompress_show_unit(const struct rzs_recompress_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", k->unit);
}

void rzs_recompress_show_idle_step(const struct rzs_recompress_knobs *k, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", k->idle_step);
}
