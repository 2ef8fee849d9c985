/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See takeovers.h. */
#include "takeovers.h"

static struct rzs_takeovers takeovers;

void rzs_takeovers_set(const struct rzs_takeovers *t)
{
	takeovers = *t;
}

void rzs_takeovers_get(struct rzs_takeovers *out)
{
	*out = takeovers;
}
