/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's key=value parameters.  Every complaint names the key and the value it is about, and
 * what to give instead.  Threading: called by nbdkit's main thread, before the server runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "params.h"
#include "size.h"
#include "upkeep.h"
#include "watch.h"

#define MAX_IO_WORKERS (RZS_MAX_WORKERS - 1) /* one is upkeep's */
#define MAX_SIZE (RZS_MAX_PAGES << RZS_PAGE_SHIFT)

const char rzs_params_help[] =
	"size=<SIZE>             size of the device, or N% of RAM (default: 25%)\n"
	"algorithm=<NAME>        lzo (default), or lz4, zstd where built in\n"
	"level=<N>               the algorithm's own scale (default: its default)\n"
	"memlimit=<SIZE>         bound on all memory held, or N% of RAM (default: 0, none)\n"
	"reserve=<SIZE>          memory kept ready for writes (default: by size and memlimit)\n"
	"workers=<N>             requests compressed at once (default: number of CPUs)\n"
	"swap-header=<BOOL>      page 0 is a swap header, no mkswap needed (default: true)\n"
	"label=<TEXT>            label in the swap header (default: none)\n"
	"uuid=<UUID>             UUID in the swap header (default: random)\n"
	"checksum=<BOOL>         detect damaged memory at every read (default: true)\n"
	"wipe=<BOOL>             overwrite memory before giving it back (default: false)\n"
	"protect=<MODE>          auto (default), require or off: locked memory etc.\n"
	"realtime=<WHEN>         swap (default: while any swap is on), always or never\n"
	"ballast=<SIZE>          memory given back to a system that has none (default: RAM/256)";

static int set_size(const char *key, const char *value, uint64_t *out)
{
	const char *why;

	if (rzs_size_parse(value, rzs_size_ram(), out, &why) == 0)
		return 0;
	nbdkit_error("%s=%s: %s", key, value, why);
	return -1;
}

static int set_bool(const char *key, const char *value, bool *out)
{
	int r = nbdkit_parse_bool(value);

	if (r < 0) {
		nbdkit_error("%s=%s: expected true or false", key, value);
		return -1;
	}
	*out = r;
	return 0;
}

static int set_number(const char *key, const char *value, int *out)
{
	if (nbdkit_parse_int(key, value, out) < 0) {
		nbdkit_error("%s=%s: expected a number", key, value);
		return -1;
	}
	return 0;
}

static int set_workers(const char *key, const char *value, unsigned *out)
{
	int n;

	if (set_number(key, value, &n) < 0)
		return -1;
	if (n < 1 || n > (int)MAX_IO_WORKERS) {
		nbdkit_error("%s=%s: expected 1 to %u", key, value, MAX_IO_WORKERS);
		return -1;
	}
	*out = (unsigned)n;
	return 0;
}

static int set_algorithm(const char *key, const char *value, const char **out)
{
	char known[128] = "";
	const char *name;

	for (unsigned i = 0; (name = rzs_codec_name(i)) != NULL; i++) {
		size_t used = strlen(known);

		if (strcmp(name, value) == 0) {
			*out = name;
			return 0;
		}
		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", name);
	}
	nbdkit_error("%s=%s: unknown algorithm; this build has %s", key, value, known);
	return -1;
}

static int set_realtime(const char *key, const char *value, enum rzs_realtime *out)
{
	static const char *const names[] = {
		[RZS_REALTIME_SWAP] = "swap",
		[RZS_REALTIME_ALWAYS] = "always",
		[RZS_REALTIME_NEVER] = "never",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*out = (enum rzs_realtime)i;
			return 0;
		}
	}
	nbdkit_error("%s=%s: expected swap, always or never", key, value);
	return -1;
}

static int set_protect(const char *key, const char *value, enum rzs_protect_mode *out)
{
	if (rzs_protect_mode_parse(value, out) < 0) {
		nbdkit_error("%s=%s: expected auto, require or off", key, value);
		return -1;
	}
	return 0;
}

static int set_label(const char *key, const char *value, const char **out)
{
	if (strlen(value) > RZS_SWAP_LABEL_MAX) {
		nbdkit_error("%s=%s: longer than %u bytes", key, value, RZS_SWAP_LABEL_MAX);
		return -1;
	}
	*out = value;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int set_uuid(const char *key, const char *value, uint8_t *out)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned digits = 0;
	bool good = strlen(value) == sizeof(shape) - 1;

	memset(out, 0, RZS_SWAP_UUID_SIZE);
	for (size_t i = 0; good && i < sizeof(shape) - 1; i++) {
		int digit = hex_digit(value[i]);

		if (shape[i] == '-') {
			good = value[i] == '-';
		} else {
			good = digit >= 0;
			if (good)
				out[digits / 2] |= (uint8_t)(digits % 2 ? digit : digit << 4);
			digits++;
		}
	}
	if (good)
		return 0;
	nbdkit_error("%s=%s: expected a UUID such as 01234567-89ab-cdef-0123-456789abcdef", key,
		     value);
	return -1;
}

int rzs_params_set(struct rzs_params *p, const char *key, const char *value)
{
	bool yes;

	if (strcmp(key, "size") == 0) {
		p->size_text = value;
		return set_size(key, value, &p->size);
	}
	if (strcmp(key, "algorithm") == 0)
		return set_algorithm(key, value, &p->store.codec);
	if (strcmp(key, "level") == 0)
		return set_number(key, value, &p->store.level);
	if (strcmp(key, "memlimit") == 0) {
		p->memlimit_text = value;
		return set_size(key, value, &p->store.limit_bytes);
	}
	if (strcmp(key, "reserve") == 0) {
		p->reserve_text = value;
		return set_size(key, value, &p->store.reserve_bytes);
	}
	if (strcmp(key, "workers") == 0)
		return set_workers(key, value, &p->io_workers);
	if (strcmp(key, "swap-header") == 0) {
		p->swap_header_given = true;
		return set_bool(key, value, &p->swap_header);
	}
	if (strcmp(key, "label") == 0)
		return set_label(key, value, &p->label);
	if (strcmp(key, "uuid") == 0) {
		p->uuid_given = true;
		return set_uuid(key, value, p->uuid);
	}
	if (strcmp(key, "checksum") == 0) {
		if (set_bool(key, value, &yes) < 0)
			return -1;
		p->store.no_checksum = !yes;
		return 0;
	}
	if (strcmp(key, "wipe") == 0)
		return set_bool(key, value, &p->store.wipe);
	if (strcmp(key, "protect") == 0)
		return set_protect(key, value, &p->protect);
	if (strcmp(key, "realtime") == 0)
		return set_realtime(key, value, &p->realtime);
	if (strcmp(key, "ballast") == 0) {
		p->ballast_given = true;
		return set_size(key, value, &p->ballast);
	}
	nbdkit_error("unknown parameter '%s' (in %s=%s); 'nbdkit rzs --help' lists them", key, key,
		     value);
	return -1;
}

static int complete_size(struct rzs_params *p, uint64_t ram)
{
	const char *text = p->size_text;

	if (!text) {
		if (ram == 0) {
			nbdkit_error("size: needed, because this system does not tell how much RAM "
				     "it has");
			return -1;
		}
		p->size_text = text = "25%";
		p->size = ram / 4;
	}
	/* A share of RAM is rarely whole pages, and nobody meant it to be exact. */
	if (strchr(text, '%'))
		p->size &= ~(uint64_t)(RZS_PAGE_SIZE - 1);
	if (p->size == 0) {
		nbdkit_error("size=%s: a device has at least one page, %u bytes", text,
			     RZS_PAGE_SIZE);
		return -1;
	}
	if (p->size % RZS_PAGE_SIZE) {
		uint64_t below = p->size - p->size % RZS_PAGE_SIZE;

		nbdkit_error("size=%s: not a multiple of %u; the nearest are %llu and %llu", text,
			     RZS_PAGE_SIZE, (unsigned long long)below,
			     (unsigned long long)below + RZS_PAGE_SIZE);
		return -1;
	}
	if (p->size > MAX_SIZE) {
		nbdkit_error("size=%s: the largest possible is %llu", text,
			     (unsigned long long)MAX_SIZE);
		return -1;
	}
	p->store.nr_pages = p->size >> RZS_PAGE_SHIFT;
	return 0;
}

static int complete_swap_header(struct rzs_params *p)
{
	bool possible = p->store.nr_pages >= RZS_SWAP_MIN_PAGES;
	bool fits_machine = sysconf(_SC_PAGESIZE) == (long)RZS_PAGE_SIZE;

	if (!p->swap_header_given)
		p->swap_header = possible && fits_machine;
	if (p->swap_header && !possible) {
		nbdkit_error("swap-header=true: needs size=%u or more",
			     RZS_SWAP_MIN_PAGES * RZS_PAGE_SIZE);
		return -1;
	}
	if (p->swap_header && !fits_machine) {
		nbdkit_error("swap-header=true: this machine's pages are not %u bytes; "
			     "use swap-header=false, and mkswap",
			     RZS_PAGE_SIZE);
		return -1;
	}
	if (!p->swap_header && (p->label || p->uuid_given)) {
		nbdkit_error("%s: there is no swap header to put it in; leave it out, or use "
			     "swap-header=true and a size of at least %u",
			     p->label ? "label" : "uuid", RZS_SWAP_MIN_PAGES * RZS_PAGE_SIZE);
		return -1;
	}
	if (p->uuid_given)
		return 0;
	if (getrandom(p->uuid, sizeof(p->uuid), 0) != sizeof(p->uuid)) {
		nbdkit_error("uuid: no random numbers to be had; give one with uuid=");
		return -1;
	}
	p->uuid[6] = (p->uuid[6] & 0x0f) | 0x40; /* version 4: random */
	p->uuid[8] = (p->uuid[8] & 0x3f) | 0x80; /* the usual variant */
	return 0;
}

static int complete_limits(struct rzs_params *p, uint64_t ram)
{
	uint64_t least;
	int err;

	err = rzs_store_min_limit(&p->store, &least);
	if (err < 0) {
		nbdkit_error("level=%d: not a level of algorithm=%s", p->store.level,
			     p->store.codec);
		return -1;
	}
	if (ram == 0)
		ram = UINT64_MAX;
	if (p->store.reserve_bytes > ram / 2) {
		nbdkit_error("reserve=%s: more than half of this machine's RAM, %llu bytes",
			     p->reserve_text, (unsigned long long)ram);
		return -1;
	}
	if (p->store.limit_bytes == 0) {
		if (p->size / 4 > ram)
			rzs_say("warning: size=%s is more than 4 times the RAM of this machine "
				"(%llu bytes) and nothing bounds what may be stored: give a "
				"memlimit",
				p->size_text, (unsigned long long)ram);
		return 0;
	}
	if (p->store.limit_bytes > ram) {
		nbdkit_error(
			"memlimit=%s: more than this machine's RAM, %llu bytes; 0 means no limit",
			p->memlimit_text, (unsigned long long)ram);
		return -1;
	}
	if (p->store.limit_bytes < least) {
		nbdkit_error("memlimit=%s: a store of this size and with these workers needs at "
			     "least %llu bytes; give more, or 0 for no limit",
			     p->memlimit_text, (unsigned long long)least);
		return -1;
	}
	if (p->reserve_text && p->store.reserve_bytes >= p->store.limit_bytes) {
		nbdkit_error(
			"reserve=%s: leaves nothing of memlimit=%s to store in; give a smaller one",
			p->reserve_text, p->memlimit_text);
		return -1;
	}
	return 0;
}

static unsigned default_workers(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 2)
		return 2;
	return cpus > (long)MAX_IO_WORKERS ? MAX_IO_WORKERS : (unsigned)cpus;
}

int rzs_params_complete(struct rzs_params *p)
{
	uint64_t ram = rzs_size_ram();

	if (complete_size(p, ram) < 0)
		return -1;
	if (!p->store.codec)
		p->store.codec = rzs_codec_name(0);
	if (p->io_workers == 0)
		p->io_workers = default_workers();
	p->store.nr_workers = p->io_workers + 1;
	if (complete_limits(p, ram) < 0)
		return -1;
	if (!p->ballast_given)
		p->ballast = rzs_watch_default_ballast(ram);
	if (ram && p->ballast > ram / 8) {
		nbdkit_error("ballast=%llu: more than an eighth of this machine's RAM, %llu bytes",
			     (unsigned long long)p->ballast, (unsigned long long)ram);
		return -1;
	}
	return complete_swap_header(p);
}
