/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_inside.h. */
#include "rzsa_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rzst_kernel.h"
#include "text_file.h"

static bool is_module(const char *name)
{
	unsigned number;

	return strncmp(name, "/dev/", 5) == 0 && rzst_kernel_is_name(name + 5, &number);
}

static uint64_t number_in(const char *file, const char *key)
{
	char path[RZST_PATH_MAX];

	return rzst_path(path, sizeof(path), file) < 0 ? 0 : rzst_number_in(path, key);
}

static void look_at_module(const char *node, struct rzst_fit_other *out)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%.60s/store_stat", node);
	out->stored = number_in(path, "orig_bytes ");
	out->packed = number_in(path, "object_bytes ");
	out->held = number_in(path, "mem_bytes ");
	out->limit = number_in(path, "limit_bytes ");
}

/* By what its server said; what nobody knows may take anything, or nothing. */
static void look_at_nbd(const struct rzsa_inside *in, const char *name, struct rzst_fit_other *out,
			bool *compacts)
{
	const struct rzsa_device *d;
	struct rzst_nbd nbd;

	rzst_nbd_read(name, false, &nbd);
	d = rzsa_servers_device(&in->servers, &nbd, in->now, compacts);
	if (!d) {
		out->room = 0;
		return;
	}
	out->stored = d->stored;
	out->packed = out->held = d->mem;
	out->limit = d->limit;
}

void rzsa_inside_look(void *arg, const struct rzst_area *area, struct rzst_fit_other *out,
		      bool *compacts)
{
	*compacts = false;
	rzst_fit_other_in_memory(area, out);
	if (!area->is_file && is_module(area->name)) {
		look_at_module(area->name + 5, out);
	} else if (!area->is_file && strncmp(area->name, "/dev/nbd", 8) == 0) {
		look_at_nbd(arg, area->name, out, compacts);
	} else {
		rzst_fit_other_look(area, out);
	}
}

static enum rzsa_outcome set_module(const char *node, uint64_t bytes, char why[RZSA_WHY_MAX])
{
	char file[128], path[RZST_PATH_MAX], text[32];
	int err;

	snprintf(file, sizeof(file), "/sys/block/%.60s/mem_limit", node);
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	err = rzst_path(path, sizeof(path), file);
	if (err == 0)
		err = rzs_text_file_write(path, text);
	if (err < 0)
		snprintf(why, RZSA_WHY_MAX, "%.120s: %s", file, strerror(-err));
	return err == 0 ? RZSA_DONE : err == -ENOMEM ? RZSA_NO_MEMORY : RZSA_REFUSED;
}

/* True, as that is the outcome. */
static bool not_asked(int err, enum rzsa_outcome *out, char why[RZSA_WHY_MAX])
{
	*out = RZSA_REFUSED;
	snprintf(why, RZSA_WHY_MAX, "%s",
		 err == -EBUSY ? "it is being asked already" : "no server answers for it");
	return true;
}

bool rzsa_inside_set_limit(struct rzsa_inside *in, const char *name, uint64_t bytes,
			   enum rzsa_outcome *out, char why[RZSA_WHY_MAX])
{
	struct rzst_nbd nbd;
	int err;

	why[0] = '\0';
	if (is_module(name)) {
		*out = set_module(name + 5, bytes, why);
		return true;
	}
	rzst_nbd_read(name, false, &nbd);
	err = rzsa_servers_set_limit(&in->servers, &nbd, bytes, in->now);
	return err == 0 ? false : not_asked(err, out, why);
}

bool rzsa_inside_reclaim(struct rzsa_inside *in, const char *name, enum rzsa_outcome *out,
			 char why[RZSA_WHY_MAX])
{
	struct rzst_nbd nbd;
	int err;

	why[0] = '\0';
	rzst_nbd_read(name, false, &nbd);
	err = rzsa_servers_compact(&in->servers, &nbd, in->now);
	return err == 0 ? false : not_asked(err, out, why);
}
