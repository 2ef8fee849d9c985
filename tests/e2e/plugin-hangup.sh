#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that vanish: in the handshake, inside a header, inside a payload, with many requests in flight and
# their replies unread.  Afterwards the server is the same process, serves, holds what was stored, and has no
# more descriptors, threads or memory than before.  Red when it aborts (as nbdkit before 1.33.10 does when
# requests run in parallel) or leaks.

. "${srcdir:-.}/tests/lib/functions.sh"
requires_plugin

# With a small reserve, whose size comes and goes by half, and one heap for all threads, or their timing decides how many
# heaps there are.
export MALLOC_ARENA_MAX=1
start_nbdkit size=64M protect=off reserve=1M
fds=$(count_fds "$pid")
threads=$(proc_field "$pid" Threads)

settled() {
	[ "$(count_fds "$pid")" -le "$fds" ] && [ "$(proc_field "$pid" Threads)" -le "$threads" ]
}

# vanish ROUNDS: and everything that belonged to those clients goes.
vanish() {
	"$PYTHON" "$srcdir/tests/e2e/plugin-hangup.py" "$sock" "$1" || fail "see above"
	wait_for 20 settled || fail "$(count_fds "$pid") descriptors, there were $fds;" \
		"$(proc_field "$pid" Threads) threads, there were $threads"
}

rounds=$((60 / T_TIMEOUT_SCALE + 2))
# Twice: what the store keeps ready settles only after its first full load.
vanish "$rounds"
vanish "$rounds"
rss=$(proc_field "$pid" VmRSS)
vanish $((rounds * 3))
after=$(proc_field "$pid" VmRSS)
# Under a tool it is the tool that grows; valgrind tells of leaks by itself.
[ "$T_TIMEOUT_SCALE" != 1 ] || [ "$after" -le $((rss + 4096)) ] || fail "VmRSS $rss kB, then $after kB: a leak per client"

# With a sanitizer preloaded, nbdkit blocks at its exit after clients have vanished, whatever the
# plugin: in freelocale(), called by a library's destructor, on a lock that nobody holds any more.
[ "${RZS_SANITIZED:-0}" = 1 ] || stop_nbdkit
