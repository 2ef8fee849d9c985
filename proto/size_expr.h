/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes as expressions, for what is written once for machines of many sizes: "min(ram / 2, 4096)".
 * Allocates nothing, recurses to a bounded depth; any thread.
 */
#ifndef RZS_SIZE_EXPR_H
#define RZS_SIZE_EXPR_H

#include <stdbool.h>
#include <stdint.h>

struct rzs_size_fault {
	const char *what; /* is wrong: a constant string, NULL on success */
	const char *at;	  /* where in the text; NULL: all of it */
};

/*
 * What rzs_size_parse() takes, or an expression: numbers, also with digits after a point, and the
 * same suffixes; ram; + - * / and parentheses; min(A, B, ...) and max(A, B, ...); white space.
 *
 * ram: what `ram` and percentages stand for, in bytes; 0: not known, they are refused then.
 * A bare number is one of bytes; where `ram`, a percentage or a function is in the text, one of
 * MiB, unless something is multiplied or divided by it.  N% is a share of ram, and after * that
 * share of what stands before.  A difference may be less than zero on the way, and the result is
 * rounded down to a whole number of bytes.
 *
 * 0; -EINVAL: not understood; -ERANGE: divided by zero, less than zero, or beyond 2^63 in an
 * expression, 2^64 in a plain size.  *out is 0 then.
 */
int rzs_size_eval(const char *text, uint64_t ram, uint64_t *out, struct rzs_size_fault *fault);

/* Whether text is a plain number of bytes: digits only. */
bool rzs_size_is_bare(const char *text);

/* Whether it is a size of so many bytes whatever the machine, and exact: without ram, %, point. */
bool rzs_size_is_exact(const char *text);

#endif
