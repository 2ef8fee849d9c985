#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-nbd-swap, in each shell that it claims to run under, against a made-up machine: directories for
# /sys, /proc, /dev and /run (RZS_SYSROOT), and programs that note their calls and change those
# directories as the real ones would change the machine.  What the real ones and a kernel do is
# tests/vm/scenarios/attach's part.
#
# Red when: a wrong option is taken; a refusal or a failed step leaves anything behind, or says
# neither what nor what to do; the order of steps is another; detach takes apart what swapoff could
# not empty; status calls well what is not.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tests a script; rzscontrol-once.sh runs the report"
. "$srcdir/tests/lib/nbd-swap-rig.sh"

# ---- the tests

test_usage() {
	make_machine
	gives 2
	gives 2 frobnicate
	says 'expected attach, detach, status or check'
	gives 2 attach --frob
	says 'no such option'
	gives 2 attach --priority
	says 'needs a value'
	for value in x -1 32768 '' 9999999999; do
		gives 2 attach --priority "$value"
		says "--priority $value: expected a number from 0 to 32767"
	done
	gives 2 attach --connections 0
	gives 2 attach --nr-requests=3
	gives 2 attach --min-free none
	for value in nbd0 /dev/sda /dev/nbd /dev/nbd0p1 /dev/nbd0/../sda; do
		gives 2 attach --device "$value"
		says 'expected /dev/nbdN'
	done
	gives 2 attach --socket relative
	says 'absolute path'
	gives 2 attach --json
	gives 2 detach --socket $S
	gives 2 status --mkswap
	says 'not an option of status'
	gives 2 check --name swap0
	says 'not an option of check'
	gives 2 attach --name $'two\nlines'
	says 'control characters'
	gives 2 attach --name ' swap0'
	says 'begins or ends with a space'
	[ ! -s "$calls" ] || fail "wrong usage called $(cat "$calls")"
	gives 0 --help
	says 'usage: rzs-nbd-swap attach'
	gives 0 --version
	[ "$(wc -l <"$out")" = 1 ] || fail "--version says $(cat "$out")"
	says_not '@'
}

test_dry_run() {
	make_machine
	rm -r "$R/sys/module/nbd"
	FAKE_UID=1000 unchanged 0 'swapon' -- attach --socket $S --dry-run --connections 4
	diff - <(sed "s,$R,,; s,$bin/,," "$out") <<-END || fail "${shell[*]}: --dry-run differs"
		modprobe nbd max_part=0
		echo 8192 >/proc/sys/vm/min_free_kbytes
		echo 0 >/proc/sys/vm/watermark_boost_factor
		echo 0 >/proc/sys/vm/page-cluster
		timeout 30 nbd-client -unix $S /dev/nbd0 -b 4096 -C 4
		echo none >/sys/block/nbd0/queue/scheduler
		echo 16 >/sys/block/nbd0/queue/nr_requests
		echo 128 >/sys/block/nbd0/queue/max_sectors_kb
		rzs-swapon --force --discard=pages --priority 100 /dev/nbd0
	END
	called ''
	unchanged 0 'warning: --socket /run/none: there is no such socket' \
		-- attach --socket /run/none --dry-run
	make_machine
	gives 0 attach --socket $S
	: >"$calls"
	unchanged 0 'nbd-client -d /dev/nbd0' -- detach --dry-run
	says 'echo 15000 >/proc/sys/vm/watermark_boost_factor'
	called ''
}

test_refusals() {
	make_machine
	FAKE_UID=1000 unchanged 3 'only root' -- attach --socket $S
	FAKE_VERSION='nbd 3.16.2' unchanged 3 'of version 3.16.2: 3.17 or newer' \
		-- attach --socket $S
	FAKE_VERSION='' unchanged 3 'does not print its version' -- attach --socket $S
	unchanged 3 '--socket /run/none: there is no such socket; start the server' \
		-- attach --socket /run/none
	put x run/file
	unchanged 3 'this is not a socket' -- attach --socket /run/file
	FAKE_LIST=1 unchanged 3 'no NBD server answers there within 1 s' \
		-- attach --socket $S --wait 1
	unchanged 3 '/dev/nbd7: there is no such device (nbd has nbds_max=16)' \
		-- attach --socket $S --device /dev/nbd7 --wait 1
	put 2048 sys/block/nbd0/size
	unchanged 3 'in use already' -- attach --socket $S
	make_machine
	echo '/dev/nbd0 /mnt ext4 rw 0 0' >>"$R/proc/mounts"
	unchanged 3 'is mounted' -- attach --socket $S
	make_machine
	put x sys/block/nbd0/holders/dm-0
	unchanged 3 'held by dm-0' -- attach --socket $S
	make_machine
	rm -r "$R/sys/module/nbd"
	FAKE_MODPROBE='Module nbd not found' unchanged 3 'Module nbd not found' \
		-- attach --socket $S
	says 'install its module'
	unchanged 3 'no such device' -- attach --socket $S --device /dev/nbd7 --wait 1
	[ ! -d "$R/sys/module/nbd" ] || fail "${shell[*]}: a refusal has left the module"
}

test_attach_detach() {
	local before

	make_machine
	rm -r "$R/sys/module/nbd"
	before=$(snapshot)
	gives 0 attach --socket $S --max-sectors-kb 64
	called 'modprobe nbd max_part=0' "nbd-client -unix $S /dev/nbd0 -b 4096" \
		'rzs-swapon --force --discard=pages --priority 100 /dev/nbd0'
	is_in none sys/block/nbd0/queue/scheduler
	is_in 16 sys/block/nbd0/queue/nr_requests
	is_in 64 sys/block/nbd0/queue/max_sectors_kb
	is_in 8192 proc/sys/vm/min_free_kbytes
	is_in 0 proc/sys/vm/watermark_boost_factor
	is_in 0 proc/sys/vm/page-cluster
	unchanged 3 'swapped to already' -- attach --socket $S
	: >"$calls"
	gives 0 detach
	called 'rzs-swapoff --force --wait /dev/nbd0' 'nbd-client -d /dev/nbd0'
	rm -r "$R/sys/module/nbd"
	# Of a choice the kernel shows all; the made-up file keeps what was written.
	is_in mq-deadline sys/block/nbd0/queue/scheduler
	put 'none [mq-deadline]' sys/block/nbd0/queue/scheduler
	[ "$(snapshot)" = "$before" ] ||
		fail "${shell[*]}: detach leaves $(diff <(echo "$before") <(snapshot))"
	: >"$calls"
	unchanged 5 'not attached' -- detach
	called ''

	# No lower than it was; as asked for; a share of a large machine; none of it.
	put 20000 proc/sys/vm/min_free_kbytes
	gives 0 attach --socket $S --no-discard --priority 5 --nr-requests kernel
	is_in 20000 proc/sys/vm/min_free_kbytes
	is_in 128 sys/block/nbd0/queue/nr_requests
	grep -qx 'rzs-swapon --force --discard=none --priority 5 /dev/nbd0' "$calls" || fail "${shell[*]}: $(cat "$calls")"
	gives 0 detach
	gives 0 attach --socket $S --min-free 30000
	is_in 30000 proc/sys/vm/min_free_kbytes
	gives 0 detach
	is_in 20000 proc/sys/vm/min_free_kbytes
	put 'MemTotal: 262144 kB' proc/meminfo
	put 2000 proc/sys/vm/min_free_kbytes
	gives 0 attach --socket $S
	is_in 4096 proc/sys/vm/min_free_kbytes
	gives 0 detach
	put 'MemTotal: 81920 kB' proc/meminfo
	gives 0 attach --socket $S
	is_in 2048 proc/sys/vm/min_free_kbytes
	gives 0 detach
	rm -r "$R/sys/module/nbd"
	gives 0 attach --socket $S --device /dev/nbd1
	grep -qx 'modprobe nbd max_part=0 nbds_max=2' "$calls" || fail "${shell[*]}: $(cat "$calls")"
	gives 0 detach --device /dev/nbd1
	put 'MemTotal: 262144 kB' proc/meminfo
	rm -r "$R/sys/module/nbd"
	gives 0 attach --socket $S --device /dev/nbd1
	grep -qx 'modprobe nbd max_part=0 nbds_max=4' "$calls" || fail "${shell[*]}: $(cat "$calls")"
	gives 0 detach --device /dev/nbd1
	rm -r "$R/sys/module/nbd"
	gives 3 attach --socket $S --device /dev/nbd16 --wait 1
	! grep 'nbds_max=17' "$calls" || fail "${shell[*]}: a device is made by naming it"
	put 20000 proc/sys/vm/min_free_kbytes
	put 'MemTotal: 4194304 kB' proc/meminfo
	gives 0 attach --socket $S
	is_in 32768 proc/sys/vm/min_free_kbytes
	gives 0 detach
	gives 0 attach --socket $S --no-tune
	says 'advice: sysctl vm.min_free_kbytes=32768 (it is 20000)'
	is_in 20000 proc/sys/vm/min_free_kbytes
	gives 0 detach
}

# One of several exports, by a name that the shell must leave alone.
test_name() {
	local odd='swap 0 "$(id)" *'

	make_machine
	gives 0 attach --socket $S --name "$odd" --connections 2
	says "swapping to $odd at $S"
	called "nbd-client -unix $S /dev/nbd0 -b 4096 -N $odd -C 2" \
		'rzs-swapon --force --discard=pages --priority 100 /dev/nbd0'
	grep -qxF "name $odd" "$R/run/rzs/nbd0.state" || fail "${shell[*]}: the name is not noted"
	gives 0 status
	says "attached to $odd at $S"
	gives 0 status --json
	check_json 'd["name"] == "swap 0 \"$(id)\" *"'
	gives 0 detach
	gives 0 attach --socket $S
	gives 0 status --json
	check_json 'd["name"] == ""'
	gives 0 detach
	unchanged 1 "--name taken, --connections 1: nbd-client cannot attach /dev/nbd0: no such export" \
		-- attach --socket $S --name taken
}

# Warnings; a client without netlink; settings that others have
# changed.
test_circumstances() {
	make_machine
	put 16 sys/module/nbd/parameters/max_part
	put Y sys/module/zswap/parameters/enabled
	put nbd-client proc/99/comm
	put 0 proc/99/oom_score_adj
	gives 0 attach --socket $S
	says 'loaded with max_part=16'
	says 'zswap is on'
	says 'built without netlink'
	is_in -1000 proc/99/oom_score_adj
	put 2 proc/sys/vm/page-cluster
	gives 0 detach
	says 'vm.page-cluster is 2 now, not the 0 that attach set'
	is_in 2 proc/sys/vm/page-cluster
	is_in 2270 proc/sys/vm/min_free_kbytes

	# The settings belong to both devices.
	gives 0 attach --socket $S --name a
	gives 0 attach --socket $S --name b --device /dev/nbd1
	gives 0 detach
	is_in 8192 proc/sys/vm/min_free_kbytes
	gives 0 detach --device /dev/nbd1
	is_in 2270 proc/sys/vm/min_free_kbytes
}

test_failures() {
	make_machine
	rm -r "$R/sys/module/nbd"
	FAKE_CONNECT=refused unchanged 1 'nbd-client cannot attach /dev/nbd0: cannot reach it' \
		-- attach --socket $S
	called 'modprobe nbd max_part=0' "nbd-client -unix $S /dev/nbd0 -b 4096" 'modprobe -r nbd'
	make_machine
	: >"$calls"
	FAKE_SIZE=0 unchanged 1 'has no size after 1 s' -- attach --socket $S --wait 1
	ln -sf /proc/sys/kernel/ngroups_max "$R/proc/sys/vm/page-cluster"
	unchanged 1 'cannot set vm.page-cluster to 0' -- attach --socket $S
	says '--no-tune leaves it alone'
	make_machine
	put none sys/block/nbd0/queue/scheduler
	rm "$R/sys/block/nbd0/queue/nr_requests"
	unchanged 1 '--nr-requests 16: the kernel has no /sys/block/nbd0/queue/nr_requests' \
		-- attach --socket $S
	make_machine
	put none sys/block/nbd0/queue/scheduler
	FAKE_SWAPON='Operation not permitted' unchanged 1 'Operation not permitted' \
		-- attach --socket $S
	called "nbd-client -unix $S /dev/nbd0 -b 4096" 'rzs-swapon --force --discard=pages --priority 100 /dev/nbd0' \
		'nbd-client -d /dev/nbd0'
	FAKE_CHECK=255 unchanged 1 '(status 255)' -- attach --socket $S
	: >"$R/dev/nbd0"
	truncate -s 1M "$R/dev/nbd0"
	unchanged 1 'no swap header' -- attach --socket $S
	says 'let --mkswap write one'
	: >"$calls"
	gives 0 attach --socket $S --mkswap
	called "nbd-client -unix $S /dev/nbd0 -b 4096" 'mkswap /dev/nbd0' \
		'rzs-swapon --force --discard=pages --priority 100 /dev/nbd0'
	gives 0 detach
	: >"$R/dev/nbd0"
	truncate -s 1M "$R/dev/nbd0"
	printf x | dd of="$R/dev/nbd0" bs=1 seek=65536 conv=notrunc 2>/dev/null
	unchanged 1 'there is no swap header (status 255); if it is yours: wipefs' -- attach --socket $S --mkswap
	# It cannot be started, or not looked at: that is not "nothing there".
	: >"$R/dev/nbd0"
	truncate -s 1M "$R/dev/nbd0"
	for how in 1 2 126 127 137 255; do
		: >"$calls"
		FAKE_CHECK=$how unchanged 1 "(status $how)" -- attach --socket $S --mkswap
		! grep -q mkswap "$calls" || fail "${shell[*]}: status $how of the check is taken for nothing there"
	done
}

test_interruptions() {
	local before

	make_machine
	before=$(snapshot)
	export FAKE_CONNECT=hang
	start attach --socket $S
	unset FAKE_CONNECT
	kill -TERM "$job"
	: >"$R/go"
	ends 1
	says interrupted
	[ "$(snapshot)" = "$before" ] ||
		fail "${shell[*]}: interrupted, leaves $(diff <(echo "$before") <(snapshot))"

	gives 0 attach --socket $S
	before=$(snapshot)
	: >"$calls"
	export FAKE_SWAPOFF=hang
	start detach
	unset FAKE_SWAPOFF
	kill -TERM "$job"
	ends 1
	says 'everything stays attached'
	called 'rzs-swapoff --force --wait /dev/nbd0'
	[ "$(snapshot)" = "$before" ] ||
		fail "${shell[*]}: interrupted, leaves $(diff <(echo "$before") <(snapshot))"
}

test_swapoff() {
	make_machine
	FAKE_USED=1000 gives 0 attach --socket $S
	for how in enomem killed; do
		: >"$calls"
		FAKE_SWAPOFF=$how unchanged 4 'everything stays attached' -- detach
		says 'no room in memory for the 1000 KiB'
		# What the OOM killer has ended is not tried again.
		called 'rzs-swapoff --force --wait /dev/nbd0'
	done
	FAKE_SWAPOFF=other unchanged 1 'Input/output error' -- detach
	: >"$calls"
	FAKE_SWAPOFF=taken gives 0 detach
	called 'rzs-swapoff --force --wait /dev/nbd0' 'rzs-swapoff --force --wait /dev/nbd0' 'rzs-swapoff --force --wait /dev/nbd0' 'nbd-client -d /dev/nbd0'

	FAKE_USED=1000 gives 0 attach --socket $S
	put 'MemAvailable: 999 kB' proc/meminfo
	export FAKE_SWAPOFF=hang
	start detach --verbose --force
	unset FAKE_SWAPOFF
	wait_for 20 says_progress 1000 || fail "${shell[*]}: no progress: $(cat "$out")"
	sed -i 's/ 1000 / 500 /' "$R/proc/swaps"
	wait_for 20 says_progress 500 || fail "${shell[*]}: no progress: $(cat "$out")"
	: >"$R/go"
	ends 0
	says 'warning: /dev/nbd0: 1000 KiB to bring back to memory for it, and room for 999 KiB'
}

# What rzs-swapon cannot say counts as swapped to, whatever the reason.
test_unknown() {
	make_machine
	for status in 1 2 126 127 137 255; do
		FAKE_IS_ON=$status unchanged 3 "is not known:  (status $status)" -- attach --socket $S
	done
	for status in 1 127 137; do
		gives 0 attach --socket $S
		: >"$calls"
		FAKE_IS_ON=$status gives 1 detach
		says 'everything stays attached'
		called 'rzs-swapoff --force --wait /dev/nbd0'
		gives 0 detach
	done
	# Undoing, too: what may be swapped to keeps its server, and what detach needs.
	: >"$calls"
	FAKE_IS_ON_LATER=127 FAKE_SWAPOFF=other gives 1 attach --socket $S
	says 'has succeeded, but whether /dev/nbd0 is swapped to is not known'
	called "nbd-client -unix $S /dev/nbd0 -b 4096" 'rzs-swapon --force --discard=pages --priority 100 /dev/nbd0' \
		'rzs-swapoff --force --wait /dev/nbd0'
	gives 0 detach
}

# no_room TEXT AVAILABLE-KIB [LINE-OF-MEMINFO]: detach is refused, with this text.
no_room() {
	put "MemAvailable: $2 kB" proc/meminfo
	[ -z "${3:-}" ] || echo "$3" >>"$R/proc/meminfo"
	: >"$calls"
	unchanged 4 "$1" -- detach
	says 'everything stays attached'
	called ''
}

# What is swapped out is compared with where it could go, before swapoff is called.
test_room() {
	make_machine
	FAKE_USED=1000 gives 0 attach --socket $S
	no_room '1000 KiB to bring back to memory for it, and room for 999 KiB' 999
	no_room '900 KiB to bring back to memory for it, and room for 899 KiB' 899 'SwapCached: 100 kB'
	# A share of the memory must remain; other swap in the same memory does not count.
	no_room 'room for 900 KiB' 4900 'MemTotal: 32000 kB'
	echo '/dev/zram0 partition 100000 400 100' >>"$R/proc/swaps"
	echo '/dev/nbd1 partition 100000 400 100' >>"$R/proc/swaps"
	no_room 'room for 999 KiB' 999 'SwapCached: 800 kB'
	echo '/swapfile file 2000 1000 -2' >>"$R/proc/swaps"
	put 'MemAvailable: 0 kB' proc/meminfo
	gives 0 detach
}

# At shutdown, and no room: shared memory is given up, once, and then it must fit.
test_shutdown() {
	local job

	make_machine
	mkdir -p "$R/run/systemd/system"
	echo 'tmpfs /dev/shm tmpfs rw 0 0' >>"$R/proc/mounts"
	put 0 proc/sys/kernel/shm_rmid_forced
	put text dev/shm/left/behind
	FAKE_USED=1000 gives 0 attach --socket $S
	put 'MemAvailable: 999 kB' proc/meminfo
	: >"$calls"
	for job in '' 'soft-reboot.target start' 'reboot.target stop'; do
		FAKE_JOB=$job unchanged 4 'and room for' -- detach
	done
	called ''
	FAKE_JOB='poweroff.target start' gives 0 detach --verbose
	says 'shared memory is given up'
	[ -z "$(ls "$R/dev/shm")" ] || fail "${shell[*]}: shared memory stays"
	called 'find /dev/shm -xdev -mindepth 1 -delete' 'rzs-swapoff --force --wait /dev/nbd0' 'nbd-client -d /dev/nbd0'
	is_in 1 proc/sys/kernel/shm_rmid_forced

	# It seems to fit, and does not; afterwards neither.
	FAKE_USED=1000 gives 0 attach --socket $S
	put text dev/shm/left/behind
	: >"$calls"
	FAKE_JOB='reboot.target start' FAKE_SWAPOFF=killed gives 4 detach
	called 'rzs-swapoff --force --wait /dev/nbd0' 'find /dev/shm -xdev -mindepth 1 -delete' 'rzs-swapoff --force --wait /dev/nbd0'
	# There is none.
	sed -i '\,/dev/shm,d' "$R/proc/mounts"
	put 'MemAvailable: 999 kB' proc/meminfo
	: >"$calls"
	FAKE_JOB='reboot.target start' gives 4 detach
	called ''
}

# systemd's units of the device and its links are kept from ending the swap themselves.
test_units() {
	local units=$R/run/systemd/system before unit

	make_machine
	mkdir -p "$units"
	before=$(snapshot)
	FAKE_SWAPON='no' gives 1 attach --socket $S
	[ -z "$(ls "$units")" ] || fail "${shell[*]}: a failure leaves $(ls "$units")"
	put none sys/block/nbd0/queue/scheduler
	gives 0 attach --socket $S
	for unit in dev-nbd0 'dev-disk-by\x2duuid-1\x2d2' 'dev-disk-by\x2ddiskseq-7'; do
		grep -qx 'DefaultDependencies=no' "$units/$unit.swap.d/50-rzs.conf" ||
			fail "${shell[*]}: no drop-in for $unit: $(find "$units")"
	done
	# Before systemd sees it in /proc/swaps.
	grep -nE '^(systemd-escape|rzs-swapon --force)' "$calls" | tail -n 2 | head -n 1 | grep -q escape ||
		fail "${shell[*]}: $(cat "$calls")"
	mkdir "$units/dev-nbd0.swap.d/own"
	gives 0 detach
	[ "$(find "$units" -mindepth 1 | wc -l)" = 2 ] || fail "${shell[*]}: detach leaves $(find "$units")"
	rm -r "$units/dev-nbd0.swap.d"
	put 'none [mq-deadline]' sys/block/nbd0/queue/scheduler
	[ "$(snapshot)" = "$before" ] || fail "${shell[*]}: leaves $(diff <(echo "$before") <(snapshot))"
}

says_progress() {
	grep -qx "swapoff /dev/nbd0: $1 KiB to bring back" "$out"
}

# unwell TEXT VALUE FILE: with this value in this file, status says so and gives 6; with the old one
# all is well again.
unwell() {
	local old

	old=$(cat "$R/$3")
	put "$2" "$3"
	gives 6 status
	says "$1"
	printf '%s\n' "$old" >"$R/$3"
}

test_status() {
	make_machine
	gives 5 status
	says 'not attached'
	gives 5 status --json
	FAKE_USED=12 gives 0 attach --socket $S
	unchanged 0 '12 of 1020 KiB in use' -- status
	says 'process 4242: 4096 KiB locked'
	says '4 of 4 threads never wait for swap'
	says '1 of 1 low-latency threads'
	says_not 'bad '
	says_not 'note '
	unwell 'bad   server    process 4242: 0 KiB locked' 'VmLck: 0 kB' proc/4242/status
	unwell '8 KiB of it swapped out' $'VmLck: 4096 kB\nVmSwap: 8 kB' proc/4242/status
	unwell 'echo -1000 >/proc/4242/oom_score_adj' 0 proc/4242/oom_score_adj
	unwell 'memory.high 1000000' 1000000 sys/fs/cgroup/rzs/memory.high
	unwell 'sysctl vm.min_free_kbytes=8192' 8191 proc/sys/vm/min_free_kbytes
	unwell 'sysctl vm.watermark_boost_factor=0' 15000 proc/sys/vm/watermark_boost_factor
	unwell 'sysctl vm.page-cluster=0' 1 proc/sys/vm/page-cluster
	unwell 'echo 16 >/sys/block/nbd0/queue/nr_requests' 17 sys/block/nbd0/queue/nr_requests
	unwell 'echo 128 >/sys/block/nbd0/queue/max_sectors_kb' 256 sys/block/nbd0/queue/max_sectors_kb
	unwell 'echo none >/sys/block/nbd0/queue/scheduler' '[mq-deadline] none' \
		sys/block/nbd0/queue/scheduler
	unwell 'not swapped to' 'Filename' proc/swaps
	unwell CAP_SYS_NICE "$(thread_stat 4243 nbdkit $((0x580040)) 0)" proc/4242/task/4243/stat
	unwell '3 of 4 threads never wait for swap' "$(thread_stat 4243 nbdkit $((0x500040)) 1)" \
		proc/4242/task/4243/stat
	put Y sys/module/zswap/parameters/enabled
	unwell 'zswap Y' Y sys/module/zswap/parameters/enabled
	put N sys/module/zswap/parameters/enabled
	unwell 'the server, process 4242, is gone' \
		'4242 (new) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 778 0' proc/4242/stat
	gives 0 status

	make_thread 4245 nbdkit $((0x580040)) 0
	gives 0 status
	says 'note  server    1 of 2 low-latency threads'
}

# Before anything is attached, and after.
test_check() {
	make_machine
	make_thread 4243 nbdkit $((0x580040)) 0
	gives 0 check --socket $S
	says '/dev/nbd0: not attached'
	says 'ok    client    nbd-client 3.24'
	says 'note  vm        vm.min_free_kbytes 2270, attach will set it to 8192; sysctl vm.min_free'
	says 'note  server    0 of 1 low-latency threads'
	says_not 'bad '
	gives 0 check --socket $S --json
	check_json 'd["attached"] is False and d["well"] is True'
	check_json '{f["check"] for f in d["findings"]} == {"client", "nbd", "server", "vm"}'
	FAKE_VERSION='nbd 3.16.2' gives 6 check --socket $S
	says 'bad   client    '
	says 'install a newer one'
	FAKE_LIST=1 gives 6 check --socket $S
	says 'bad   server    no NBD server answers'
	gives 6 check --socket /run/none
	says 'bad   server    nothing listens at /run/none; start the server'
	put Y sys/module/zswap/parameters/enabled
	gives 6 check --socket $S
	says 'bad   vm        zswap Y'
	put N sys/module/zswap/parameters/enabled
	put 0 proc/4242/oom_score_adj
	gives 6 check --socket $S
	says 'echo -1000 >/proc/4242/oom_score_adj'
	put -1000 proc/4242/oom_score_adj
	rm -r "$R/sys/module/nbd"
	gives 0 check --socket $S
	says 'the nbd module is installed, attach will load it'
	FAKE_MODULE=1 gives 6 check --socket $S
	says 'bad   nbd       the kernel has no nbd; install its module'

	# A device that went away without detach says nothing about the server of now.
	make_machine
	gives 0 attach --socket $S
	put 0 sys/block/nbd0/size
	rm "$R/sys/block/nbd0/pid"
	put '4242 (new) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 778 0' proc/4242/stat
	gives 0 check --socket $S
	says_not 'is gone'

	make_machine
	gives 0 attach --socket $S
	unchanged 0 'ok    queue     nr_requests 16' -- check
	says 'ok    client'
	put 1 proc/sys/vm/page-cluster
	gives 6 check
	says 'bad   vm        vm.page-cluster 1; sysctl vm.page-cluster=0'
}

test_json() {
	local odd='/run/a "b\c.sock'

	make_machine
	mv "$R$S" "$R$odd"
	gives 5 status --json
	check_json 'd["attached"] is False and d["server"]["pid"] is None'
	gives 0 attach --socket "$odd"
	gives 6 status --json
	check_json 'd["socket"] == "/run/a \"b\\c.sock"'
	check_json 'd["server"]["pid"] is None and d["well"] is False'
	gives 0 detach
	mv "$R$odd" "$R$S"
	FAKE_USED=12 gives 0 attach --socket $S
	gives 0 status --json
	check_json 'd["well"] and d["attached"] and d["size_kib"] == 1024'
	check_json 'd["queue"]["nr_requests"] == "16"'
	check_json 'd["swap"] == {"on": True, "kib": 1020, "used_kib": 12, "priority": 100}'
	check_json 'd["server"]["pid"] == 4242 and d["server"]["oom_score_adj"] == -1000'
	check_json '[t["policy"] for t in d["server"]["threads"]] == [0, 1, 0, 0]'
	check_json 'all(f["level"] == "ok" for f in d["findings"]) and len(d["findings"]) >= 10'
	put 0 proc/4242/oom_score_adj
	gives 6 status --json
	check_json '[f["check"] for f in d["findings"] if f["level"] == "bad"] == ["server"]'
}

# Red when systemd does not understand a line of the units, or misses a program.
check_units() {
	local unit

	mkdir "$tmpdir/units"
	for unit in rzs-swap rzs-swap-attach; do
		sed "s,=[^ ]*/rzs-nbd-swap ,=$(realpath "$tool") ," \
			"$builddir/scripts/systemd/$unit.service" >"$tmpdir/units/$unit.service"
	done
	systemd-analyze verify --man=no "$tmpdir"/units/*.service >"$out" 2>&1 ||
		fail "systemd-analyze verify: $(cat "$out")"
	! grep -q rzs-swap "$out" || fail "systemd-analyze verify: $(cat "$out")"
}

if [ -e "${builddir:-.}/scripts/systemd/rzs-swap.service" ] &&
	systemd-analyze --version >"$out" 2>&1; then
	check_units
fi
if command -v shellcheck >/dev/null; then
	shellcheck -S warning "$tool" || fail "shellcheck has objections"
fi
in_each_shell usage dry_run refusals attach_detach name circumstances failures interruptions swapoff unknown room shutdown \
	units status check json
