#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs started without some of standard input, output and error, as some init scripts do.  Red when what a program
# opens first becomes one of them: a server that ends by a signal, a daemon reported as failed, output that goes into a
# socket; and when a program succeeds though its output could not be written.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "a tool writes to what is closed here"
tools=${builddir:-$top_builddir}/tools

# become_without MASK COMMAND..: bit N closes descriptor N.
become_without() {
	local mask=$1

	shift
	[ $((mask & 1)) = 0 ] || exec 0<&-
	[ $((mask & 2)) = 0 ] || exec 1>&-
	[ $((mask & 4)) = 0 ] || exec 2>&-
	exec "$@"
}

without() {
	(become_without "$@")
}

# Each that was closed is /dev/null, not what the server works with.
check_fds() {
	local fd

	for fd in 0 1 2; do
		[ $(($2 >> fd & 1)) = 0 ] || [ "$(readlink "/proc/$1/fd/$fd")" = /dev/null ] ||
			fail "$3, without $2: descriptor $fd is $(readlink "/proc/$1/fd/$fd")"
	done
}

rzsd_without() {
	local mask=$1 options=(--config "$tmpdir/rzsd.conf" --protect off --device "swap0,size=1M")

	next_server
	options+=(--listen "$sock" --control "$sock.control" --pid-file "$pidfile")
	# shellcheck disable=SC2086
	become_without "$mask" $RZSD "${options[@]}" >"$log" 2>&1 &
	await_server $! "rzsd without $mask"
	check_fds "$pid" "$mask" rzsd
	stop_server

	next_server
	options+=(--listen "$sock" --control "$sock.control" --pid-file "$pidfile")
	# shellcheck disable=SC2086
	without "$mask" $RZSD "${options[@]}" --daemon >"$log" 2>&1 || fail "--daemon without $mask ends with $?"
	pid=$(cat "$pidfile")
	cleanup_fn kill -KILL "$pid"
	check_fds "$pid" 7 "the daemon"
	[ "$(nbdinfo --size "$uri")" = $((1 << 20)) ] || fail "the daemon without $mask does not serve"
	kill -TERM "$pid"
	wait_for 20 gone "$pid" || fail "the daemon without $mask does not stop"
	[ ! -e "$pidfile" ] || fail "the daemon without $mask did not end well: its pid file is left"
}

if has_rzsd; then
	requires nbdinfo --version
	: >"$tmpdir/rzsd.conf"
	for mask in 1 2 3 4 5 6 7; do
		rzsd_without $mask
	done

	# What is asked for on standard output, and does not get there.
	for arg in --help --version --check-config; do
		# shellcheck disable=SC2086
		fails_with 'cannot write to standard output: No space left' -- \
			bash -c 'exec "${@:2}" "$1" >/dev/full' - $arg $RZSD --config "$tmpdir/rzsd.conf"
		# shellcheck disable=SC2086
		fails_with 'cannot write to standard output: Bad file descriptor' -- \
			bash -c 'exec "${@:2}" "$1" >&-' - $arg $RZSD --config "$tmpdir/rzsd.conf"
	done

	# The socket of a tool is not its standard output: nothing of what it prints comes to the server.
	start_rzsd size=1M protect=off
	for mask in 1 2 3 4 5 6 7; do
		code=0
		without "$mask" "$tools/rzscontrol/rzscontrol" process --socket "$sock.control" >"$tmpdir/out" 2>&1 || code=$?
		[ $code = $(((mask & 2) != 0)) ] || fail "rzscontrol process, without $mask, ends with $code"
		[ $((mask & 2)) != 0 ] || grep -q '^  protect headroom' "$tmpdir/out" || fail "rzscontrol, without $mask, says little"
	done
	stop_server
fi

for mask in 1 4 5; do
	without $mask "$tools/rzsbench/rzsbench" swap --help >"$tmpdir/out" 2>&1 || fail "rzsbench without $mask"
done

# nbdkit looks to that itself.
if has_plugin; then
	# shellcheck disable=SC2086
	! without 4 $NBDKIT -f -U "$tmpdir/no" "$RZS_PLUGIN" size=1M >"$tmpdir/out" 2>&1 || fail "nbdkit serves without 2"
fi
