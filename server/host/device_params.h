/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device is to be: key=value, the same keys and rules in the plugin's command line, in
 * rzsd's configuration and over the control socket.
 *
 * Keys: size algorithm level memlimit reserve swap-header label uuid checksum wipe shared.  Sizes
 * may be expressions (size_expr.h).  Complaints are one line that names key, value and what to give
 * instead.
 *
 * Threading: none; nothing here is shared.
 */
#ifndef RZS_DEVICE_PARAMS_H
#define RZS_DEVICE_PARAMS_H

#include <stdatomic.h>
#include <stddef.h>

#include "rzs_store.h"
#include "value.h"

struct rzs_device_params {
	struct rzs_config store; /* nr_pages and nr_workers are set by complete() */
	uint64_t size;		 /* bytes */
	bool swap_header;
	bool shared; /* several clients may write (hold.h) */
	uint8_t uuid[RZS_SWAP_UUID_SIZE];
	char label[RZS_SWAP_LABEL_MAX + 1]; /* empty: none */

	/* Whether, and how, they were given; empty text: not given. */
	bool swap_header_given, uuid_given, label_given;
	char size_text[RZS_VALUE_SIZE_MAX], memlimit_text[RZS_VALUE_SIZE_MAX];
	char reserve_text[RZS_VALUE_SIZE_MAX];
};

#define RZS_DEVICE_PARAMS_KEYS 11u

/* Their names, and then NULL. */
extern const char *const rzs_device_params_keys[RZS_DEVICE_PARAMS_KEYS + 1];

void rzs_device_params_init(struct rzs_device_params *p);

/*
 * One key=value; may come again, the last one counts.
 * 0; -ENOENT: no such key (why is set too); -EINVAL: not a good value.  p is unchanged then.
 */
int rzs_device_params_set(struct rzs_device_params *p, const char *key, const char *value,
			  char why[RZS_WHY_MAX]);

/*
 * Defaults for what was not given, and the checks that need several values.  nr_workers: calls that
 * may run at once.  warn: called with advice that is no error; may be NULL.  May be called again,
 * after more was set.
 * 0; -EINVAL with why set.
 */
int rzs_device_params_complete(struct rzs_device_params *p, unsigned nr_workers,
			       void (*warn)(const char *text), char why[RZS_WHY_MAX]);

/*
 * Make the store that p (completed) describes, with its swap header in it.  Sleeps, allocates.
 * *out is NULL on failure.  Errors as rzs_store_create()'s.
 */
int rzs_device_params_make(const struct rzs_device_params *p, struct rzs_store **out);

/*
 * Give store, which p was made into, another memlimit; p then says so too.  limited: whether one is
 * in force, for who tells clients about that; true while either is.
 * -EINVAL: not a value for this store; -ENOSPC: below what is held.  Nothing has changed then.
 */
int rzs_device_params_relimit(struct rzs_device_params *p, struct rzs_store *store,
			      const char *value, atomic_bool *limited, char why[RZS_WHY_MAX]);

/* The lines for --help, "key=<VALUE>   text" each; no \n after the last. */
#define RZS_DEVICE_PARAMS_HELP                                                                   \
	"size=<SIZE>             size of the device, or N% of RAM (default: 25%)\n"              \
	"algorithm=<NAME>        lzo (default), or lz4, zstd where built in\n"                   \
	"level=<N>               the algorithm's own scale (default: its default)\n"             \
	"memlimit=<SIZE>         bound on all memory held, or N% of RAM (default: 0, none)\n"    \
	"reserve=<SIZE>          memory kept ready for writes (default: by size and memlimit)\n" \
	"swap-header=<BOOL>      page 0 is a swap header, no mkswap needed (default: true)\n"    \
	"label=<TEXT>            label in the swap header (default: none)\n"                     \
	"uuid=<UUID>             UUID in the swap header (default: random)\n"                    \
	"checksum=<BOOL>         detect damaged memory at every read (default: true)\n"          \
	"wipe=<BOOL>             overwrite memory before giving it back (default: false)\n" \
	"shared=<BOOL>           several clients may write at once (default: false)"
extern const char rzs_device_params_help[];

#endif
