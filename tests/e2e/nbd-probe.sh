#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every rule of the NBD protocol, and every way to break one that has broken a server before, tried on the
# plugin, on rzsd, and on two servers of others, whose answers stand beside ours in a table: nbd_probe.py.
# Red when a server of ours answers otherwise than the protocol or the table says, or serves no more; and when
# one of the others does, of a version that was looked at.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
size=64M
servers=() ours=()

# await_socket JOB PATH WHAT
await_socket() {
	cleanup_fn reap "$1"
	wait_for 20 test -S "$2" || fail "$3 did not start"
}

start_plugin() {
	# shellcheck disable=SC2086
	$NBDKIT -f -r -U "$tmpdir/plugin-ro" "$RZS_PLUGIN" size=$size protect=off >/dev/null 2>&1 &
	await_socket $! "$tmpdir/plugin-ro" "nbdkit -r"
	start_nbdkit size=$size swap-header=false protect=off
	servers+=("nbdkit+rzs=$sock,ro=$tmpdir/plugin-ro,pid=$pid$1")
	ours+=("$pid")
}

start_ours() {
	start_rzsd --device other,size=16M -- size=$size swap-header=false protect=off
	servers+=("rzsd=$sock,pid=$pid")
	ours+=("$pid")
}

# One request at a time: with several threads nbdkit aborts when a client vanishes (before 1.33.10) or does not
# close after DISC (since then).
start_memory() {
	local mode

	for mode in "" -r; do
		# shellcheck disable=SC2086
		nbdkit -f -t 1 $mode -U "$tmpdir/memory$mode" -P "$tmpdir/memory.pid$mode" memory $size 2>/dev/null &
		await_socket $! "$tmpdir/memory$mode" "nbdkit memory"
	done
	servers+=("nbdkit+memory=$tmpdir/memory,ro=$tmpdir/memory-r,pid=$(cat "$tmpdir/memory.pid")$1")
}

start_qemu() {
	local mode job

	truncate -s $size "$tmpdir/disk"
	for mode in "" -r; do
		# shellcheck disable=SC2086
		qemu-nbd $mode -t -e 0 -f raw --discard=unmap -k "$tmpdir/qemu$mode" "$tmpdir/disk" 2>/dev/null &
		job=$!
		[ -n "$mode" ] || servers+=("qemu-nbd=$tmpdir/qemu,ro=$tmpdir/qemu-r,pid=$job$1")
		await_socket $job "$tmpdir/qemu$mode" qemu-nbd
	done
}

# about SAYS KNOWN..: the attributes of a server that says this of its version.  Others than the KNOWN versions
# may do else.
about() {
	local says=$1 version known

	shift
	version=$(grep -oE '[0-9]+(\.[0-9]+)+' <<<"$says" | head -n 1)
	say "$says, answers known of $*" >&2
	for known in "$@"; do
		[[ $version. != "$known."* ]] || { echo ",version=$version"; return; }
	done
	echo ",version=$version,lenient"
}

if has_plugin; then
	# shellcheck disable=SC2086
	about_nbdkit=$(about "$($NBDKIT --version 2>/dev/null)" 1.32.5 1.42.3)
	start_plugin "$about_nbdkit"
fi
! has_rzsd || start_ours
[ ${#ours[@]} -gt 0 ] || skip "nothing to be probed is built"
# A tool is slow and looks at ours only.
if [ "$T_TIMEOUT_SCALE" = 1 ] && [ "${RZS_SANITIZED:-0}" != 1 ]; then
	! has_plugin || start_memory "$about_nbdkit"
	if version=$(qemu-nbd --version 2>/dev/null | head -n 1); then
		start_qemu "$(about "$version" 7.2 10.0)"
	else
		say "not with qemu-nbd: it is not installed"
	fi
fi

"$PYTHON" "$srcdir/tests/e2e/nbd_probe.py" "${servers[@]}" || fail "see above"

# The last probe has asked them to stop, and they had to wait for its clients.
for pid in "${ours[@]}"; do
	await_end
done
