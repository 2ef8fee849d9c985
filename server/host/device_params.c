/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a device; see device_params.h.  Each row of device_keys.def has two functions
 * here: set_id() parses a value, show_id() writes it.
 */
#include "device_params.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ram.h"
#include "recompressor_keys.h"
#include "size_expr.h"
#include "text.h"

#define MAX_SIZE   (RZS_MAX_PAGES << RZS_PAGE_SHIFT)
#define SMALL_SIZE (1u << 20) /* a bare number below this was perhaps meant in MiB */

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

/* A hint for a message about a small number of bytes that was perhaps meant in MiB. */
static const char *hint(char buf[96], const char *text, uint64_t bytes)
{
	buf[0] = '\0';
	if (rzs_size_is_bare(text) && bytes > 0 && bytes < SMALL_SIZE)
		snprintf(buf, 96, "; a bare number counts bytes: for MiB give %lluM",
			 (unsigned long long)bytes);
	return buf;
}

static int check_size(const char *text, uint64_t size, char *why)
{
	char more[96];

	if (size == 0)
		return rzs_value_bad(why, "size", text, "a device has at least one page, %u bytes",
				     RZS_PAGE_SIZE);
	if (size % RZS_PAGE_SIZE) {
		uint64_t below = size - size % RZS_PAGE_SIZE;

		return rzs_value_bad(
			why, "size", text, "not a multiple of %u; the nearest are %llu and %llu%s",
			RZS_PAGE_SIZE, (unsigned long long)below,
			(unsigned long long)below + RZS_PAGE_SIZE, hint(more, text, size));
	}
	if (size > MAX_SIZE)
		return rzs_value_bad(why, "size", text, "the largest possible is %llu",
				     (unsigned long long)MAX_SIZE);
	return 0;
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
		err = check_size(text, size, why);
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

/* Recompression's are in recompressor_keys.c. */
#define RECOMPRESS_KEY(id, field)                                                                 \
	static int set_##id(struct rzs_device_params *p, const char *key, const char *value,      \
			    char *why)                                                            \
	{                                                                                         \
		return rzs_recompress_set_##field(&p->recompress, key, value, why);               \
	}                                                                                         \
	static void show_##id(const struct rzs_device_params *p, char *text)                      \
	{                                                                                         \
		rzs_recompress_show_##field(&p->recompress, text);                                \
	}

RECOMPRESS_KEY(recompress, codec)
RECOMPRESS_KEY(recompress_after, after)
RECOMPRESS_KEY(recompress_cpu, cpu)
RECOMPRESS_KEY(recompress_unit, unit)
RECOMPRESS_KEY(idle_step, idle_step)

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

static int complete_size(struct rzs_device_params *p, uint64_t ram, char *why)
{
	if (!p->size_text[0]) {
		if (ram == 0)
			return rzs_value_bad(why, "size", NULL,
					     "needed, because this system does not say how much "
					     "RAM it has");
		strcpy(p->size_text, "25%");
		p->size = (ram / 4) & ~(uint64_t)(RZS_PAGE_SIZE - 1);
	}
	if (check_size(p->size_text, p->size, why) < 0)
		return -EINVAL;
	p->store.nr_pages = p->size >> RZS_PAGE_SHIFT;
	return 0;
}

static int complete_uuid(struct rzs_device_params *p, char *why)
{
	if (p->uuid_given)
		return 0;
	/* The system call: since 2.41 glibc's function maps pages, which cannot be locked. */
	if (syscall(SYS_getrandom, p->uuid, sizeof(p->uuid), 0) != sizeof(p->uuid))
		return rzs_value_bad(why, "uuid", NULL,
				     "the system gives no random numbers; give a UUID with uuid=");
	p->uuid[6] = (p->uuid[6] & 0x0f) | 0x40; /* version 4: random */
	p->uuid[8] = (p->uuid[8] & 0x3f) | 0x80; /* the usual variant */
	return 0;
}

static int complete_swap_header(struct rzs_device_params *p, char *why)
{
	bool possible = p->store.nr_pages >= RZS_SWAP_MIN_PAGES;
	bool fits_machine = sysconf(_SC_PAGESIZE) == (long)RZS_PAGE_SIZE;
	char more[96];

	if (!p->swap_header_given)
		p->swap_header = possible && fits_machine;
	if (p->swap_header && !possible)
		return rzs_value_bad(why, "swap-header", "true", "needs size=%u or more%s",
				     RZS_SWAP_MIN_PAGES * RZS_PAGE_SIZE,
				     hint(more, p->size_text, p->size));
	if (p->swap_header && !fits_machine)
		return rzs_value_bad(why, "swap-header", "true",
				     "this machine's pages are not %u bytes; use "
				     "swap-header=false, and mkswap",
				     RZS_PAGE_SIZE);
	if (!p->swap_header && (p->label_given || p->uuid_given))
		return rzs_value_bad(why, p->label_given ? "label" : "uuid", NULL,
				     "there is no swap header to put it in; leave it out, or use "
				     "swap-header=true and a size of at least %u%s",
				     RZS_SWAP_MIN_PAGES * RZS_PAGE_SIZE,
				     hint(more, p->size_text, p->size));
	return complete_uuid(p, why);
}

static int complete_reserve(const struct rzs_device_params *p, uint64_t ram, char *why)
{
	if (p->store.reserve_bytes > ram / 2)
		return rzs_value_bad(why, "reserve", p->reserve_text,
				     "more than half of this machine's RAM, %llu bytes",
				     (unsigned long long)ram);
	if (p->store.limit_bytes && p->reserve_text[0] &&
	    p->store.reserve_bytes >= p->store.limit_bytes)
		return rzs_value_bad(why, "reserve", p->reserve_text,
				     "leaves nothing of memlimit=%.60s to store in; give a "
				     "smaller one",
				     p->memlimit_text);
	return 0;
}

static int complete_memlimit(const struct rzs_device_params *p, uint64_t ram, uint64_t least,
			     char *why)
{
	char more[96];

	if (p->store.limit_bytes > ram)
		return rzs_value_bad(why, "memlimit", p->memlimit_text,
				     "more than this machine's RAM, %llu bytes; 0 means no limit",
				     (unsigned long long)ram);
	if (p->store.limit_bytes && p->store.limit_bytes < least)
		return rzs_value_bad(why, "memlimit", p->memlimit_text,
				     "a store of this size and with these workers needs at least "
				     "%llu bytes; give more, or 0 for no limit%s",
				     (unsigned long long)least,
				     hint(more, p->memlimit_text, p->store.limit_bytes));
	return 0;
}

/* Warn about what is allowed, but is probably a mistake. */
static void advise(const struct rzs_device_params *p, uint64_t ram, void (*warn)(const char *text))
{
	char text[RZS_WHY_MAX], more[96];

	if (p->store.limit_bytes == 0 && p->size / 4 > ram) {
		rzs_value_bad(text, "size", p->size_text,
			      "more than 4 times the RAM of this machine (%llu bytes), and nothing "
			      "bounds what may be stored: give a memlimit",
			      (unsigned long long)ram);
		warn(text);
	}
	if (p->store.nr_pages < RZS_SWAP_MIN_PAGES && !p->swap_header_given &&
	    rzs_size_is_bare(p->size_text)) {
		rzs_value_bad(text, "size", p->size_text, "too small to swap to%s",
			      hint(more, p->size_text, p->size));
		warn(text);
	}
}

int rzs_device_params_complete(struct rzs_device_params *p, unsigned nr_workers,
			       void (*warn)(const char *text), char why[RZS_WHY_MAX])
{
	uint64_t ram = rzs_ram_usable(), least;

	why[0] = '\0';
	p->store.nr_workers = nr_workers;
	if (complete_size(p, ram, why) < 0)
		return -EINVAL;
	if (rzs_store_min_limit(&p->store, &least) < 0) {
		char level[16];

		snprintf(level, sizeof(level), "%d", p->store.level);
		return rzs_value_bad(why, "level", level, "not a level of algorithm=%s",
				     p->store.codec);
	}
	if (ram == 0)
		ram = UINT64_MAX;
	if (complete_memlimit(p, ram, least, why) < 0 || complete_reserve(p, ram, why) < 0 ||
	    complete_swap_header(p, why) < 0)
		return -EINVAL;
	if (warn)
		advise(p, ram, warn);
	return 0;
}

static int write_swap_header(const struct rzs_device_params *p, struct rzs_store *store)
{
	uint8_t page[RZS_PAGE_SIZE];
	struct rzs_worker *worker;
	int err = rzs_swap_header(page, p->store.nr_pages, p->label[0] ? p->label : NULL, p->uuid);

	if (err < 0)
		return err;
	worker = rzs_worker_get(store, 0);
	err = rzs_store_write(store, worker, 0, page);
	rzs_worker_put(store, worker);
	return err;
}

int rzs_device_params_make(const struct rzs_device_params *p, struct rzs_store **out)
{
	int err = rzs_store_create(&p->store, out);

	if (err < 0 || !p->swap_header)
		return err;
	err = write_swap_header(p, *out);
	if (err < 0) {
		rzs_store_destroy(*out);
		*out = NULL;
	}
	return err;
}

int rzs_device_params_relimit(struct rzs_device_params *p, struct rzs_store *store,
			      const char *value, atomic_bool *limited, char why[RZS_WHY_MAX])
{
	struct rzs_device_params changed = *p;
	struct rzs_stats stats;
	int err = rzs_device_params_set(&changed, "memlimit", value, why);

	if (err == 0)
		err = rzs_device_params_complete(&changed, p->store.nr_workers, NULL, why);
	if (err < 0)
		return err;
	if (changed.store.limit_bytes)
		atomic_store(limited, true);
	err = rzs_store_set_limit(store, changed.store.limit_bytes);
	if (err == 0) {
		p->store.limit_bytes = changed.store.limit_bytes;
		memcpy(p->memlimit_text, changed.memlimit_text, sizeof(p->memlimit_text));
	} else {
		rzs_store_stats(store, &stats);
		rzs_value_bad(why, "memlimit", value, "%llu bytes are held now, more than that",
			      (unsigned long long)stats.mem_bytes);
	}
	atomic_store(limited, p->store.limit_bytes != 0);
	return err;
}
