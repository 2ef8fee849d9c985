/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: eight bytes of RAM, then a size's text.
 *
 * Checked: a refusal has a reason and a place inside the text; what is accepted comes to the same
 * in parentheses, and when nothing is added to it.
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pages.h"
#include "size_expr.h"

#define TEXT_MAX 512u

static int eval(const char *text, uint64_t ram, uint64_t *out)
{
	struct rzs_size_fault fault;
	int err = rzs_size_eval(text, ram, out, &fault);

	if (err == 0 ? fault.what || fault.at : !fault.what || *out != 0)
		abort();
	if (err != 0 && err != -EINVAL && err != -ERANGE)
		abort();
	if (fault.at && (fault.at < text || fault.at > text + strlen(text)))
		abort();
	return err;
}

/* The same text inside others comes to the same, unless it is more than an expression can be. */
static void embed(const char *fmt, const char *text, uint64_t ram, uint64_t want)
{
	char more[TEXT_MAX + 16];
	uint64_t got;

	snprintf(more, sizeof(more), fmt, text);
	if (eval(more, ram, &got) == 0 && got != want)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX];
	uint64_t ram, n;

	if (size < sizeof(ram))
		return 0;
	memcpy(&ram, data, sizeof(ram));
	data += sizeof(ram);
	size -= sizeof(ram);
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)rzs_size_is_exact(text);
	(void)rzs_size_is_bare(text);
	if (eval(text, ram >> 2, &n))
		return 0;
	embed("(%s)", text, ram >> 2, n);
	embed("\t( (%s ) )", text, ram >> 2, n);
	embed("%s + 0K", text, ram >> 2, n);
	embed("0K + %s", text, ram >> 2, n);
	return 0;
}

/* Words in an order that is mostly right, and now and then a byte changed. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	static const char *const operands[] = {
		"ram", "1",    "4096", "64M", "25%",
		"2.5", "1TiB", "0",    "33%", "18446744073709551615"};
	static const char *const operators[] = {" + ", " - ", "*", "/", ",", " * "};
	static const char *const openings[] = {"", "", "(", "min(", "max( "};
	struct pages_rng rng = {seed};
	uint64_t ram = pages_next(&rng) >> pages_below(&rng, 64);
	char text[TEXT_MAX] = "";
	unsigned open = 0, words = 1 + (unsigned)pages_below(&rng, 12);
	size_t len;

	for (unsigned i = 0; i < words; i++) {
		const char *opening = openings[pages_below(&rng, 5)];

		open += *opening != '\0';
		strcat(text, opening);
		strcat(text, operands[pages_below(&rng, 10)]);
		for (; open && pages_below(&rng, 3) == 0; open--)
			strcat(text, ")");
		if (i + 1 < words)
			strcat(text, operators[pages_below(&rng, open ? 6 : 4)]);
	}
	for (; open; open--)
		strcat(text, ")");
	len = strlen(text);
	if (seed % 4 == 0)
		text[pages_below(&rng, len)] = (char)pages_next(&rng);
	if (size < sizeof(ram) + len)
		return 0;
	memcpy(buf, &ram, sizeof(ram));
	memcpy(buf + sizeof(ram), text, len);
	return sizeof(ram) + len;
}
