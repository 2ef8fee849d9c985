/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and their values; see rzsa_settings.h.  rzsa_settings_read.c has the files. */
#include "rzsa_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LEAST (10u * 4096u) /* bytes: what mkswap takes */

const char *const rzsa_keys[RZSA_KEYS + 1] = {
#define RZSA_KEY(id, letter, value, help) #id,
#include "rzsa_keys.def"
	NULL,
};

void rzsa_settings_init(struct rzsa_settings *s)
{
	memset(s, 0, sizeof(*s));
	rzsa_config_init(&s->rules);
	s->rules.files = true;
	s->manage = true;
	strcpy(s->swappath, RZSA_SWAPPATH);
	s->nr_files = 1;
	s->now.line = 1;
}

/* ---- kinds of values ---- */

static int percent(const char *key, const char *value, int least, int most, unsigned *out,
		   char *why)
{
	size_t len = strlen(value);
	char digits[16];
	int n;

	if (len > 1 && len < sizeof(digits) && value[len - 1] == '%') {
		memcpy(digits, value, len - 1);
		digits[len - 1] = '\0';
	} else {
		snprintf(digits, sizeof(digits), "%s", value);
	}
	if (len >= sizeof(digits) || rzs_value_number(key, digits, least, most, &n, why) < 0)
		return rzs_value_bad(why, key, value, "expected %d to %d percent", least, most);
	*out = (unsigned)n;
	return 0;
}

/* A size of at least so many bytes, as KiB. */
static int size(const char *key, const char *value, uint64_t least, uint64_t *out, char *why)
{
	uint64_t n;

	if (rzs_value_size(key, value, &n, why) < 0)
		return -EINVAL;
	if (n < least)
		return rzs_value_bad(why, key, value, "expected at least %llu bytes",
				     (unsigned long long)least);
	if (n >> 10 > RZSA_KIB_MAX)
		return rzs_value_bad(why, key, value, "expected at most 1024T");
	*out = n >> 10;
	return 0;
}

/* 1 to 10, with at most three digits after the point, as thousandths. */
static int ratio(const char *key, const char *value, unsigned *out, char *why)
{
	unsigned n = 0, digits = 0;
	const char *c = value;

	for (; *c >= '0' && *c <= '9' && c - value < 3; c++)
		n = n * 10 + (unsigned)(*c - '0');
	if (c > value && *c == '.')
		for (c++; *c >= '0' && *c <= '9' && digits < 3; c++, digits++)
			n = n * 10 + (unsigned)(*c - '0');
	for (; digits < 3; digits++)
		n *= 10;
	if (c == value || *c || n < 1000 || n > RZSA_RATIO_MOST)
		return rzs_value_bad(why, key, value, "expected 1 to 10, as in 1.5");
	*out = n;
	return 0;
}

static int path(const char *key, const char *value, char out[PATH_MAX], char *why)
{
	if (strcmp(value, "none") == 0) {
		out[0] = '\0';
		return 0;
	}
	if (*value != '/' || strlen(value) >= PATH_MAX)
		return rzs_value_bad(why, key, value,
				     "expected a path that begins with /, or none");
	strcpy(out, value);
	return 0;
}

/* ---- keys ---- */

#define SETTER(id) \
	static int set_##id(struct rzsa_settings *s, const char *key, const char *value, char *why)
#define SWITCH(id)                                              \
	SETTER(id)                                              \
	{                                                       \
		return rzs_value_bool(key, value, &s->id, why); \
	}
#define PERCENT(id, least, most)                                            \
	SETTER(id)                                                          \
	{                                                                   \
		return percent(key, value, least, most, &s->rules.id, why); \
	}
#define SIZE(id, field, least)                                  \
	SETTER(id)                                              \
	{                                                       \
		return size(key, value, least, &s->field, why); \
	}

PERCENT(lower_freelimit, 0, 99)
PERCENT(freetarget, 2, 99)
PERCENT(upper_freelimit, 0, 100)
SIZE(min_swapsize, rules.min_file, FILE_LEAST)
SIZE(max_swapsize, rules.max_file, FILE_LEAST)
SIZE(limit_min, limit_min, 0)
SIZE(limit_max, limit_max, 0)
SIZE(limit_step, rules.limit_step, 0)
SIZE(ram_floor, rules.ram_floor, 0)
SIZE(critical_memory, rules.critical, 0)
SWITCH(paranoid)
SWITCH(daemon)
SWITCH(erase)
SWITCH(inspect)
SWITCH(quiet)
SWITCH(verbose)

SETTER(assumed_ratio)
{
	return ratio(key, value, &s->rules.assumed_ratio, why);
}

SETTER(least_ratio)
{
	return ratio(key, value, &s->rules.least_ratio, why);
}

SETTER(swappath)
{
	int err = path(key, value, s->swappath, why);

	if (err == 0)
		s->rules.files = *s->swappath;
	return err;
}

SETTER(pidfile)
{
	return path(key, value, s->pidfile, why);
}

SETTER(cooldown)
{
	int n;

	if (rzs_value_number(key, value, 0, INT_MAX, &n, why) < 0)
		return -EINVAL;
	s->rules.cooldown = (int64_t)n * 1000;
	return 0;
}

SETTER(max_areas)
{
	int n;

	if (rzs_value_number(key, value, 1, RZSA_AREAS_MAX, &n, why) < 0)
		return -EINVAL;
	s->rules.max_areas = (unsigned)n;
	return 0;
}

SETTER(manage)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "none") != 0)
		return rzs_value_bad(why, key, value, "expected auto or none");
	s->manage = *value == 'a';
	return 0;
}

/* They are for kernels that do not say themselves what is available. */
SETTER(buffer_elasticity)
{
	unsigned ignored;

	(void)s;
	return percent(key, value, 0, 100, &ignored, why);
}

SETTER(cache_elasticity)
{
	return set_buffer_elasticity(s, key, value, why);
}

static const struct {
	int (*set)(struct rzsa_settings *s, const char *key, const char *value, char *why);
	bool is_switch, path_if_bare;
} known[RZSA_KEYS] = {
#define RZSA_KEY(id, letter, value, help) {set_##id, (value) == NULL, (letter) == 'p'},
#include "rzsa_keys.def"
};

static int find(const char *key, char *name, size_t size)
{
	snprintf(name, size, "%s", key);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	for (int i = 0; i < RZSA_KEYS; i++)
		if (strcmp(rzsa_keys[i], name) == 0)
			return i;
	return -1;
}

int rzsa_settings_set(struct rzsa_settings *s, const char *key, const char *value,
		      char why[RZS_WHY_MAX])
{
	char name[RZS_VALUE_SIZE_MAX];
	int i = find(key, name, sizeof(name)), err;
	const char *meant;

	if (i < 0) {
		meant = rzs_value_nearest(name, rzsa_keys);
		rzs_value_bad(why, key, value, "there is no such key%s%s%s",
			      meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
		return -ENOENT;
	}
	if (!value && known[i].is_switch)
		value = "yes";
	if (!value && known[i].path_if_bare)
		value = "/run/rzs/rzs-autoswap.pid";
	if (!value)
		return rzs_value_bad(why, key, NULL, "needs a value: %s = ...", rzsa_keys[i]);
	err = known[i].set(s, rzsa_keys[i], value, why);
	if (err == 0)
		s->place[i] = s->now;
	return err;
}
