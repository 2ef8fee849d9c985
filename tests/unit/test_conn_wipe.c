/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's buffers, as they are when their memory goes back to the system. */
#include "conn_private.h"
#include "conn_rig.h"

#include <sys/mman.h>

int __real_munmap(void *p, size_t n);
int __wrap_munmap(void *p, size_t n);

static const struct rzs_conn *watched;
static bool seen;

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	return b[0] == 0 && memcmp(b, b + 1, n - 1) == 0;
}

int __wrap_munmap(void *p, size_t n)
{
	if (watched && p == watched) {
		seen = true;
		T_OK(all_zero(p, n));
	}
	return __real_munmap(p, n);
}

/* Red when requests or replies are left in it. */
T_TEST(nothing_is_left_of_what_went_through_a_connection)
{
	const struct conn *c;
	struct rig r;

	make_pattern();
	rig_open_early(&r, false, NULL, 0);
	c = (const struct conn *)r.conn;
	fake_fill(0, 64 * PAGE);
	rig_write(&r, 1, pattern, 8 * PAGE, 3 * PAGE);
	rig_run(&r);
	rig_expect(&r, 1, 0);
	/* Larger than the reply buffer: it is looked at first, in that very buffer. */
	(void)rig_check(&r, 0, 0, 60 * PAGE);
	T_OK(!all_zero(c->in, RZS_CONN_IN_SIZE));
	T_OK(!all_zero(c->out, RZS_CONN_OUT_SIZE));
	watched = r.conn;
	rig_close(&r);
	T_OK(seen);
}
