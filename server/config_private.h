/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What config.c, config_listen.c, config_read.c and their tests share.  See config.h.
 */
#ifndef RZS_CONFIG_PRIVATE_H
#define RZS_CONFIG_PRIVATE_H

#include <stdio.h>

#include "config.h"

/* The indices of a device's places. */
#define RZS_CONFIG_PLACE_SECTION 0u
#define RZS_CONFIG_PLACE_KEYS	 1u
#define RZS_CONFIG_PLACE_INIT	 (RZS_CONFIG_PLACE_KEYS + RZS_DEVICE_PARAMS_KEYS)

/* Where complaints go: counts them and limits their number. */
struct rzs_config_sink {
	struct rzsd_config *config;
	void (*complain)(void *arg, const char *text);
	void *arg;
	unsigned nr, unshown;
};

/* "FILE:LINE: text"; without FILE:LINE if place has none. */
void rzs_config_complain(struct rzs_config_sink *sink, struct rzs_config_place place,
			 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Report how many were not shown.  Returns the number of all. */
unsigned rzs_config_complain_end(struct rzs_config_sink *sink);

/* Read f to its end.  name: for complaints. */
void rzs_config_read_stream(struct rzs_config_sink *sink, FILE *f, const char *name);

/*
 * /PATH or unix:/PATH; ADDRESS or ADDRESS:PORT, also with tcp: in front.  0, or -EINVAL with why
 * set.
 */
int rzs_config_listen_parse(const char *key, const char *value, struct rzs_config_listen *out,
			    char why[RZS_WHY_MAX]);

struct rzs_config_listens {
	struct rzs_config_listen listen[RZS_CONFIG_LISTENERS];
	unsigned nr;
};

/* Add value to them; for localhost its addresses of both families.  0, or -EINVAL with why set. */
int rzs_config_listen_add(const char *key, const char *value, struct rzs_config_listens *all,
			  char why[RZS_WHY_MAX]);

#endif
