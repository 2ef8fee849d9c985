#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One client trims and zeroes the whole device over and over while others write and read; see
# plugin-trimhammer.py.  Red when a page mixes two writes, shows another page's data, stays after a trim that
# came later, or when memory is not given back in the end.

. "${srcdir:-.}/tests/lib/functions.sh"
requires_plugin
requires_python_nbd

start_nbdkit -D rzs.stats=1 -- size=256M swap-header=false protect=off
"$PYTHON" "$srcdir/tests/e2e/plugin-trimhammer.py" "$uri" || fail "see above"
stop_nbdkit

value() {
	sed -n "s/^rzs: $1=//p" "$log"
}
[ "$(value pages_stored)" = 0 ] || fail "pages_stored=$(value pages_stored) after everything was trimmed"
[ "$(value object_bytes)" = 0 ] || fail "object_bytes=$(value object_bytes) after everything was trimmed"
[ "$(value impossible)" = 0 ] || fail "impossible=$(value impossible)"
[ "$(value corrupt)" = 0 ] || fail "corrupt=$(value corrupt)"
[ "$(value discards)" -gt 0 ] || fail "discards=$(value discards)"
