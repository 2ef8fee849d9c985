#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One client trims and zeroes the whole device over and over while others write and read; see
# trimhammer.py.  Red when a page mixes two writes, shows another page's data, stays after a trim that
# came later, or when memory is not given back in the end.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	local name

	start size=256M swap-header=false protect=off
	"$PYTHON" "$srcdir/tests/e2e/trimhammer.py" "$uri" || fail "see above"
	ask_stats
	for name in pages_stored object_bytes impossible corrupt; do
		[ "$(stat_of $name)" = 0 ] || fail "$name=$(stat_of $name) after everything was trimmed"
	done
	[ "$(stat_of discards)" -gt 0 ] || fail "discards=$(stat_of discards)"
	stop_server
}

each_form check_form
