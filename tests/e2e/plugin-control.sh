#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# control=PATH: what the socket tells is what happened, memlimit can be changed there, and nothing a client does
# keeps others from being served or nbdkit from ending.  Red when a request is counted twice or not at all, when a
# stale socket keeps nbdkit from starting or a live one does not, when a socket is left behind.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_plugin
requires_python_nbd
# shellcheck disable=SC2086
$NBDKIT "$RZS_PLUGIN" --dump-plugin | grep -q '^rzs_control=yes$' || skip "this plugin has no control socket"

ctl=$tmpdir/new/control.sock

client() {
	"$PYTHON" "$srcdir/tests/e2e/plugin-control.py" "$@" || fail "$1: see above"
}

start_nbdkit size=16M control="$ctl" uuid=01234567-89ab-4cde-8f01-23456789abcd protect=off
client conversation "$ctl" "$uri" "$pid"
client changes "$ctl" "$uri"
[ "$(stat -c %a "$ctl")" = 600 ] || fail "the socket's mode is $(stat -c %a "$ctl")"
[ "$(stat -c %a "${ctl%/*}")" = 700 ] || fail "the mode of its directory is $(stat -c %a "${ctl%/*}")"

# Another one cannot have the same place, and says so before it would become a daemon.
# shellcheck disable=SC2086
fails_with "$ctl: another server answers there" -- \
	$NBDKIT -U "$tmpdir/other" "$RZS_PLUGIN" size=1M protect=off control="$ctl"
client alive "$ctl"
stop_nbdkit
[ ! -e "$ctl" ] || fail "the socket was left behind"

# Clients of all sorts, with I/O going on; and nbdkit ends while they are there.
start_nbdkit size=16M control="$ctl"
client abuse "$ctl" "$uri"
client hang-about "$ctl" "$pid" "$tmpdir/ready" &
job=$!
cleanup_fn reap "$job"
wait_for 20 test -e "$tmpdir/ready" || fail "no client hangs about"
stop_nbdkit
wait "$job" || fail "hang-about: see above"
[ ! -e "$ctl" ] || fail "the socket was left behind"

# What a server that was killed leaves does not keep the next from starting.
start_nbdkit size=1M control="$ctl" protect=off
kill -KILL "$pid"
wait "$pid" || true
[ -S "$ctl" ] || fail "a killed server has removed its socket"
start_nbdkit size=1M control="$ctl" protect=off
client alive "$ctl"
stop_nbdkit

# shellcheck disable=SC2086
{
	fails_with 'cannot create its directory' -- $NBDKIT -f -U - "$RZS_PLUGIN" size=1M protect=off control=/proc/no/such/socket
	fails_with 'is not a socket' -- $NBDKIT -f -U - "$RZS_PLUGIN" size=1M protect=off control=/etc/passwd
	fails_with 'longer than the 107 bytes' -- \
		$NBDKIT -f -U - "$RZS_PLUGIN" size=1M protect=off control="/$(printf 'x%.0s' {1..200})"
}

# A daemon changes its directory, and may change its user.
daemon=
end_daemon() {
	[ -z "$daemon" ] || kill -KILL "$daemon"
}
cleanup_fn end_daemon

cd "$tmpdir"
as=()
mkdir -m 700 own
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$tmpdir"
	chown nobody own
	as=(-u nobody)
fi
# shellcheck disable=SC2086
$NBDKIT "${as[@]}" -P "$tmpdir/own/pid" -U "$tmpdir/own/nbd" "$RZS_PLUGIN" size=1M protect=off \
	control=own/control >"$tmpdir/daemon.log" 2>&1 || fail "no daemon: $(cat "$tmpdir/daemon.log")"
wait_for 20 test -s own/pid || fail "the daemon has no pid"
daemon=$(cat own/pid)
wait_for 20 test -S own/control || fail "the daemon has no control socket"
client alive "$tmpdir/own/control"
kill -TERM "$daemon"
wait_for 20 gone "$daemon" || fail "the daemon did not stop"
daemon=
[ ! -e own/control ] || fail "the daemon's socket was left behind"
