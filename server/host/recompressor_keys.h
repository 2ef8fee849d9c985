/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values of recompression's keys, as text: read into the knobs, and written again.  Pure.
 * Reading returns 0, or -EINVAL with why set, and then the knobs have not changed.
 */
#ifndef RZS_RECOMPRESSOR_KEYS_H
#define RZS_RECOMPRESSOR_KEYS_H

#include "recompressor.h"

int rzs_recompress_set_codec(struct rzs_recompress_knobs *k, const char *key, const char *value,
			     char *why);
void rzs_recompress_show_codec(const struct rzs_recompress_knobs *k, char *text);
int rzs_recompress_set_after(struct rzs_recompress_knobs *k, const char *key, const char *value,
			     char *why);
void rzs_recompress_show_after(const struct rzs_recompress_knobs *k, char *text);
int rzs_recompress_set_cpu(struct rzs_recompress_knobs *k, const char *key, const char *value,
			   char *why);
void rzs_recompress_show_cpu(const struct rzs_recompress_knobs *k, char *text);
int rzs_recompress_set_unit(struct rzs_recompress_knobs *k, const char *key, const char *value,
			    char *why);
void rzs_recompress_show_unit(const struct rzs_recompress_knobs *k, char *text);
int rzs_recompress_set_idle_step(struct rzs_recompress_knobs *k, const char *key, const char *value,
				 char *why);
void rzs_recompress_show_idle_step(const struct rzs_recompress_knobs *k, char *text);

#endif
