/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of rzsd's configuration begin with: one configuration, texts for it, and what was
 * complained of.
 */
#ifndef RZS_CONFIG_RIG_H
#define RZS_CONFIG_RIG_H

#include "t.h"

#include "config_private.h"

static struct rzsd_config c;
static char said[64][RZS_CONFIG_LINE_MAX];
static unsigned nr_said;

static inline void hear(void *arg, const char *text)
{
	T_EQ(arg, &c);
	T_LT(nr_said, 64);
	T_EQ(strchr(text, '\n'), NULL);
	snprintf(said[nr_said++], sizeof(said[0]), "%s", text);
}

static inline void fresh(void)
{
	rzs_config_init(&c);
	nr_said = 0;
}

/* text as the file NAME; the number of complaints. */
static inline unsigned feed(const char *name, const char *text, size_t len)
{
	struct rzs_config_sink sink = {.config = &c, .complain = hear, .arg = &c};
	FILE *f = fmemopen((void *)(uintptr_t)text, len ? len : 1, "r");

	T_NE(f, NULL);
	if (len == 0)
		T_EQ(getc(f), *text);
	rzs_config_read_stream(&sink, f, name);
	fclose(f);
	return rzs_config_complain_end(&sink);
}

static inline void show(void)
{
	for (unsigned i = 0; i < nr_said; i++)
		t_note("complaint: %s", said[i]);
}

static inline void take(const char *text)
{
	if (feed("a.conf", text, strlen(text))) {
		show();
		T_FAIL("not taken: %s", text);
	}
}

static inline void complete(void)
{
	if (rzs_config_complete(&c, hear, &c)) {
		show();
		T_FAIL("not complete");
	}
}

static inline const struct rzs_config_device *device(const char *name)
{
	for (unsigned i = 0; i < c.nr_devices; i++)
		if (strcmp(c.device[i].name, name) == 0)
			return &c.device[i];
	T_FAIL("no device %s", name);
}

#endif
