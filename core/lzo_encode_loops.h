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
 * A loop goes on until a lane is too near to its end or has many literals.
 */

/*
 * A step with a match that is longer than what was compared.  Not a part of the loop, whose lanes
 * shall have the registers; but it has the loop's target, since a change between old and new vector
 * instructions costs more than the call.
 */
static LZE_TARGET __attribute__((__noinline__, __cold__)) struct lze_place
LZE_NAME(lze_put_long)(const uint8_t *page, size_t end, size_t at, size_t pending, uint8_t *op,
		       size_t found)
{
	size_t k = found >> 16, pos = at + k, n = pending + k, old = found & 0xffff;
	size_t len = lze_match_len(page, end, pos, old, LZE_COMPARED);
	struct lze_place place;

	if (n <= 3)
		op[-2] |= (uint8_t)n;
	else
		*op++ = (uint8_t)(n - 3);
	__builtin_memcpy(op, page + (at - pending), LZE_LITERALS);
	place.op = lze_put_match(op + n, pos - old - 1, len);
	place.at = pos + len;
	return place;
}

/* One step of a lane: what was found is written. */
static LZE_TARGET LZE_ALWAYS struct lze_lane LZE_NAME(lze_take)(struct lze_lane l, size_t found,
								size_t len)
{
	struct lze_place place;

	if (likely(!lze_is_long(found, len, LZE_MATCH_MAX))) {
		lze_emit(l.page, &l.at, &l.pending, &l.op, found, len);
		return l;
	}
	place = LZE_NAME(lze_put_long)(l.page, l.end, l.at, l.pending, l.op, found);
	l.op = place.op;
	l.at = place.at;
	l.pending = 0;
	return l;
}

/* One lane alone. */
static LZE_TARGET void LZE_NAME(lze_run_one)(struct lze_lane *lane)
{
	const size_t limit = lane->limit;
	struct lze_lane l = *lane; /* in registers */
	size_t found, len;

	do {
		found = lze_probe(l.page, l.table, l.at);
		len = LZE_MATCH(l.page + l.at + (found >> 16), l.page + (found & 0xffff));
		l = LZE_NAME(lze_take)(l, found, len);
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
		a = LZE_NAME(lze_take)(a, found_a, len_a);
		b = LZE_NAME(lze_take)(b, found_b, len_b);
	} while (likely(a.at <= limit_a) && likely(b.at <= limit_b) &&
		 likely((a.pending | b.pending) < LZE_PATIENCE));
	*lane_a = a;
	*lane_b = b;
}
