/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON, all on one line.  key is NULL inside an array.  Whatever the texts are, the outcome
 * is valid: what is not UTF-8 becomes U+FFFD.
 *
 * Threading: one thread.
 */
#ifndef RZSC_JSON_H
#define RZSC_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rzs_json {
	FILE *f;
	bool more; /* something stands before the next one */
};

void rzs_json_begin(struct rzs_json *j, FILE *f); /* an object */
void rzs_json_end(struct rzs_json *j);		  /* and a new line */

void rzs_json_object(struct rzs_json *j, const char *key);
void rzs_json_object_end(struct rzs_json *j);
void rzs_json_array(struct rzs_json *j, const char *key);
void rzs_json_array_end(struct rzs_json *j);

void rzs_json_text(struct rzs_json *j, const char *key, const char *text); /* NULL: null */
void rzs_json_number(struct rzs_json *j, const char *key, uint64_t value);
void rzs_json_fraction(struct rzs_json *j, const char *key, double value); /* nan: null */
void rzs_json_bool(struct rzs_json *j, const char *key, bool value);
void rzs_json_null(struct rzs_json *j, const char *key);

#endif
