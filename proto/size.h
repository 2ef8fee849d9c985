/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them, for servers and tools.  Allocates nothing; any thread. */
#ifndef RZS_SIZE_H
#define RZS_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Parse "4096", "512M", "512MiB", "512MB" or "25%": a whole number and an optional suffix.
 * Suffixes are B; K M G T P E in either case, powers of 1024, which iB or B may follow; and %, a
 * share of whole, which is 0 if shares are not allowed.  0, -EINVAL (not a size) or -ERANGE (too
 * large); *out_why: what is wrong, a constant string, or NULL.
 */
int rzs_size_parse(const char *text, uint64_t whole, uint64_t *out, const char **out_why);

/* Decimal digits at *text, which is moved past them.  0, -EINVAL: none, -ERANGE: over 64 bits. */
int rzs_size_digits(const char **text, uint64_t *out);

/* Whether text is a whole number of at most max and nothing else.  *out: the number, or 0. */
bool rzs_size_number(const char *text, uint64_t max, uint64_t *out);

/* The power of two that the suffix at *text stands for, 0: none; *text is moved past it. */
unsigned rzs_size_suffix(const char **text);

#endif
