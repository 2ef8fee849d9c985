/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a device, as key=value.  Keys and rules are the same on the plugin's command
 * line, in rzsd's configuration and on the control socket.
 *
 * device_keys.def lists the keys.  Sizes may be expressions (size_expr.h).  An error message is one
 * line that names the key and the value, and says what to give instead.
 *
 * Threading: a struct belongs to its caller.  All functions may wait for memory; none is for the
 * data path.
 */
#ifndef RZS_DEVICE_PARAMS_H
#define RZS_DEVICE_PARAMS_H

#include <stdatomic.h>
#include <stddef.h>

#include "merger.h"
#include "recompressor.h"
#include "rzs_store.h"
#include "spill_keys.h"
#include "value.h"

struct rzs_device_params {
	struct rzs_config store; /* rzs_device_params_complete() sets nr_pages, nr_workers */
	uint64_t size;		 /* bytes */
	bool swap_header;
	bool shared; /* several clients may write (hold.h) */
	struct rzs_merge_knobs merge;
	struct rzs_recompress_knobs recompress;
	struct rzs_spill_knobs spill; /* a server that does not spill refuses a path */
	uint8_t uuid[RZS_SWAP_UUID_SIZE];
	char label[RZS_SWAP_LABEL_MAX + 1]; /* empty: none */

	/* Whether they were given; and their text, empty if not given. */
	bool swap_header_given, uuid_given, label_given;
	char size_text[RZS_VALUE_SIZE_MAX], memlimit_text[RZS_VALUE_SIZE_MAX];
	char reserve_text[RZS_VALUE_SIZE_MAX];
};

/* The keys' numbers, and their count. */
enum rzs_device_key {
#define RZS_DEVICE_KEY(id, name, live, help) RZS_DEVICE_KEY_##id,
#include "device_keys.def"
	RZS_DEVICE_PARAMS_KEYS,
};

/* The keys' names, then NULL. */
extern const char *const rzs_device_params_keys[RZS_DEVICE_PARAMS_KEYS + 1];

#define RZS_DEVICE_NAME_MAX 63u /* bytes of a device's name, without the 0 */

/* Whether name consists of A-Z a-z 0-9 . _ - and is not too long, empty, "." or "..". */
bool rzs_device_name_ok(const char *name);

/* No parameter is given. */
void rzs_device_params_init(struct rzs_device_params *p);

/*
 * Set one parameter.  If a key comes again, the last value counts.  0; -ENOENT: no such key;
 * -EINVAL: the value is wrong.  After an error why is set, and p has not changed.
 */
int rzs_device_params_set(struct rzs_device_params *p, const char *key, const char *value,
			  char why[RZS_WHY_MAX]);

/*
 * Set defaults for what was not given, and check what needs several values.  nr_workers: how many
 * calls of the store may run at once.  warn: gets advice, a line each; may be NULL.  Call this
 * again after setting more.  0; -EINVAL with why set.
 */
int rzs_device_params_complete(struct rzs_device_params *p, unsigned nr_workers,
			       void (*warn)(const char *text), char why[RZS_WHY_MAX]);

/*
 * Create the store that p describes, after rzs_device_params_complete(), with its swap header.
 * Sleeps.  0, or a negative errno as rzs_store_create()'s, and NULL in *out.
 */
int rzs_device_params_make(const struct rzs_device_params *p, struct rzs_store **out);

/*
 * Change the memlimit of a store made from p, and in p.  *limited: whether there is a limit, for
 * what clients are told of extents; true while the old or the new one may be in force.  Sleeps.  0;
 * -EINVAL: wrong value for this store; -ENOSPC: more memory is held than that.  After an error why
 * is set, and nothing has changed.
 */
int rzs_device_params_relimit(struct rzs_device_params *p, struct rzs_store *store,
			      const char *value, atomic_bool *limited, char why[RZS_WHY_MAX]);

/* Whether a device in use takes a new value of key.  false for an unknown key. */
bool rzs_device_params_is_live(const char *key);

/*
 * Write the value of key (enum rzs_device_key) to text, as rzs_device_params_set() takes it; an
 * empty string if there is no value yet.
 */
void rzs_device_params_show(const struct rzs_device_params *p, unsigned key,
			    char text[RZS_VALUE_SIZE_MAX]);

/* Write a UUID in the usual form, 8-4-4-4-12 hexadecimal digits. */
#define RZS_UUID_TEXT_SIZE 37u
void rzs_device_params_uuid_text(const uint8_t uuid[RZS_SWAP_UUID_SIZE],
				 char text[RZS_UUID_TEXT_SIZE]);

/* Lines for --help, "key=<VALUE>   text", each with a newline. */
extern const char rzs_device_params_help[];

#endif
