/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change devices: create, set, compact, remove, idle. */
#include <string.h>

#include "rzsc_find.h"

/* Only their form: the server judges what they mean. */
static int check_settings(const struct rzsc_options *o)
{
	for (unsigned i = 0; i < o->nr_words; i++)
		if (!strchr(o->words[i], '=') || o->words[i][0] == '=')
			return rzst_fail(RZS_EXIT_USAGE, "%s: expected KEY=VALUE, such as size=1G",
					 o->words[i]);
	return RZS_EXIT_DONE;
}

static int done(const struct rzsc_options *o, const struct rzsc_found *found, const char *what,
		int err)
{
	const struct rzst_backend *b = found->server->backend;

	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", b->why);
	if (o->verbose)
		rzst_say("%s: %s: %s", b->where, found->name, what);
	return RZS_EXIT_DONE;
}

int rzsc_cmd_create(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = check_settings(o);

	if (code != RZS_EXIT_DONE)
		return code;
	code = rzsc_server_find(o, o->device, &found);
	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;

		code = done(o, &found, "created",
			    b->ops->create(b, found.name, o->words, o->nr_words));
	}
	rzsc_found_free(&found);
	return code;
}

int rzsc_cmd_set(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = check_settings(o);

	if (code != RZS_EXIT_DONE)
		return code;
	code = rzsc_device_find(o, o->device, &found);
	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;

		code = done(o, &found, "set", b->ops->set(b, found.name, o->words, o->nr_words));
	}
	rzsc_found_free(&found);
	return code;
}

int rzsc_cmd_compact(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_device_find(o, o->device, &found);

	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;

		code = done(o, &found, "is being compacted", b->ops->compact(b, found.name));
	}
	rzsc_found_free(&found);
	return code;
}

int rzsc_cmd_remove(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_device_find(o, o->device, &found);

	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;

		code = done(o, &found, "removed", b->ops->remove(b, found.name));
	}
	rzsc_found_free(&found);
	return code;
}

/* Let all pages of a device count as old. */
int rzsc_cmd_idle(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_device_find(o, o->device, &found);

	if (code == RZS_EXIT_DONE) {
		struct rzst_backend *b = found.server->backend;

		code = done(o, &found, "all pages are idle", b->ops->idle(b, found.name));
	}
	rzsc_found_free(&found);
	return code;
}
