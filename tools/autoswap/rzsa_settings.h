/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of rzs-autoswap, from its files and its command line.
 *
 * Call rzsa_settings_init() and rzsa_settings_read(); then, for the command line,
 * rzsa_settings_set(); then rzsa_settings_check().  A later value replaces an earlier one.
 *
 * A complaint is one line: file and line number if there are any, the key, its value, and what to
 * give instead.  All errors are reported, not only the first.  A note is no error.
 *
 * Threading: one thread.
 */
#ifndef RZSA_SETTINGS_H
#define RZSA_SETTINGS_H

#include <limits.h>

#include "rzsa.h"
#include "value.h"

#ifndef RZSA_CONF_FILE
#define RZSA_CONF_FILE "/etc/rzs/rzs-autoswap.conf" /* the build sets it, from sysconfdir */
#endif
#define RZSA_SWAPPATH "/var/lib/rzs-autoswap"

#define RZSA_FILES     32u
#define RZSA_COMPLAINT 1280u /* bytes of a complaint, with its 0 */

enum rzsa_key {
#define RZSA_KEY(id, letter, value, help) RZSA_KEY_##id,
#include "rzsa_keys.def"
	RZSA_KEYS,
};

struct rzsa_place {
	unsigned file; /* index into file[]; 0: the command line */
	unsigned line; /* 0: not given */
};

struct rzsa_settings {
	struct rzsa_config rules;
	char swappath[PATH_MAX]; /* empty: none */
	char pidfile[PATH_MAX];	 /* empty: none */
	bool paranoid, daemon, erase, inspect, quiet, verbose;
	bool manage;		       /* change the limits of ramzswap's devices */
	uint64_t limit_min, limit_max; /* KiB; 0: as found, half of the RAM */

	/* Where the values were given. */
	struct rzsa_place place[RZSA_KEYS];
	char file[RZSA_FILES][256];
	unsigned nr_files; /* file[0] has no name: the command line */
	struct rzsa_place now;
};

/* Who is told. */
struct rzsa_hearer {
	void (*hear)(void *arg, bool error, const char *text);
	void *arg;
	unsigned errors; /* so far */
};

/* The names of the keys; NULL ends them. */
extern const char *const rzsa_keys[RZSA_KEYS + 1];

/* Set the defaults. */
void rzsa_settings_init(struct rzsa_settings *s);

/*
 * Set a key; `-` in it is `_`.  value NULL: a switch is turned on.  0; or why is set and -ENOENT:
 * no such key; -EINVAL: a bad value.
 */
int rzsa_settings_set(struct rzsa_settings *s, const char *key, const char *value,
		      char why[RZS_WHY_MAX]);

/* Read path, or with NULL RZSA_CONF_FILE if it exists; then the drop-ins. */
void rzsa_settings_read(struct rzsa_settings *s, const char *path, struct rzsa_hearer *h);

/* What depends on several values; and notes on those that have no effect. */
void rzsa_settings_check(struct rzsa_settings *s, struct rzsa_hearer *h);

#endif
