/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that wait to be sent; see ctl_out.h. */
#include <stdlib.h>

#include "ctl_out.h"

void rzs_ctl_out_free(struct rzs_ctl_out *out)
{
	free(out->data);
	*out = (struct rzs_ctl_out){0};
}

/* Reserve space for the longest line there can be.  NULL: no memory, and out is broken. */
static char *reserve_line(struct rzs_ctl_out *out)
{
	size_t size = out->size ? out->size : RZS_CTL_REPLY_MAX;
	char *data;

	while (size - out->len < RZS_CTL_REPLY_MAX)
		size *= 2;
	if (size != out->size) {
		data = realloc(out->data, size);
		if (!data) {
			out->broken = true;
			return NULL;
		}
		out->data = data;
		out->size = size;
	}
	return out->data + out->len;
}

void rzs_ctl_out_greeting(struct rzs_ctl_out *out, const char *program)
{
	char *line = reserve_line(out);

	if (line)
		out->len += rzs_ctl_put_greeting(line, RZS_CTL_REPLY_MAX, program, PACKAGE_VERSION);
}

void rzs_ctl_out_data(struct rzs_ctl_out *out, const char *const *words, unsigned nr)
{
	char *line = reserve_line(out);

	if (line)
		out->len += rzs_ctl_put_data(line, RZS_CTL_REPLY_MAX, words, nr);
}

void rzs_ctl_out_ok(struct rzs_ctl_out *out)
{
	char *line = reserve_line(out);

	if (line)
		out->len += rzs_ctl_put_ok(line, RZS_CTL_REPLY_MAX);
}

void rzs_ctl_out_error(struct rzs_ctl_out *out, int err, const char *text)
{
	char *line = reserve_line(out);

	if (line)
		out->len += rzs_ctl_put_error(line, RZS_CTL_REPLY_MAX, err, text);
}
