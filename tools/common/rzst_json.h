/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON, all on one line.  key is NULL inside an array.  Whatever the texts are, the outcome
 * is valid: what is not UTF-8 becomes U+FFFD.
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
	bool more;	 /* something stands before the next one */
	unsigned digits; /* of a fraction; 9 from the beginning */
};

void rzst_json_begin(struct rzst_json *j, FILE *f); /* an object */
void rzst_json_end(struct rzst_json *j);	    /* and a new line */

void rzst_json_object(struct rzst_json *j, const char *key);
void rzst_json_object_end(struct rzst_json *j);
void rzst_json_array(struct rzst_json *j, const char *key);
void rzst_json_array_end(struct rzst_json *j);

void rzst_json_text(struct rzst_json *j, const char *key, const char *text); /* NULL: null */
void rzst_json_number(struct rzst_json *j, const char *key, uint64_t value);
void rzst_json_integer(struct rzst_json *j, const char *key, int64_t value);
void rzst_json_fraction(struct rzst_json *j, const char *key, double value); /* nan: null */
void rzst_json_bool(struct rzst_json *j, const char *key, bool value);
void rzst_json_null(struct rzst_json *j, const char *key);

#endif
