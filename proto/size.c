/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them; see size.h. */
#include "size.h"

#include <errno.h>
#include <string.h>

int rzs_size_digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t n = 0;

	*out = 0;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*text = p;
	*out = n;
	return 0;
}

bool rzs_size_number(const char *text, uint64_t max, uint64_t *out)
{
	if (rzs_size_digits(&text, out) == 0 && *text == '\0' && *out <= max)
		return true;
	*out = 0;
	return false;
}

unsigned rzs_size_suffix(const char **text)
{
	static const char letters[] = "KMGTPE";
	const char *p = *text, *at = NULL;
	unsigned shift = 0;

	if (*p)
		at = strchr(letters, *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	if (at) {
		shift = 10 * (unsigned)(at - letters + 1);
		p++;
		if (p[0] == 'i' && p[1] == 'B')
			p++;
	}
	if (*p == 'B')
		p++;
	*text = p;
	return shift;
}

/* n per cent of whole, without intermediate overflow; false: the result is too large. */
static bool size_share(uint64_t n, uint64_t whole, uint64_t *out)
{
	uint64_t high, low;

	if (__builtin_mul_overflow(whole / 100, n, &high) ||
	    __builtin_mul_overflow(whole % 100, n, &low))
		return false;
	return !__builtin_add_overflow(high, low / 100, out);
}

int rzs_size_parse(const char *text, uint64_t whole, uint64_t *out, const char **out_why)
{
	unsigned shift;
	uint64_t n;
	int err;

	*out = 0;
	*out_why = "not a size: expected a whole number, then nothing, K, M, G, T or %";
	err = rzs_size_digits(&text, &n);
	if (err == -ERANGE)
		goto too_large;
	if (err)
		return err;
	if (strcmp(text, "%") == 0) {
		if (whole == 0) {
			*out_why = "a percentage cannot be used here";
			return -EINVAL;
		}
		if (!size_share(n, whole, &n))
			goto too_large;
	} else {
		shift = rzs_size_suffix(&text);
		if (*text)
			return -EINVAL;
		if (n > UINT64_MAX >> shift)
			goto too_large;
		n <<= shift;
	}
	*out = n;
	*out_why = NULL;
	return 0;

too_large:
	*out = 0;
	*out_why = "too large";
	return -ERANGE;
}
