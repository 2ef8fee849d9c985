/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values about spilling: what is taken and refused, and that they are shown as they are taken. */
#include "t.h"

#include "spill_keys.h"

typedef int set_fn(struct rzs_spill_knobs *k, const char *key, const char *value, char *why);
typedef void show_fn(const struct rzs_spill_knobs *k, char *text);

static const struct {
	set_fn *set;
	show_fn *show;
	const char *value;
	const char *shown; /* NULL: refused */
	const char *part;  /* of the sentence */
} rows[] = {
	{rzs_spill_set_path, rzs_spill_show_path, "/dev/vg/spill", "/dev/vg/spill", ""},
	{rzs_spill_set_path, rzs_spill_show_path, "off", "off", ""},
	{rzs_spill_set_path, rzs_spill_show_path, "vg/spill", NULL, "full path"},
	{rzs_spill_set_path, rzs_spill_show_path, "", NULL, "full path"},
	{rzs_spill_set_rate, rzs_spill_show_rate, "20M", "20971520", ""},
	{rzs_spill_set_rate, rzs_spill_show_rate, "0", "0", ""},
	{rzs_spill_set_rate, rzs_spill_show_rate, "32768", "32768", ""},
	{rzs_spill_set_rate, rzs_spill_show_rate, "32767", NULL, "32768 bytes"},
	{rzs_spill_set_rate, rzs_spill_show_rate, "fast", NULL, "k=fast"},
	{rzs_spill_set_daily, rzs_spill_show_daily, "40G", "42949672960", ""},
	{rzs_spill_set_daily, rzs_spill_show_daily, "100", NULL, "for MiB"},
	{rzs_spill_set_after, rzs_spill_show_after, "3600", "3600", ""},
	{rzs_spill_set_after, rzs_spill_show_after, "2592000", "2592000", ""},
	{rzs_spill_set_after, rzs_spill_show_after, "2592001", NULL, "2592000"},
	{rzs_spill_set_after, rzs_spill_show_after, "-1", NULL, "k=-1"},
};

T_TEST(each_value_by_table)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rzs_spill_knobs k = {"/old", 99, 98, 97}, before = k;
		char text[RZS_VALUE_SIZE_MAX], why[RZS_WHY_MAX] = "";
		int err = rows[i].set(&k, "k", rows[i].value, why);

		if (err != (rows[i].shown ? 0 : -EINVAL) || !strstr(why, rows[i].part))
			T_FAIL("row %u: %d, \"%s\"", i, err, why);
		if (!rows[i].shown) {
			T_MEM_EQ(&k, &before, sizeof(k));
			continue;
		}
		rows[i].show(&k, text);
		T_STR_EQ(text, rows[i].shown);
		T_EQ(rows[i].set(&before, "k", text, why), 0);
		T_MEM_EQ(&k, &before, sizeof(k));
	}
}

T_TEST(a_path_has_room_or_is_refused)
{
	char path[RZS_VALUE_SIZE_MAX + 1], why[RZS_WHY_MAX];
	struct rzs_spill_knobs k = {.path = "/old"};

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	T_EQ(rzs_spill_set_path(&k, "k", path, why), -EINVAL);
	T_STR_EQ(k.path, "/old");
	path[sizeof(path) - 2] = '\0';
	T_EQ(rzs_spill_set_path(&k, "k", path, why), 0);
	T_STR_EQ(k.path, path);
}
