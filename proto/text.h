/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters of text that comes from others: for servers and tools.
 *
 * Each function reads bytes up to the 0 that ends the text, and no further.  They keep no state and
 * may run in any thread.
 */
#ifndef RZS_TEXT_H
#define RZS_TEXT_H

#include <stdint.h>

/* The value of a hexadecimal digit; -1: c is not one. */
static inline int rzs_text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The length of the UTF-8 character at text, 1 to 4 bytes; 0: it is not UTF-8. */
static inline unsigned rzs_text_utf8_bytes(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned nr = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t code = s[0] & (0x7fu >> nr);

	if (nr == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < nr; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((nr == 3 && code < 0x800) || (nr == 4 && code < 0x10000))
		return 0;
	return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : nr;
}

/* The length of the control character at text, 0: it is none.  Terminals obey U+0080 to U+009F. */
static inline unsigned rzs_text_control_bytes(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
		return 2;
	return s[0] < 0x20 || s[0] == 0x7f;
}

/* Replace each byte of a control character by `?`. */
static inline void rzs_text_tame(char *text)
{
	while (*text) {
		unsigned nr = rzs_text_control_bytes(text);

		if (nr == 0)
			text++;
		while (nr--)
			*text++ = '?';
	}
}

#endif
