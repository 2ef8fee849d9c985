/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device is to be: key=value, the same keys and rules in the plugin's command line, in
 * rzsd's configuration and over the control socket.
 *
 * device_keys.def lists the keys.  Sizes may be expressions (size_expr.h).  Complaints are one line
 * that names key, value and what to give instead.
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

/* The keys' numbers, and how many there are. */
enum rzs_device_key {
#define RZS_DEVICE_KEY(id, name, live, help) RZS_DEVICE_KEY_##id,
#include "device_keys.def"
	RZS_DEVICE_PARAMS_KEYS,
};

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

/* Whether a device in use takes a new value of key; false also for what is not a key. */
bool rzs_device_params_is_live(const char *key);

/*
 * The value of the key with this number (below RZS_DEVICE_PARAMS_KEYS), as rzs_device_params_set()
 * takes it; empty: there is none yet.
 */
void rzs_device_params_show(const struct rzs_device_params *p, unsigned key,
			    char text[RZS_VALUE_SIZE_MAX]);

/* The usual form, 8-4-4-4-12 hexadecimal digits. */
#define RZS_UUID_TEXT_SIZE 37u
void rzs_device_params_uuid_text(const uint8_t uuid[RZS_SWAP_UUID_SIZE],
				 char text[RZS_UUID_TEXT_SIZE]);

/* The lines for --help, "key=<VALUE>   text" each. */
extern const char rzs_device_params_help[];

#endif
