#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every offset and length around page edges, all commands, against an array of bytes; see plugin-subpage.py.
# Red when a read-modify-write loses a byte, a trim touches a partial page's neighbour, or a request at the
# end of the device goes wrong.

. "${srcdir:-.}/tests/lib/functions.sh"
requires_plugin
requires_python_nbd

start_nbdkit size=48M swap-header=false protect=off
"$PYTHON" "$srcdir/tests/e2e/plugin-subpage.py" "$uri" || fail "see above"
stop_nbdkit

# The last page may be anywhere: a device of one page, and one of a few.
for pages in 1 3; do
	start_nbdkit "size=$((pages * 4096))" protect=off
	"$PYTHON" "$srcdir/tests/e2e/plugin-subpage.py" "$uri" || fail "see above, $pages pages"
	stop_nbdkit
done
