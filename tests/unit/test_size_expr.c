/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as expressions: what they come to, what is refused, and at which place. */
#include "t.h"

#include "size.h"
#include "size_expr.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define RAM (8 * GIB)

static uint64_t eval(const char *text, uint64_t ram)
{
	struct rzs_size_fault fault = {"unset", "unset"};
	uint64_t n = 1;

	if (rzs_size_eval(text, ram, &n, &fault))
		T_FAIL("\"%s\": %s at \"%s\"", text, fault.what, fault.at ? fault.at : "-");
	T_EQ(fault.what, NULL);
	T_EQ(fault.at, NULL);
	return n;
}

/* Refused with err, for what has part in it, at the place where the text reads at (NULL: none). */
static void refuse(const char *text, uint64_t ram, int err, const char *part, const char *at)
{
	struct rzs_size_fault fault = {NULL, NULL};
	uint64_t n = 1;

	if (rzs_size_eval(text, ram, &n, &fault) != err)
		T_FAIL("\"%s\" is not refused with %d", text, err);
	T_EQ(n, 0);
	T_NE(fault.what, NULL);
	if (!strstr(fault.what, part))
		T_FAIL("\"%s\": \"%s\" does not say \"%s\"", text, fault.what, part);
	if (fault.at && (fault.at < text || fault.at > text + strlen(text)))
		T_FAIL("\"%s\": the place is outside", text);
	T_STR_EQ(fault.at, at);
}

/* All that the plain parser knows comes to the same here. */
T_TEST(plain_sizes_are_what_they_were)
{
	static const char *const plain[] = {
		"0", "4096", "4096B", "1k", "512MiB", "3GB", "15E", "25%", "18446744073709551615"};

	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const char *why;
		uint64_t n;

		T_EQ(rzs_size_parse(plain[i], RAM, &n, &why), 0);
		T_EQ(eval(plain[i], RAM), n);
	}
	T_EQ(eval("512M", 0), 512 * MIB);
}

/* As zram-generator's users write them, with the same result. */
T_TEST(bare_numbers_are_mib_beside_ram)
{
	T_EQ(eval("min(ram / 2, 4096)", RAM), 4 * GIB);
	T_EQ(eval("min(ram / 2, 4096)", GIB), 512 * MIB);
	T_EQ(eval("min(ram, 8192)", 16 * GIB), 8 * GIB);
	T_EQ(eval("min(ram / 10, 2048)", 10 * GIB), GIB);
	T_EQ(eval("ram * 0.5", RAM), 4 * GIB);
	T_EQ(eval("ram", RAM), RAM);
	T_EQ(eval("ram + 512", RAM), RAM + 512 * MIB);
	T_EQ(eval("ram * 2", RAM), 2 * RAM);
	T_EQ(eval("max(1024, 2048)", 0), 2 * GIB);
	T_EQ(eval("min(25%, 512)", RAM), 512 * MIB);
	T_EQ(eval("25% + 512", RAM), 2 * GIB + 512 * MIB);
	/* And bytes where it does not come into it. */
	T_EQ(eval("4096 * 10", 0), 40960);
	T_EQ(eval("(4096)", 0), 4096);
	T_EQ(eval("1M + 4096", 0), MIB + 4096);
	T_EQ(eval(" 4096 ", RAM), 4096);
}

T_TEST(arithmetic)
{
	T_EQ(eval("1G - 256M * 2", 0), 512 * MIB);
	T_EQ(eval("(1G - 256M) * 2", 0), 1536 * MIB);
	T_EQ(eval("1G / 2 / 2", 0), 256 * MIB);
	T_EQ(eval("1G - 1M - 1M", 0), 1022 * MIB);
	T_EQ(eval("2 * 3 * 1K", 0), 6 * KIB);
	T_EQ(eval("1.5G", 0), 1536 * MIB);
	T_EQ(eval("0.25 * 1M", 0), 256 * KIB);
	T_EQ(eval("ram / 4G * 1M", RAM), 2 * MIB);
	T_EQ(eval("max(ram - 16G, 64M)", RAM), 64 * MIB);
	T_EQ(eval("ram - 16G + 10G", RAM), 2 * GIB);
	T_EQ(eval("max(1,2,3,4, 5,4,3)", 0), 5 * MIB);
	T_EQ(eval("min( ( ram ) )", RAM), RAM);
	T_EQ(eval("min(max(ram/4,1G),max(64M,2G))", RAM), 2 * GIB);
	T_EQ(eval("((((((((((((((((1K))))))))))))))))", 0), KIB);
	/* Fractions are exact until the end, which rounds down. */
	T_EQ(eval("ram / 3 * 3", RAM), RAM);
	T_EQ(eval("100M * 29%", 0), 29 * MIB);
	T_EQ(eval("100M * 0.29", 0), 29 * MIB);
	T_EQ(eval("ram / 3", RAM), RAM / 3);
	T_EQ(eval("10 / 4", 0), 2);
	T_EQ(eval("ram * 0.333333", 1ull << 40),
	     (1ull << 40) / 1000000 * 333333 + (1ull << 40) % 1000000 * 333333 / 1000000);
}

T_TEST(percentages)
{
	T_EQ(eval("max(64M, ram*25%)", RAM), 2 * GIB);
	T_EQ(eval("25% * ram", RAM), 2 * GIB);
	T_EQ(eval("max(64M, 25%)", RAM), 2 * GIB);
	T_EQ(eval("25% + 10%", 1000), 350);
	T_EQ(eval("50% * 50%", RAM), 2 * GIB);
	T_EQ(eval("50% / 2", RAM), 2 * GIB);
	T_EQ(eval("12.5%", RAM), GIB);
	T_EQ(eval("4096 * 25%", RAM), GIB);
	T_EQ(eval("33%", 10), 3);
	T_EQ(eval("4G * 25%", 0), GIB);
}

T_TEST(nonsense_is_refused_at_its_place)
{
	refuse("lots", RAM, -EINVAL, "not a size", NULL);
	refuse("", RAM, -EINVAL, "not a size", NULL);
	refuse("-4096", RAM, -EINVAL, "not a size", NULL);
	refuse("  ", RAM, -EINVAL, "expected a number", "");
	refuse("min(ram / 2, 40x6)", RAM, -EINVAL, "comma or )", "x6)");
	refuse("(ram / 2, 1)", RAM, -EINVAL, "operator or )", ", 1)");
	refuse("min(ram / 2, ", RAM, -EINVAL, "expected a number", "");
	refuse("min(ram / 2", RAM, -EINVAL, "comma or )", "");
	refuse("min ram", RAM, -EINVAL, "expected (", "ram");
	refuse("min()", RAM, -EINVAL, "expected a number", ")");
	refuse("ram ram", RAM, -EINVAL, "operator", "ram");
	refuse("ram)", RAM, -EINVAL, "operator", ")");
	refuse("ram +", RAM, -EINVAL, "expected a number", "");
	refuse("ram * / 2", RAM, -EINVAL, "expected a number", "/ 2");
	refuse("RAM / 2", RAM, -EINVAL, "expected a number", "RAM / 2");
	refuse("log(ram)", RAM, -EINVAL, "expected a number", "log(ram)");
	refuse("ram / -2", RAM, -EINVAL, "expected a number", "-2");
	refuse("1 M", RAM, -EINVAL, "operator", "M");
	refuse("1,000", RAM, -EINVAL, "operator", ",000");
	refuse("1.G", RAM, -EINVAL, "digits", "G");
	refuse("1.2.3", RAM, -EINVAL, "operator", ".3");
	refuse(".5G", RAM, -EINVAL, "expected a number", ".5G");
	refuse("0.1234567", RAM, -EINVAL, "6 digits", "1234567");
	refuse("ram * 4G", RAM, -EINVAL, "is not a size", "* 4G");
	refuse("4 / ram", RAM, -EINVAL, "divided by", "/ ram");
	refuse("ram / 50%", RAM, -EINVAL, "divided by", "/ 50%");
	refuse("1M\n+ 1M", RAM, -EINVAL, "operator", "\n+ 1M");
	refuse("(((((((((((((((((1K)))))))))))))))))", RAM, -EINVAL, "parentheses",
	       "1K)))))))))))))))))");
	refuse("ram / 2", 0, -EINVAL, "how much RAM", "ram / 2");
	refuse("1G + 10%", 0, -EINVAL, "how much RAM", "+ 10%");
}

T_TEST(results_out_of_range_are_refused)
{
	refuse("ram / 0", RAM, -ERANGE, "zero", "/ 0");
	refuse("ram / (1 - 1)", RAM, -ERANGE, "zero", "/ (1 - 1)");
	refuse("1M / 0.0", RAM, -ERANGE, "zero", "/ 0.0");
	refuse("ram - 9G", RAM, -ERANGE, "less than zero", NULL);
	refuse("min(ram - 9G, 1G)", RAM, -ERANGE, "less than zero", NULL);
	refuse("99999999999999999999 * 1", RAM, -ERANGE, "too large", "99999999999999999999 * 1");
	refuse("1 + 8E", RAM, -ERANGE, "too large", "8E");
	refuse("7E + 2 * 1E", RAM, -ERANGE, "too large", "+ 2 * 1E");
	refuse("ram * 4294967296", RAM, -ERANGE, "too large", "* 4294967296");
	refuse("ram * 0.999999 * 0.999997 * 0.999995 * 0.999991", RAM, -ERANGE, "too fine",
	       "* 0.999995 * 0.999991");
	refuse("min(8796093022208, 9999999999999)", RAM, -ERANGE, "too large",
	       "min(8796093022208, 9999999999999)");
	refuse("18446744073709551616", RAM, -ERANGE, "too large", NULL);
}

T_TEST(which_sizes_are_exact)
{
	T_OK(rzs_size_is_exact("1000"));
	T_OK(rzs_size_is_exact("64MiB"));
	T_OK(rzs_size_is_exact("(1G + 10) * 2"));
	T_OK(!rzs_size_is_exact("25%"));
	T_OK(!rzs_size_is_exact("ram"));
	T_OK(!rzs_size_is_exact("min(1G, 10)"));
	T_OK(!rzs_size_is_exact("1G / 3"));
	T_OK(!rzs_size_is_exact("1.3G"));
	T_OK(rzs_size_is_bare("4096"));
	T_OK(!rzs_size_is_bare("4096B"));
	T_OK(!rzs_size_is_bare("4 + 4"));
	T_OK(!rzs_size_is_bare(""));
}
