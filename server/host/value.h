/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as people give them, key=value, and the complaint when one is no good: one line that names
 * key and value and says what to give instead.  Threading: none; nothing here is shared.
 */
#ifndef RZS_VALUE_H
#define RZS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_WHY_MAX	   256u /* bytes of a complaint, with its 0 */
#define RZS_VALUE_SIZE_MAX 128u /* bytes of a size's text, with its 0 */

/* Put a line of text into why, as it is; one that is too long is cut.  Returns err. */
int rzs_value_fail(char why[RZS_WHY_MAX], int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * "key=value: text" into why, where a long value is cut short and control characters are replaced;
 * without value "key: text", without key the text alone.  Returns -EINVAL.
 */
int rzs_value_bad(char why[RZS_WHY_MAX], const char *key, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* All of these give 0, or -EINVAL with why set and *out unchanged. */

/* true yes on y t 1, false no off n f 0, in either case. */
int rzs_value_bool(const char *key, const char *value, bool *out, char why[RZS_WHY_MAX]);

/* A whole number, also in hexadecimal (0x) or octal (0), from least to most. */
int rzs_value_number(const char *key, const char *value, int least, int most, int *out,
		     char why[RZS_WHY_MAX]);

/* A size or an expression (size_expr.h) in bytes, less than RZS_VALUE_SIZE_MAX bytes of text. */
int rzs_value_size(const char *key, const char *value, uint64_t *out, char why[RZS_WHY_MAX]);

/*
 * Of the names (at most 32 bytes each) up to a NULL the one that differs least from word, if it
 * does so little that it may have been meant; otherwise NULL.
 */
const char *rzs_value_nearest(const char *word, const char *const *names);

#endif
