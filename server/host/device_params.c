/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a device; see device_params.h.  Each row of device_keys.def has two functions
 * here: set_id() parses a value, show_id() writes it.  device_complete.c has the rest of the
 * header.
 */
#include "device_params_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "recompressor_keys.h"
#include "size_expr.h"
#include "text.h"

const char rzs_device_params_help[] =
#define RZS_DEVICE_KEY(id, name, live, help) name "=" help "\n"
#include "device_keys.def"
	;

bool rzs_device_name_ok(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= RZS_DEVICE_NAME_MAX && strspn(name, letters) == len &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int set_text_size(const char *key, const char *value, uint64_t *out,
			 char text[RZS_VALUE_SIZE_MAX], char *why)
{
	int err = rzs_value_size(key, value, out, why);

	if (err == 0)
		snprintf(text, RZS_VALUE_SIZE_MAX, "%s", value);
	return err;
}

/* What can never be a size is refused now, not when the device is initialised. */
static int set_size(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	char text[RZS_VALUE_SIZE_MAX];
	uint64_t size;
	int err = set_text_size(key, value, &size, text, why);

	/* A share of RAM is rarely whole pages, and is not meant to be exact. */
	if (err == 0 && !rzs_size_is_exact(text))
		size &= ~(uint64_t)(RZS_PAGE_SIZE - 1);
	if (err == 0)
		err = rzs_device_params_check_size(text, size, why);
	if (err < 0)
		return err;
	p->size = size;
	strcpy(p->size_text, text);
	return 0;
}

static int set_memlimit(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	return set_text_size(key, value, &p->store.limit_bytes, p->memlimit_text, why);
}

static int set_reserve(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	return set_text_size(key, value, &p->store.reserve_bytes, p->reserve_text, why);
}

static int set_algorithm(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	char known[128] = "";
	const char *name;

	for (unsigned i = 0; (name = rzs_codec_name(i)) != NULL; i++) {
		size_t used = strlen(known);

		if (strcmp(name, value) == 0) {
			p->store.codec = name;
			return 0;
		}
		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", name);
	}
	return rzs_value_bad(why, key, value, "unknown algorithm; this build has %s", known);
}

static int set_level(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	return rzs_value_number(key, value, INT_MIN, INT_MAX, &p->store.level, why);
}

static int set_swap_header(struct rzs_device_params *p, const char *key, const char *value,
			   char *why)
{
	bool automatic = strcmp(value, "auto") == 0;
	int err = automatic ? 0 : rzs_value_bool(key, value, &p->swap_header, why);

	if (err == 0)
		p->swap_header_given = !automatic;
	return err;
}

static int set_label(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	if (strlen(value) > RZS_SWAP_LABEL_MAX)
		return rzs_value_bad(why, key, value, "longer than %u bytes", RZS_SWAP_LABEL_MAX);
	strcpy(p->label, value);
	p->label_given = *value != '\0';
	return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int set_uuid(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint8_t uuid[RZS_SWAP_UUID_SIZE] = {0};
	unsigned digits = 0;
	bool good = strlen(value) == sizeof(shape) - 1;

	if (strcmp(value, "random") == 0) {
		p->uuid_given = false;
		return 0;
	}
	for (size_t i = 0; good && i < sizeof(shape) - 1; i++) {
		int digit = rzs_text_hex_digit(value[i]);

		if (shape[i] == '-') {
			good = value[i] == '-';
		} else {
			good = digit >= 0;
			if (good)
				uuid[digits / 2] |= (uint8_t)(digits % 2 ? digit : digit << 4);
			digits++;
		}
	}
	if (!good)
		return rzs_value_bad(
			why, key, value,
			"expected a UUID such as 01234567-89ab-cdef-0123-456789abcdef");
	memcpy(p->uuid, uuid, sizeof(uuid));
	p->uuid_given = true;
	return 0;
}

static int set_checksum(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	bool yes;
	int err = rzs_value_bool(key, value, &yes, why);

	if (err == 0)
		p->store.no_checksum = !yes;
	return err;
}

static int set_wipe(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	return rzs_value_bool(key, value, &p->store.wipe, why);
}

static int set_shared(struct rzs_device_params *p, const char *key, const char *value, char *why)
{
	return rzs_value_bool(key, value, &p->shared, why);
}

/* The knobs of merging whose values are numbers. */
#define SET_MERGE(knob, least, most)                                                              \
	static int set_merge_##knob(struct rzs_device_params *p, const char *key,                 \
				    const char *value, char *why)                                 \
	{                                                                                         \
		return rzs_value_number(key, value, least, most, &p->merge.knob, why);            \
	}

SET_MERGE(run, RZS_MERGE_STOP, RZS_MERGE_UNDO)
SET_MERGE(pages_to_scan, 0, INT_MAX)
SET_MERGE(sleep_millisecs, 0, INT_MAX)
SET_MERGE(max_page_sharing, RZS_MERGE_SHARING_MIN, RZS_MERGE_SHARING_MAX)

static int set_merge_smart_scan(struct rzs_device_params *p, const char *key, const char *value,
				char *why)
{
	return rzs_value_bool(key, value, &p->merge.smart_scan, why);
}

static int set_merge_inline(struct rzs_device_params *p, const char *key, const char *value,
			    char *why)
{
	return rzs_value_bool(key, value, &p->merge.inline_writes, why);
}

static int set_merge_index(struct rzs_device_params *p, const char *key, const char *value,
			   char *why)
{
	return rzs_value_size(key, value, &p->merge.index_bytes, why);
}

/* Recompression's are in recompressor_keys.c, spilling's in spill_keys.c. */
#define KEY_OF(part, id, field)                                                              \
	static int set_##id(struct rzs_device_params *p, const char *key, const char *value, \
			    char *why)                                                       \
	{                                                                                    \
		return rzs_##part##_set_##field(&p->part, key, value, why);                  \
	}                                                                                    \
	static void show_##id(const struct rzs_device_params *p, char *text)                 \
	{                                                                                    \
		rzs_##part##_show_##field(&p->part, text);                                   \
	}

KEY_OF(recompress, recompress, codec)
KEY_OF(recompress, recompress_after, after)
KEY_OF(recompress, recompress_cpu, cpu)
KEY_OF(recompress, recompress_unit, unit)
KEY_OF(recompress, idle_step, idle_step)
KEY_OF(spill, spill, path)
KEY_OF(spill, spill_after, after)
KEY_OF(spill, spill_rate, rate)
KEY_OF(spill, spill_daily, daily)

/* ---- showing values */

static void show_number(char *text, uint64_t n)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%llu", (unsigned long long)n);
}

static void show_bool(char *text, bool value)
{
	strcpy(text, value ? "true" : "false");
}

static void show_size(const struct rzs_device_params *p, char *text)
{
	if (p->size)
		show_number(text, p->size);
}

static void show_algorithm(const struct rzs_device_params *p, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%s",
		 p->store.codec ? p->store.codec : rzs_codec_name(0));
}

static void show_level(const struct rzs_device_params *p, char *text)
{
	snprintf(text, RZS_VALUE_SIZE_MAX, "%d", p->store.level);
}

static void show_memlimit(const struct rzs_device_params *p, char *text)
{
	show_number(text, p->store.limit_bytes);
}

static void show_reserve(const struct rzs_device_params *p, char *text)
{
	show_number(text, p->store.reserve_bytes);
}

static void show_swap_header(const struct rzs_device_params *p, char *text)
{
	if (p->swap_header_given)
		show_bool(text, p->swap_header);
}

static void show_label(const struct rzs_device_params *p, char *text)
{
	strcpy(text, p->label);
}

static void show_uuid(const struct rzs_device_params *p, char *text)
{
	static const uint8_t none[RZS_SWAP_UUID_SIZE];

	if (memcmp(p->uuid, none, sizeof(none)) != 0)
		rzs_device_params_uuid_text(p->uuid, text);
}

static void show_checksum(const struct rzs_device_params *p, char *text)
{
	show_bool(text, !p->store.no_checksum);
}

static void show_wipe(const struct rzs_device_params *p, char *text)
{
	show_bool(text, p->store.wipe);
}

static void show_shared(const struct rzs_device_params *p, char *text)
{
	show_bool(text, p->shared);
}

#define SHOW_MERGE(id, field)                                                                     \
	static void show_merge_##id(const struct rzs_device_params *p, char *text)                \
	{                                                                                         \
		show_number(text, (uint64_t)p->merge.field);                                      \
	}

SHOW_MERGE(run, run)
SHOW_MERGE(pages_to_scan, pages_to_scan)
SHOW_MERGE(sleep_millisecs, sleep_millisecs)
SHOW_MERGE(max_page_sharing, max_page_sharing)
SHOW_MERGE(index, index_bytes)

static void show_merge_inline(const struct rzs_device_params *p, char *text)
{
	show_bool(text, p->merge.inline_writes);
}

static void show_merge_smart_scan(const struct rzs_device_params *p, char *text)
{
	show_bool(text, p->merge.smart_scan);
}

/* ---- the keys */

static const struct {
	int (*set)(struct rzs_device_params *p, const char *key, const char *value, char *why);
	void (*show)(const struct rzs_device_params *p, char *text);
	bool live;
} keys[RZS_DEVICE_PARAMS_KEYS] = {
#define RZS_DEVICE_KEY(id, name, live, help) {set_##id, show_##id, live},
#include "device_keys.def"
};

const char *const rzs_device_params_keys[RZS_DEVICE_PARAMS_KEYS + 1] = {
#define RZS_DEVICE_KEY(id, name, live, help) name,
#include "device_keys.def"
	NULL,
};

bool rzs_device_params_is_live(const char *key)
{
	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++)
		if (strcmp(key, rzs_device_params_keys[i]) == 0)
			return keys[i].live;
	return false;
}

void rzs_device_params_show(const struct rzs_device_params *p, unsigned key,
			    char text[RZS_VALUE_SIZE_MAX])
{
	text[0] = '\0';
	keys[key].show(p, text);
}

void rzs_device_params_uuid_text(const uint8_t uuid[RZS_SWAP_UUID_SIZE],
				 char text[RZS_UUID_TEXT_SIZE])
{
	char *to = text;

	for (unsigned i = 0; i < RZS_SWAP_UUID_SIZE; i++)
		to += sprintf(to, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
}

int rzs_device_params_set(struct rzs_device_params *p, const char *key, const char *value,
			  char why[RZS_WHY_MAX])
{
	const char *meant;

	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++)
		if (strcmp(key, rzs_device_params_keys[i]) == 0)
			return keys[i].set(p, key, value, why);
	meant = rzs_value_nearest(key, rzs_device_params_keys);
	rzs_value_bad(why, key, value, "a device has no parameter of this name%s%s%s",
		      meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
	return -ENOENT;
}

void rzs_device_params_init(struct rzs_device_params *p)
{
	memset(p, 0, sizeof(*p));
	p->store.codec = rzs_codec_name(0);
	rzs_merge_knobs_init(&p->merge);
	rzs_recompress_knobs_init(&p->recompress);
}
