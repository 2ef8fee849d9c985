#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-module-swap, which ramzswap-attach.service runs, in each shell, against a made-up machine.  What a
# kernel and systemd do is tests/vm/system's part.
#
# Red when: a step comes too early (the limit must be there before the size, what systemd is to leave
# alone before the swap); a failed step leaves anything behind; detach frees what swapoff could not
# empty, does not look whether there is room, or unloads a module that it has not loaded or that has
# other devices in use; at shutdown shared memory keeps it from ending.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tests a script"
. "$srcdir/tests/lib/nbd-swap-rig.sh"
tool=${builddir:-.}/scripts/rzs-module-swap
[ -e "$tool" ] || fail "no $tool: build first"
export RZS_SIZE=1073741824 RZS_MEMLIMIT=536870912 RZS_ALGORITHM=zstd
sysfs=sys/block/ramzswap0

# rzs-swapoff --dry-run, which is the real one, wants to see the device's node.
make_module_machine() {
	make_machine
	mkdir -p "$R/dev"
	truncate -s 1M "$R/dev/ramzswap0"
}

test_usage() {
	make_module_machine
	gives 2
	gives 2 status
	gives 2 attach --force
	gives 0 --help
	says 'usage: rzs-module-swap attach'
	FAKE_UID=1000 unchanged 3 'only root' -- attach
}

# What is written to sysfs stays there as it was written.
test_whole() {
	make_module_machine
	gives 0 attach --verbose
	says '/dev/ramzswap0: swapping to it'
	called 'modprobe ramzswap' 'rzscontrol attach /dev/ramzswap0 --priority 100'
	diff - <(sed -n "s/^echo //p" "$out") <<-END || fail "${shell[*]}: written is"
		zstd >/$sysfs/comp_algorithm
		536870912 >/$sysfs/mem_limit
		1073741824 >/$sysfs/disksize
	END
	[ -e "$R/run/systemd/system" ] || [ ! -e "$R/run/systemd" ] || fail "${shell[*]}: $(find "$R/run/systemd")"
	: >"$calls"
	gives 3 attach
	says 'initialised already'
	called ''
	gives 0 detach
	called 'rzs-swapoff --force --wait /dev/ramzswap0' 'rmmod ramzswap'
	[ -z "$(ls "$R/run/rzs")" ] || fail "${shell[*]}: left behind: $(ls "$R/run/rzs")"
	gives 5 detach
}

# What another has loaded, and other devices of the module, stay.
test_module() {
	make_module_machine
	mkdir -p "$R/sys/module/ramzswap"
	put 0 $sysfs/initstate
	RZS_ALGORITHM='' RZS_MEMLIMIT='' RZS_PRIORITY=7 gives 0 attach
	called 'rzscontrol attach /dev/ramzswap0 --priority 7'
	[ ! -e "$R/$sysfs/comp_algorithm" ] && [ ! -e "$R/$sysfs/mem_limit" ] || fail "${shell[*]}: empty values are written"
	: >"$calls"
	gives 0 detach
	is_in 1 $sysfs/reset
	called 'rzs-swapoff --force --wait /dev/ramzswap0'
	make_module_machine
	gives 0 attach
	put 1 sys/block/ramzswap1/initstate
	: >"$calls"
	gives 0 detach
	called 'rzs-swapoff --force --wait /dev/ramzswap0'
}

test_failures() {
	make_module_machine
	mkdir -p "$R/run/rzs"
	FAKE_MODPROBE='Module ramzswap not found' unchanged 1 'was it built for this kernel?' -- attach
	FAKE_SWAPON='no memory' unchanged 1 'rzscontrol: no memory' -- attach
	called 'modprobe ramzswap' 'modprobe ramzswap' 'rzscontrol attach /dev/ramzswap0 --priority 100' 'rmmod ramzswap'
	make_module_machine
	FAKE_USED=200000 gives 0 attach
	: >"$calls"
	gives 4 detach
	says '200000 KiB to bring back to memory for it, and room for'
	FAKE_SWAPOFF=other gives 1 detach --force
	called 'rzs-swapoff --force --wait /dev/ramzswap0'
	[ ! -e "$R/$sysfs/reset" ] || fail "${shell[*]}: reset, and still swapped to"
}

test_shutdown() {
	make_module_machine
	mkdir -p "$R/run/systemd/system" "$R/dev/shm" "$R/proc/sys/kernel"
	: >"$R/dev/shm/text"
	echo 'tmpfs /dev/shm tmpfs rw 0 0' >>"$R/proc/mounts"
	FAKE_USED=60000 gives 0 attach
	[ -e "$R/run/systemd/system/dev-ramzswap0.swap.d/50-rzs.conf" ] || fail "${shell[*]}: systemd will end the swap itself"
	sed -i 's/^MemAvailable:.*/MemAvailable: 30000 kB/' "$R/proc/meminfo"
	FAKE_JOB='reboot.target start' gives 0 detach
	says 'shared memory is given up'
	[ ! -e "$R/dev/shm/text" ] || fail "${shell[*]}: shared memory is still there"
	[ -z "$(find "$R/run/systemd" -type f)" ] || fail "${shell[*]}: the drop-in stays"
}

in_each_shell usage whole module failures shutdown
