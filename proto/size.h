/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes as people write them, for servers and tools.  Allocates nothing; any thread.
 */
#ifndef RZS_SIZE_H
#define RZS_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * "4096", "512M", "512MiB", "512MB", "25%": a whole number, then nothing or B, or K M G T P E
 * (powers of 1024, either case) with iB or B after it if one likes, or a per cent sign: a share of
 * whole, which is 0 where shares make no sense.  0, -EINVAL (not a size) or -ERANGE (does not fit);
 * *out_why says what is wrong (constant string, NULL on success).
 */
int rzs_size_parse(const char *text, uint64_t whole, uint64_t *out, const char **out_why);

/* Decimal digits at *text, which is moved past them.  0, -EINVAL: none, -ERANGE: over 64 bits. */
int rzs_size_digits(const char **text, uint64_t *out);

/* Whether text is a whole number of at most max and nothing else.  *out: the number, or 0. */
bool rzs_size_number(const char *text, uint64_t max, uint64_t *out);

/* The power of two that the suffix at *text stands for, 0: none; *text is moved past it. */
unsigned rzs_size_suffix(const char **text);

#endif
