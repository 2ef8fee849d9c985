#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-swap-shutdown, which rzs-autoswap-shutdown.service runs when it stops, in each shell, against a made-up
# machine.  What a kernel and systemd do is tests/vm/system's part.
#
# Red when: shared memory is given up although all fits, or without a shutdown; it is not given up although the areas
# do not fit together; a failure is not reported; anything is turned off.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tests a script"
. "$srcdir/tests/lib/nbd-swap-rig.sh"
tool=${builddir:-.}/scripts/rzs-swap-shutdown
[ -e "$tool" ] || fail "no $tool: build first"

# A machine with systemd, and no server: what make_machine adds to that takes most of the time of a test.
make_small_machine() {
	rm -rf "${R:?}"
	mkdir -p "$R/run/systemd/system" "$R/proc/sys/vm"
	echo 2270 >"$R/proc/sys/vm/min_free_kbytes"
	echo 'Filename Type Size Used Priority' >"$R/proc/swaps"
	echo 'rootfs / rootfs rw 0 0' >"$R/proc/mounts"
	printf '%s\n' 'MemTotal: 524288 kB' 'MemAvailable: 100000 kB' >"$R/proc/meminfo"
	: >"$calls"
}

# The same with two swap files, of so many KiB used each, and something left in shared memory.
make_full_machine() {
	local file

	make_small_machine
	mkdir -p "$R/proc/sys/kernel" "$R/var/s"
	for file in 0 1; do
		: >"$R/var/s/swap.$file"
		echo "/var/s/swap.$file file 1020000 $1 32" >>"$R/proc/swaps"
	done
	sed -i 's/^MemAvailable:.*/MemAvailable: 50000 kB/' "$R/proc/meminfo"
	echo 'tmpfs /dev/shm tmpfs rw 0 0' >>"$R/proc/mounts"
	put 0 proc/sys/kernel/shm_rmid_forced
	put text dev/shm/left/behind
}

# does_nothing ARGUMENT..: and says nothing.
does_nothing() {
	local before

	before=$(snapshot)
	gives 0 "$@"
	[ ! -s "$out" ] || fail "${shell[*]}: says $(cat "$out")"
	[ "$(snapshot)" = "$before" ] || fail "${shell[*]}: leaves behind: $(diff <(echo "$before") <(snapshot))"
	called ''
}

test_usage() {
	make_full_machine 20000
	gives 2 stop
	says 'usage: rzs-swap-shutdown'
	gives 0 --help
	called ''
}

# Each of them would fit, with 50000 KiB available, and a floor of 16384.
test_shutdown() {
	local job

	make_full_machine 20000
	for job in '' 'soft-reboot.target start' 'reboot.target stop'; do
		FAKE_JOB=$job does_nothing --verbose
	done
	FAKE_UID=1000 FAKE_JOB='reboot.target start' unchanged 3 'only root' --
	FAKE_JOB='reboot.target start' gives 0 --verbose
	says '40000 KiB to bring back to memory for all of them, and room for 33616 KiB'
	says 'shared memory is given up'
	[ -z "$(ls "$R/dev/shm")" ] || fail "${shell[*]}: shared memory stays"
	is_in 1 proc/sys/kernel/shm_rmid_forced
	called 'find /dev/shm -xdev -mindepth 1 -delete'
}

test_fits() {
	make_full_machine 15000
	FAKE_JOB='poweroff.target start' does_nothing --verbose
	make_small_machine
	FAKE_JOB='poweroff.target start' does_nothing --verbose
}

# What processes have is in the way: process 1 has another try when they are gone.
test_no_room() {
	make_full_machine 20000
	sed -i '\,/dev/shm,d' "$R/proc/mounts"
	FAKE_JOB='halt.target start' gives 4
	says 'rzs-swap-shutdown: 40000 KiB to bring back'
	called ''
	[ -e "$R/dev/shm/left" ] || fail "${shell[*]}: what is not a tmpfs is removed"
	rm "$R/proc/meminfo"
	FAKE_JOB='halt.target start' gives 3
	says '/proc is not mounted here'
}

in_each_shell usage shutdown fits no_room
