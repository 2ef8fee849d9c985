/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing values that people give, as key=value.  An error message is one line that names the key
 * and the value, and says what to give instead.
 *
 * Threading: any thread; no state.
 */
#ifndef RZS_VALUE_H
#define RZS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_WHY_MAX	   256u /* bytes of an error message, with the 0 */
#define RZS_VALUE_SIZE_MAX 128u /* bytes of the text of a value, with the 0 */

/* Put a line of text into why, as it is; one that is too long is cut.  Returns err. */
int rzs_value_fail(char why[RZS_WHY_MAX], int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Write "key=value: text" to why; without value "key: text", without key the text alone.  A long
 * value is cut, and control characters are replaced.  Returns -EINVAL.
 */
int rzs_value_bad(char why[RZS_WHY_MAX], const char *key, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The following return 0, or -EINVAL with why set; then *out has not changed. */

/* true yes on y t 1, or false no off n f 0; in upper or lower case. */
int rzs_value_bool(const char *key, const char *value, bool *out, char why[RZS_WHY_MAX]);

/* A whole number from least to most, also in hexadecimal (0x) or octal (0). */
int rzs_value_number(const char *key, const char *value, int least, int most, int *out,
		     char why[RZS_WHY_MAX]);

/* A size or an expression (size_expr.h), of less than RZS_VALUE_SIZE_MAX bytes.  *out: bytes. */
int rzs_value_size(const char *key, const char *value, uint64_t *out, char why[RZS_WHY_MAX]);

/*
 * The name that was probably meant by word: the one that differs least from it, if it differs
 * little; otherwise NULL.  names: at most 32 bytes each, up to a NULL.
 */
const char *rzs_value_nearest(const char *word, const char *const *names);

#endif
