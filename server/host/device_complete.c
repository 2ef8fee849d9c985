/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameters that are complete: defaults, checks that need several values, and the store that they
 * describe.  See device_params.h.
 */
#include "device_params_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ram.h"
#include "size_expr.h"
#include "uuid.h"

#define MAX_SIZE   (RZS_MAX_PAGES << RZS_PAGE_SHIFT)
#define HINT_MAX   96u
#define SMALL_SIZE (1u << 20) /* a bare number below this was perhaps meant in MiB */

/* A hint for a message about a small number of bytes that was perhaps meant in MiB. */
static const char *hint(char buf[HINT_MAX], const char *text, uint64_t bytes)
{
	buf[0] = '\0';
	if (rzs_size_is_bare(text) && bytes > 0 && bytes < SMALL_SIZE)
		snprintf(buf, HINT_MAX, "; a bare number counts bytes: for MiB give %lluM",
			 (unsigned long long)bytes);
	return buf;
}

int rzs_device_params_check_size(const char *text, uint64_t size, char why[RZS_WHY_MAX])
{
	char more[HINT_MAX];

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
	if (rzs_device_params_check_size(p->size_text, p->size, why) < 0)
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
	rzs_uuid_mark_random(p->uuid);
	return 0;
}

static int complete_swap_header(struct rzs_device_params *p, char *why)
{
	bool possible = p->store.nr_pages >= RZS_SWAP_MIN_PAGES;
	bool fits_machine = sysconf(_SC_PAGESIZE) == (long)RZS_PAGE_SIZE;
	char more[HINT_MAX];

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
	char more[HINT_MAX];

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
	char text[RZS_WHY_MAX], more[HINT_MAX];

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
