#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A store at its memlimit refuses with ENOSPC, keeps what it had, takes writes again after a trim, and never
# holds more than the limit; see plugin-enospc.py.  Red when a refused write changes a page, when the limit is
# passed, or when trimmed memory does not come back.

. "${srcdir:-.}/tests/lib/functions.sh"
requires_plugin
requires_python_nbd

# statistic NAME: asks for the statistics by SIGUSR1.  Lines come from a thread of the server: wait for the last.
statistic() {
	local seen

	seen=$(grep -c '^rzs: compacted_blocks=' "$log" || true)
	kill -USR1 "$pid"
	wait_for 20 more_stats "$seen" || fail "SIGUSR1 printed no statistics"
	sed -n "s/^rzs: $1=//p" "$log" | tail -1
}

more_stats() {
	[ "$(grep -c '^rzs: compacted_blocks=' "$log" || true)" -gt "$1" ]
}

for algorithm in lzo zstd; do
	# shellcheck disable=SC2086
	$NBDKIT "$RZS_PLUGIN" --dump-plugin | grep -q "^rzs_codecs=.*$algorithm" || continue
	start_nbdkit size=64M memlimit=14M reserve=1M workers=2 algorithm=$algorithm protect=off
	"$PYTHON" "$srcdir/tests/e2e/plugin-enospc.py" "$uri" || fail "see above ($algorithm)"

	limit=$(statistic limit_bytes)
	peak=$(statistic mem_peak_bytes)
	refused=$(statistic refused_limit)
	[ "$limit" = $((14 << 20)) ] || fail "limit_bytes=$limit"
	[ "$peak" -le "$limit" ] || fail "mem_peak_bytes=$peak is over limit_bytes=$limit"
	[ "$refused" -gt 0 ] || fail "nothing was refused: the test did not reach the limit"
	wait_for 20 grep -q '^rzs: memlimit of .* ENOSPC' "$log" || fail "the log does not tell of the limit"
	[ "$(grep -c '^rzs: memlimit of' "$log")" -le 3 ] || fail "the log tells of it again and again"
	stop_nbdkit
done
