#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A store at its memlimit refuses with ENOSPC, keeps what it had, takes writes again after a trim, and never
# holds more than the limit; see enospc.py.  Red when a refused write changes a page, when the limit is
# passed, or when trimmed memory does not come back.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	local algorithm limit peak refused

	for algorithm in lzo zstd; do
		has_codec $algorithm || continue
		start size=64M memlimit=14M reserve=1M workers=2 algorithm=$algorithm protect=off
		"$PYTHON" "$srcdir/tests/e2e/enospc.py" "$uri" || fail "see above ($algorithm)"

		ask_stats
		limit=$(stat_of limit_bytes)
		peak=$(stat_of mem_peak_bytes)
		refused=$(stat_of refused_limit)
		[ "$limit" = $((14 << 20)) ] || fail "limit_bytes=$limit"
		[ "$peak" -le "$limit" ] || fail "mem_peak_bytes=$peak is over limit_bytes=$limit"
		[ "$refused" -gt 0 ] || fail "nothing was refused: the test did not reach the limit"
		wait_for 20 grep -q '^rzs: .*memlimit of .* ENOSPC' "$log" || fail "the log does not tell of the limit"
		[ "$(grep -c '^rzs: .*memlimit of' "$log")" -le 3 ] || fail "the log tells of it again and again"
		stop_server
	done
}

each_form check_form
