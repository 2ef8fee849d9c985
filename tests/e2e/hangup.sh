#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that vanish: after each step of the handshake, inside an option, a header, a payload, with 64 requests in
# flight and their replies unread; then at any byte.  Afterwards the server is the same process, serves, holds what was
# stored, and has no more descriptors, threads or memory than before.  Red when it aborts (as nbdkit before 1.33.10
# does when requests run in parallel) or leaks.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99

# With one heap for all threads, or their timing decides how many heaps there are.
export MALLOC_ARENA_MAX=1

settled() {
	[ "$(count_fds "$pid")" -le "$fds" ] && [ "$(proc_field "$pid" Threads)" -le "$threads" ]
}

# What nbdkit before 1.33.10 does not survive, whatever the plugin: BLOCK_STATUS is answered in pieces, and a client
# that vanishes between the second and the third of them makes it abort.
without_status() {
	local version IFS=$IFS

	[ "$form" = plugin ] || return
	version=$($NBDKIT --dump-config | sed -n 's/^version=//p')
	IFS=.
	# shellcheck disable=SC2086
	set -- $version
	[ $(($1 * 1000000 + $2 * 1000 + $3)) -lt 1033010 ]
}

# vanish SOCKET MODE [ROUNDS]: and everything that belonged to those clients goes.
vanish() {
	! without_status || set -- --no-status "$@"
	"$PYTHON" "$srcdir/tests/e2e/hangup.py" "$@" || { show_log "$log"; fail "see above"; }
	wait_for 20 settled || fail "$(count_fds "$pid") descriptors, there were $fds;" \
		"$(proc_field "$pid" Threads) threads, there were $threads"
}

check_form() {
	local fds threads rounds rss after

	# With a small reserve, whose size comes and goes by half.
	start size=64M protect=off reserve=1M
	fds=$(count_fds "$pid")
	threads=$(proc_field "$pid" Threads)
	rounds=$((60 / T_TIMEOUT_SCALE + 2))
	# Steps first: what the store keeps ready settles only after its first full load.
	vanish "$sock" steps
	vanish "$sock" random "$rounds"
	rss=$(proc_field "$pid" VmRSS)
	vanish "$sock" random $((rounds * 5))
	after=$(proc_field "$pid" VmRSS)
	# Under a tool it is the tool that grows; valgrind tells of leaks by itself.
	[ "$T_TIMEOUT_SCALE" != 1 ] || [ "$after" -le $((rss + 4096)) ] ||
		fail "VmRSS $rss kB, then $after kB: a leak per client"
	stop_server
}

each_form check_form
