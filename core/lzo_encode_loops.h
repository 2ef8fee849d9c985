/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two loops of the encoder in which nearly all of its time is spent.  lzo_encode.c includes
 * this once for each way of comparing, with
 *   LZE_NAME(x)       x with a suffix of its own
 *   LZE_MATCH(a, b)   how many bytes at a and b are equal, at most LZE_MATCH_MAX; 4 are, if the
 *                     step has found a match.  Reads at most LZE_MATCH_READS bytes.
 *   LZE_MATCH_MAX     such a match may be longer
 *   LZE_TARGET        attributes of a function that uses LZE_MATCH()
 *
 * A loop goes on until a lane is too near to its end, has many literals, or has a long match.  The
 * step with the long match is not done: found and len tell what it has found.
 */

/* One lane alone. */
static LZE_TARGET void LZE_NAME(lze_run_one)(struct lze_lane *lane)
{
	const size_t limit = lane->limit;
	struct lze_lane l = *lane; /* in registers */
	size_t found, len;

	do {
		found = lze_probe(l.page, l.table, l.at);
		len = LZE_MATCH(l.page + l.at + (found >> 16), l.page + (found & 0xffff));
		if (unlikely(len >= LZE_MATCH_MAX) && found < LZE_NOTHING) {
			l.found = found;
			l.len = len;
			break;
		}
		lze_emit(l.page, &l.at, &l.pending, &l.op, found, len);
	} while (likely(l.at <= limit && l.pending < LZE_PATIENCE));
	*lane = l;
}

/* Two lanes in turns: while one waits for memory or for a product, the other goes on. */
static LZE_TARGET void LZE_NAME(lze_run_two)(struct lze_lane *lane_a, struct lze_lane *lane_b)
{
	const size_t limit_a = lane_a->limit, limit_b = lane_b->limit;
	struct lze_lane a = *lane_a, b = *lane_b;
	size_t found_a, found_b, len_a, len_b;
	uint16_t *tables = a.table;

	do {
		found_a = lze_probe(a.page, tables, a.at);
		found_b = lze_probe(b.page, tables + RZS_LZO_TABLE, b.at);
		len_a = LZE_MATCH(a.page + a.at + (found_a >> 16), a.page + (found_a & 0xffff));
		len_b = LZE_MATCH(b.page + b.at + (found_b >> 16), b.page + (found_b & 0xffff));
		if (unlikely((len_a | len_b) >= LZE_MATCH_MAX)) {
			a.found = found_a;
			b.found = found_b;
			a.len = len_a;
			b.len = len_b;
			break;
		}
		lze_emit(a.page, &a.at, &a.pending, &a.op, found_a, len_a);
		lze_emit(b.page, &b.at, &b.pending, &b.op, found_b, len_b);
	} while (likely((a.at <= limit_a) & (b.at <= limit_b) &
			((a.pending | b.pending) < LZE_PATIENCE)));
	*lane_a = a;
	*lane_b = b;
}
