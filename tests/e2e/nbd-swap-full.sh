#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-nbd-swap, in each shell, against a made-up machine whose /run/rzs is full, from the first byte
# on or from some later one: attach does all or nothing, and detach needs no room.
#
# Red when: a state file, or a line of one, is missing and attach goes on; what it did before is not
# taken back; detach leaves the machine's settings changed.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tests a script; rzscontrol-once.sh runs the report"
# A name space of its own, in which file systems are mounted.
if [ -z "${RZS_UNSHARED:-}" ]; then
	unshare -rm true 2>/dev/null || skip "unshare -rm is not allowed here"
	rm -rf "$tmpdir"
	RZS_UNSHARED=1 exec unshare -rm "$0"
fi
. "$srcdir/tests/lib/nbd-swap-rig.sh"
cleanup_fn umount -q "$R/run/rzs"

# with_room OPTIONS: of tmpfs.
with_room() {
	make_machine
	mkdir -p "$R/run/rzs"
	mount -t tmpfs -o "$1" none "$R/run/rzs" || fail "cannot mount a tmpfs"
}

is_unmounted() { umount "$R/run/rzs" 2>/dev/null; }

# The process that busybox's timeout leaves behind for a moment has its output there.
without_room() {
	wait_for 20 is_unmounted || fail "cannot unmount: $(umount "$R/run/rzs" 2>&1)"
}

# No room at all.  The file cannot be written; its directory is there already.
fill() {
	dd if=/dev/zero of="$R/run/rzs/filler" bs=4096 2>/dev/null || true
}

# try_attach: all or nothing; sets $done.
try_attach() {
	local code=0 before

	before=$(snapshot)
	t attach --socket $S --name swap0 >"$out" 2>&1 </dev/null || code=$?
	case $code in
	0) done=yes ;;
	1)
		done=no
		says 'is /run full'
		[ "$(snapshot)" = "$before" ] ||
			fail "${shell[*]}: leaves behind: $(diff <(echo "$before") <(snapshot))" ;;
	*) fail "${shell[*]}: status $code: $(cat "$out")" ;;
	esac
}

check_detach() {
	gives 0 detach
	is_in 2270 proc/sys/vm/min_free_kbytes
	is_in 15000 proc/sys/vm/watermark_boost_factor
	is_in 3 proc/sys/vm/page-cluster
	is_in 128 sys/block/nbd0/queue/nr_requests
}

# sweep OPTION NUMBER..: fails with the first, goes well with the last, and never goes half.
sweep() {
	local option=$1 number first=''

	shift
	for number in "$@"; do
		with_room "size=64k,$option=$number" # of two sizes the last counts
		try_attach
		: "${first:=$done}"
		if [ $done = yes ]; then
			fill
			check_detach
		fi
		without_room
	done
	[ $first = no ] && [ $done = yes ] || fail "${shell[*]}: $option: first $first, last $done"
}

test_full() {
	with_room size=4k
	fill
	try_attach
	[ $done = no ] || fail "${shell[*]}: attached without a state file"
	without_room
	# The directory itself is one of them.
	sweep nr_inodes 1 2 3 4 5 6
	sweep size 4k 8k 12k 16k
}

in_each_shell full
