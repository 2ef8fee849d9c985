/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rzsbench starts is judged by its own memory, never by ours or by what it was before. */
#include "t.h"

#include <unistd.h>

#include "rzsb.h"
#include "rzsb_spawn.h"

#define PAGES (64u << 20 >> 12)

static char *command[] = {(char *)"sh", (char *)"-c", NULL, NULL};

/* Start a shell that runs this; how many pages it has, or 0 and *highest. */
static size_t grown(const char *script, size_t least, size_t *highest)
{
	const struct rzsb_spawn s = {.command = command, .least = least, .seconds = 30};

	command[2] = (char *)script;
	return rzsb_spawn_until_grown(&s, highest) ? *highest : 0;
}

/* Between fork and exec the child has all of our pages. */
T_TEST(a_copy_of_us_has_not_grown)
{
	char *ours = malloc(PAGES * RZSB_PAGE);
	size_t highest;

	T_NE(ours, NULL);
	memset(ours, 1, PAGES * RZSB_PAGE);
	for (int i = 0; i < 20; i++) {
		T_EQ(grown(":", PAGES, &highest), 0);
		T_LT(highest, PAGES / 2);
	}
	T_EQ(ours[PAGES], 1);
	free(ours);
}

T_TEST(one_that_has_grown_is_stopped)
{
	size_t highest;

	T_GE(grown("x=$(head -c 8000000 /dev/zero | tr '\\0' x); while :; do sleep 1; done", 1000,
		   &highest),
	     1000);
}
