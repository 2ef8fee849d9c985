#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand connections that say nothing, or next to nothing: a real client is served as ever, they cost less
# than 2 MB, and go away by themselves.  Red when they keep clients out, or what they cost stays.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"
requires_python_nbd
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 1200 ] || skip "no thousand descriptors here"
ulimit -n 1200

for sayings in nothing some; do
	start_rzsd --handshake-timeout 2 -- size=4M protect=off
	"$PYTHON" "$srcdir/tests/e2e/rzsd-silent.py" "$sock" "$pid" "$sayings" || fail "see above"
	stop_server
done
