#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The system has no memory for a call: each epoll_ctl() and each malloc() of the server's front thread and of the
# control socket's thread in the plugin fails once, and then all of them.  Who asks may be sent away; the server stays,
# with all that is stored.  Red when one such failure ends the process.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "a tool brings a malloc() of its own"
[ -z "${RZS_SANITIZED:-}" ] || skip "a sanitizer brings a malloc() of its own"
: "${builddir:=$top_builddir}"
preload=$builddir/.libs/fail_nth.so
[ -e "$preload" ] || skip "no $preload"

page=$tmpdir/page
wrap="env LD_PRELOAD=$preload RZS_FAIL_FILE=$page"

fresh_page() {
	truncate -s 0 "$page"
	truncate -s 64 "$page"
}

drive() {
	"$PYTHON" "$srcdir/tests/e2e/failing_calls.py" "$@" || {
		show_log "$log"
		fail "$1: see above"
	}
}

# ---- rzsd

rzsd_goes_on() {
	local what i others=()

	for i in 1 2 3 4 5 6 7 8 9; do
		others+=(--device "other$i,size=1M")
	done
	for what in epoll memory; do
		fresh_page
		RZSD="$wrap $RZSD" start_rzsd "${others[@]}" -- size=4M protect=off
		drive $what "$page" "$sock.control" "$pid" "$sock"
		stop_server
	done
}

# Its start: an error, or none, but no end by a signal.
rzsd_starts() {
	local kind=$1 n=0 code

	while :; do
		fresh_page
		"$PYTHON" - "$page" "$kind" "$n" <<-'PY'
			import struct, sys
			with open(sys.argv[1], "r+b") as f:
			    for field, value in ((0, int(sys.argv[3])), (1, 1)):
			        f.seek(16 + 16 * field + 8 * int(sys.argv[2]))
			        f.write(struct.pack("<q", value))
		PY
		next_server
		# shellcheck disable=SC2086
		$wrap $RZSD --config "$tmpdir/rzsd.conf" --listen "$sock" --control "$sock.control" --protect off \
			--pid-file "$pidfile" --device swap0,size=1M >"$log" 2>&1 &
		job=$!
		wait_for 20 started_or_gone $job || fail "start $n: neither an end nor a start"
		! alive $job || kill -TERM $job
		code=0
		wait $job || code=$?
		[ $code -le 2 ] || {
			show_log "$log"
			fail "with call $n failing at its start, rzsd ends with $code"
		}
		[ "$(od -An -td8 -j$((48 + 8 * kind)) -N8 "$page" | tr -d ' ')" = 1 ] || break
		n=$((n + 1))
	done
	[ $n -gt 0 ] || fail "no call was made to fail"
	say "rzsd has survived $n failing calls of kind $kind at its start"
}

started_or_gone() {
	gone "$1" || [ -s "$pidfile" ]
}

if has_rzsd; then
	rzsd_goes_on
	: >"$tmpdir/rzsd.conf"
	rzsd_starts 0
	rzsd_starts 1
fi

# ---- the plugin

requires_plugin
# shellcheck disable=SC2086
if $NBDKIT "$RZS_PLUGIN" --dump-plugin | grep -q '^rzs_control=yes$'; then
	for what in epoll memory; do
		fresh_page
		NBDKIT="$wrap $NBDKIT" start_nbdkit size=4M protect=off control="$tmpdir/control$what"
		drive $what "$page" "$tmpdir/control$what" "$pid" "" rzs-control
		stop_server
	done
fi
