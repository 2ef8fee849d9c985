#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Extents against what was written, with and without a memlimit; see extents.py.  Red when zeros are
# called data or the other way round, when extents are not coalesced, REQ_ONE is ignored, or an extent
# without HOLE is promised although the memlimit could refuse a write there.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	start size=64M swap-header=false protect=off
	"$PYTHON" "$srcdir/tests/e2e/extents.py" "$uri" free || fail "see above"
	stop_server
	start size=64M swap-header=false memlimit=100M protect=off
	"$PYTHON" "$srcdir/tests/e2e/extents.py" "$uri" limited || fail "see above, with a memlimit"
	stop_server

	# Far more than 4 GiB of nothing.
	start size=6T swap-header=false memlimit=100M protect=off
	"$PYTHON" "$srcdir/tests/e2e/extents.py" "$uri" huge || fail "see above, 6T"
	stop_server
}

each_form check_form
