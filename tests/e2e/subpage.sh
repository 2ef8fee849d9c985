#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every offset and length around page edges, all commands, against an array of bytes; see subpage.py.
# Red when a read-modify-write loses a byte, a trim touches a partial page's neighbour, or a request at the
# end of the device goes wrong.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	local pages

	start size=48M swap-header=false protect=off
	"$PYTHON" "$srcdir/tests/e2e/subpage.py" "$uri" || fail "see above"
	stop_server

	# The last page may be anywhere: a device of one page, and one of a few.
	for pages in 1 3; do
		start "size=$((pages * 4096))" protect=off
		"$PYTHON" "$srcdir/tests/e2e/subpage.py" "$uri" || fail "see above, $pages pages"
		stop_server
	done
}

each_form check_form
