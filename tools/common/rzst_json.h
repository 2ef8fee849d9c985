/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON, all on one line.  key is NULL inside an array.  The output is valid whatever the
 * texts are: what is not UTF-8 becomes U+FFFD.  Functions cannot fail: errors are left in the
 * stream.
 *
 * Threading: one thread.
 */
#ifndef RZST_JSON_H
#define RZST_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rzst_json {
	FILE *f;
	bool more;	 /* the next member needs a comma */
	unsigned digits; /* of fractions; rzst_json_begin() sets 9 */
};

/* Begin the outermost object; and end it, with a newline. */
void rzst_json_begin(struct rzst_json *j, FILE *f);
void rzst_json_end(struct rzst_json *j);

/* Begin and end an object, or an array. */
void rzst_json_object(struct rzst_json *j, const char *key);
void rzst_json_object_end(struct rzst_json *j);
void rzst_json_array(struct rzst_json *j, const char *key);
void rzst_json_array_end(struct rzst_json *j);

/* A value.  A text that is NULL, and a fraction that is NaN or infinite, becomes null. */
void rzst_json_text(struct rzst_json *j, const char *key, const char *text);
void rzst_json_number(struct rzst_json *j, const char *key, uint64_t value);
void rzst_json_integer(struct rzst_json *j, const char *key, int64_t value);
void rzst_json_fraction(struct rzst_json *j, const char *key, double value);
void rzst_json_bool(struct rzst_json *j, const char *key, bool value);
void rzst_json_null(struct rzst_json *j, const char *key);

#endif
