/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzs-swapon's rules for priorities: tables of areas, what is asked for, and where it goes. */
#include "t.h"

#include "rzso_policy.h"
#include "rzst_swapon.h"

/*
 * "100 100 150x 100-": areas a, b, c, d with these priorities of the kernel's; x: exclusive, -:
 * off.
 */
static void make_areas(const char *text, struct rzst_areas *out)
{
	memset(out, 0, sizeof(*out));
	while (*text) {
		struct rzst_area *area = &out->v[out->nr];
		char *end;

		area->priority = (int)strtol(text, &end, 10);
		area->name[0] = (char)('a' + out->nr++);
		area->on = *end != '-';
		area->exclusive = *end == 'x';
		text = end + strcspn(end, " ");
		text += strspn(text, " ");
	}
}

#define N(n)                                     \
	{                                        \
		.by_number = true, .number = (n) \
	}
#define NX(n)                                                       \
	{                                                           \
		.by_number = true, .number = (n), .exclusive = true \
	}
#define K(k)                    \
	{                       \
		.priority = (k) \
	}
#define KX(k)                                      \
	{                                          \
		.priority = (k), .exclusive = true \
	}

#define EACH_ONE   "200 175 150 125 100 75 50 25"
#define FOUR_OF(p) p " " p " " p " " p
#define FIRST_SEVEN    \
	FOUR_OF("200") \
	" " FOUR_OF("175") " " FOUR_OF("150") " 125x " FOUR_OF("100") " " FOUR_OF("75") " 50x"

static const struct {
	const char *areas;
	struct rzso_want want;
	int number, priority;
	enum rzso_rule broken;
	const char *in_way; /* names */
} places[] = {
	/* The two scales. */
	{"", N(0), 0, 200, RZSO_RULE_KEPT, ""},
	{"", N(4), 4, 100, RZSO_RULE_KEPT, ""},
	{"", N(7), 7, 25, RZSO_RULE_KEPT, ""},
	{"", NX(7), 7, 25, RZSO_RULE_KEPT, ""},
	{"", K(100), 4, 100, RZSO_RULE_KEPT, ""},
	{"", K(99), RZSO_NUMBER_NONE, 99, RZSO_RULE_KEPT, ""},
	{"", K(0), RZSO_NUMBER_NONE, 0, RZSO_RULE_KEPT, ""},
	{"", K(225), RZSO_NUMBER_NONE, 225, RZSO_RULE_KEPT, ""},
	{"", K(32767), RZSO_NUMBER_NONE, 32767, RZSO_RULE_KEPT, ""},
	/* No such number. */
	{"", N(8), RZSO_NUMBER_NONE, RZST_PRIORITY_NONE, RZSO_RULE_NUMBER, ""},
	{"", N(-2), RZSO_NUMBER_NONE, RZST_PRIORITY_NONE, RZSO_RULE_NUMBER, ""},
	{"", NX(100), RZSO_NUMBER_NONE, RZST_PRIORITY_NONE, RZSO_RULE_NUMBER, ""},
	/* 0 is interleaved. */
	{"", NX(0), 0, 200, RZSO_RULE_FIRST, ""},
	{"200", NX(0), 0, 200, RZSO_RULE_FIRST, ""},
	{"", KX(200), 0, 200, RZSO_RULE_FIRST, ""},
	{"", KX(201), RZSO_NUMBER_NONE, 201, RZSO_RULE_KEPT, ""},
	/* At most four. */
	{"100 100 100", N(4), 4, 100, RZSO_RULE_KEPT, ""},
	{FOUR_OF("100"), N(4), 4, 100, RZSO_RULE_FOUR, "abcd"},
	{"75 100 100 50 100 100", N(4), 4, 100, RZSO_RULE_FOUR, "bcef"},
	{FOUR_OF("100") " 100", N(4), 4, 100, RZSO_RULE_FOUR, "abcde"},
	{FOUR_OF("99"), K(99), RZSO_NUMBER_NONE, 99, RZSO_RULE_FOUR, "abcd"},
	{"100 100- 100 100", N(4), 4, 100, RZSO_RULE_KEPT, ""},
	{FOUR_OF("200"), N(0), 0, 200, RZSO_RULE_FOUR, "abcd"},
	/* Exclusive ones, and those that want to be. */
	{"100x", N(4), 4, 100, RZSO_RULE_EXCLUSIVE, "a"},
	{"75 100x", NX(4), 4, 100, RZSO_RULE_EXCLUSIVE, "b"},
	{"100x", K(100), 4, 100, RZSO_RULE_EXCLUSIVE, "a"},
	{"100", NX(4), 4, 100, RZSO_RULE_ALONE, "a"},
	{"100 75 100", NX(4), 4, 100, RZSO_RULE_ALONE, "ac"},
	{FOUR_OF("100"), NX(4), 4, 100, RZSO_RULE_ALONE, "abcd"},
	{"101x 99x", NX(4), 4, 100, RZSO_RULE_KEPT, ""},
	/* The first that can take it. */
	{"", N(-1), 0, 200, RZSO_RULE_KEPT, ""},
	{EACH_ONE, N(-1), 0, 200, RZSO_RULE_KEPT, ""},
	{FOUR_OF("200"), N(-1), 1, 175, RZSO_RULE_KEPT, ""},
	{FOUR_OF("200") " 175x", N(-1), 2, 150, RZSO_RULE_KEPT, ""},
	{FIRST_SEVEN, N(-1), 7, 25, RZSO_RULE_KEPT, ""},
	{"", NX(-1), 1, 175, RZSO_RULE_KEPT, ""},
	{"175 150x", NX(-1), 3, 125, RZSO_RULE_KEPT, ""},
	{EACH_ONE, NX(-1), 7, 25, RZSO_RULE_FULL, "h"},
	{FIRST_SEVEN " 25x", N(-1), 7, 25, RZSO_RULE_FULL, "A"},
	/* The kernel chooses: after all others, and nobody is there. */
	{"-2 -3", K(RZST_PRIORITY_NONE), RZSO_NUMBER_NONE, RZST_PRIORITY_NONE, RZSO_RULE_KEPT, ""},
};

T_TEST(an_area_goes_where_the_rules_say)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct rzst_areas areas;
		struct rzso_place place;
		char in_way[RZST_AREAS_MAX + 1] = "", why[1024];

		t_note("row %zu: \"%s\"", i, places[i].areas);
		make_areas(places[i].areas, &areas);
		memset(&place, 0x55, sizeof(place));
		rzso_place_choose(&areas, &places[i].want, &place);
		T_EQ(place.number, places[i].number);
		T_EQ(place.priority, places[i].priority);
		T_EQ(place.broken, places[i].broken);
		for (unsigned k = 0; k < place.nr_in_way; k++)
			in_way[k] = place.in_way[k]->name[0];
		if (places[i].in_way[0] != 'A') /* the name of a 22nd area */
			T_STR_EQ(in_way, places[i].in_way);
		/* A rule that is broken is named, with each area in the way; others are not. */
		rzso_place_why(&place, &places[i].want, why, sizeof(why));
		T_EQ(why[0] == '\0', place.broken == RZSO_RULE_KEPT);
		for (unsigned k = 0; place.broken != RZSO_RULE_FULL && k < place.nr_in_way; k++)
			T_OK(strchr(why, place.in_way[k]->name[0]));
		if (place.broken > RZSO_RULE_NUMBER)
			T_OK(strstr(why, "--force"));
	}
}

T_TEST(a_rule_that_is_broken_has_a_sentence)
{
	static const struct {
		const char *areas;
		struct rzso_want want;
		const char *says;
	} rows[] = {
		{"", N(8), "-p 8: expected 0 (used first) to 7, or -1"},
		{"", NX(0), "priority 0 (the kernel's 200) is always interleaved"},
		{"100 100 100 100", N(4),
		 "priority 4 (the kernel's 100) has 4 areas, and at most four are interleaved: "
		 "a, b, c, d;"},
		{"25x", N(7), "priority 7 (the kernel's 25) is exclusive to a:"},
		{"60 60", KX(60),
		 "between priority 5 and 6 (the kernel's 60) cannot be exclusive, others have "
		 "it: a, b;"},
		{EACH_ONE, NX(-1), "no priority from 1 to 7 can take an exclusive area"},
		{FIRST_SEVEN " 25x", N(-1), "no priority from 0 to 7 can take another area"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzst_areas areas;
		struct rzso_place place;
		char why[1024];

		make_areas(rows[i].areas, &areas);
		rzso_place_choose(&areas, &rows[i].want, &place);
		rzso_place_why(&place, &rows[i].want, why, sizeof(why));
		if (!strstr(why, rows[i].says))
			T_FAIL("row %zu: \"%s\" does not say \"%s\"", i, why, rows[i].says);
		/* It is cut where there is not enough room. */
		T_EQ(strlen(rzso_place_why(&place, &rows[i].want, why, 20)), 19);
	}
}

T_TEST(both_numbers_are_said)
{
	static const struct {
		int priority;
		const char *text;
	} rows[] = {
		{200, "priority 0 (the kernel's 200)"},
		{25, "priority 7 (the kernel's 25)"},
		{201, "before priority 0 (the kernel's 201)"},
		{32767, "before priority 0 (the kernel's 32767)"},
		{199, "between priority 0 and 1 (the kernel's 199)"},
		{26, "between priority 6 and 7 (the kernel's 26)"},
		{24, "after priority 7 (the kernel's 24)"},
		{0, "after priority 7 (the kernel's 0)"},
		{-2, "after priority 7 (the kernel's -2)"},
	};
	char text[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		T_STR_EQ(rzso_number_text(rows[i].priority, text, sizeof(text)), rows[i].text);
	for (int number = 0; number <= RZSO_NUMBER_MOST; number++)
		T_EQ(rzso_number_of(200 - 25 * number), number);
	T_EQ(rzso_number_of(190), RZSO_NUMBER_NONE);
	T_EQ(rzso_number_of(0), RZSO_NUMBER_NONE);
	T_EQ(rzso_number_of(-2), RZSO_NUMBER_NONE);
	T_EQ(rzso_number_of(225), RZSO_NUMBER_NONE);
}

T_TEST(interleave_counts_in_the_kernels_order)
{
	static const int want[] = {-1, 0, 0, 1, -1, 2, 1};
	struct rzst_areas areas;

	make_areas("100- 100 75 100 50x 100 75", &areas);
	for (unsigned i = 0; i < areas.nr; i++)
		T_EQ(rzso_interleave_of(&areas, &areas.v[i]), want[i]);
}
