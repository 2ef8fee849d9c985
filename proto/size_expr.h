/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes as expressions, for settings that suit machines of many sizes: "min(ram / 2, 4096)".
 * Allocates nothing; recurses to a bounded depth; any thread.
 */
#ifndef RZS_SIZE_EXPR_H
#define RZS_SIZE_EXPR_H

#include <stdbool.h>
#include <stdint.h>

struct rzs_size_fault {
	const char *what; /* what is wrong: a constant string; NULL on success */
	const char *at;	  /* where in the text; NULL: the whole text */
};

/*
 * Evaluate what rzs_size_parse() takes, or an expression: numbers, also with digits after a point,
 * and the same suffixes; ram; + - * / and parentheses; min(A, B, ...) and max(A, B, ...); white
 * space.
 *
 * ram: bytes that `ram` and percentages refer to; 0: not known, and they are refused.  A bare
 * number is bytes.  If the text contains `ram`, a percentage or a function, it is MiB instead,
 * unless it is a factor or divisor.  N% is a share of ram; after * it is that share of the left
 * operand.  Intermediate results may be negative.  The result is rounded down to whole bytes.
 *
 * 0; -EINVAL: not an expression; -ERANGE: division by zero, a negative result, or 2^63 bytes (2^64
 * without operators) or more.  *out is 0 on error.
 */
int rzs_size_eval(const char *text, uint64_t ram, uint64_t *out, struct rzs_size_fault *fault);

/* Whether text consists of digits. */
bool rzs_size_is_bare(const char *text);

/* Whether text is an exact number of bytes on every machine: without ram, %, a point or /. */
bool rzs_size_is_exact(const char *text);

#endif
