#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-nbd-swap, in each shell, against a made-up machine: one export is attached once, one process
# at a time changes things, and the server that is judged is the one that serves.
#
# Red when: an export that another device has is attached again, by whatever path or name; a lock
# outlives who had it, or a program that it left behind keeps it; the service manager, which has the
# server's socket open too, is taken for the server; what cannot be written to standard output is
# called done.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tests a script; rzscontrol-once.sh runs the report"
. "$srcdir/tests/lib/nbd-swap-rig.sh"

# set_uuid N HEX: of its swap header, four bytes at its end.
set_uuid() {
	printf '%b' "\\x${2:0:2}\\x${2:2:2}\\x${2:4:2}\\x${2:6:2}" |
		dd of="$R/dev/nbd$1" bs=1 seek=1048 conv=notrunc 2>/dev/null
}

# A second attach of swap0, which nbd0 has, by nbd1.
again() {
	local how=$1

	shift
	unchanged 3 "/dev/nbd0 has this export already, and is $how" -- attach --device /dev/nbd1 --socket "$@"
	says '; rzs-nbd-swap detach --device /dev/nbd0 first'
	[ ! -e "$R/run/rzs/nbd1.state" ] || fail "${shell[*]}: a refusal leaves a state file"
}

test_export() {
	make_machine
	ln -s s.sock "$R/run/link.sock"
	gives 0 attach --socket $S --name swap0
	again "swapped to" $S --name swap0
	again "swapped to" /run/link.sock --name swap0
	again "swapped to" /run//s.sock --name swap0
	FAKE_UID=1000 gives 0 attach --device /dev/nbd1 --socket $S --name swap0 --dry-run
	says 'warning: --name swap0, --socket'
	put 'Filename Type Size Used Priority' proc/swaps # swapoff -a
	again "not swapped to, and still connected" $S --name swap0

	# Of another name, or of another server.
	gives 0 attach --device /dev/nbd1 --socket $S --name swap1
	gives 0 detach --device /dev/nbd1
	put '4242 (new) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 778 0' proc/4242/stat
	gives 0 attach --device /dev/nbd1 --socket $S --name swap0
	gives 0 detach --device /dev/nbd1
	put '4242 (nbd) kit) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0' proc/4242/stat

	# Without a name it may be the same; the header tells, also behind what is known of nobody.
	for uuid in 01234567 00000009; do
		set_uuid 0 $uuid
		set_uuid 1 $uuid
		again "not swapped to, and still connected" $S
	done
	set_uuid 1 11111111
	gives 0 attach --device /dev/nbd1 --socket $S
	gives 0 detach --device /dev/nbd1

	# A server that no process is known of.
	put '' proc/net/unix
	again "not swapped to, and still connected" /run/link.sock --name swap0
}

# What was attached by hand, and a state file that is of another time.
test_by_hand() {
	make_machine
	put 2048 sys/block/nbd0/size
	put 500 sys/block/nbd0/pid
	put nbd-client proc/500/comm
	printf '%s\0' nbd-client -N swap0 -unix /run//s.sock /dev/nbd0 >"$R/proc/500/cmdline"
	again "not swapped to" $S --name swap0
	printf '%s\0' nbd-client -u $S /dev/nbd0 >"$R/proc/500/cmdline"
	again "not swapped to" $S
	printf '%s\n' "socket $S" 'name swap1' 'client_pid 500' >"$R/run/rzs/nbd0.state"
	again "not swapped to" $S --name swap1
	sed -i s/500/501/ "$R/run/rzs/nbd0.state"
	gives 0 attach --device /dev/nbd1 --socket $S --name swap1
	gives 0 detach --device /dev/nbd1
	# By a client that is gone: only the header is left to tell.
	make_machine
	put 2048 sys/block/nbd0/size
	set_uuid 0 01234567
	set_uuid 1 01234567
	again "not swapped to" $S --name swap1
	says 'mkswap makes a new one'
	# Our servers let one client write.
	set_uuid 1 7654321a
	FAKE_RO=1 unchanged 3 'the server allows only reading' -- attach --device /dev/nbd1 --socket $S
}

test_lock() {
	make_machine
	# A file of the form that once was the lock, with a number that lives.
	put "$$" run/rzs/lock
	gives 0 attach --socket $S --name a
	gives 0 detach
	mkdir -p "$R/run/rzs"
	exec 8<"$R/run/rzs"
	flock 8
	unchanged 3 'another rzs-nbd-swap is at work: wait for it' -- attach --socket $S 8<&-
	unchanged 3 'another rzs-nbd-swap is at work: wait for it' -- detach 8<&-
	exec 8<&-

	# While one is at work; one that was killed leaves nothing locked.
	export FAKE_CONNECT=hang
	start attach --socket $S --name a
	unset FAKE_CONNECT
	gives 3 attach --socket $S --device /dev/nbd1 --name b
	says 'another rzs-nbd-swap is at work'
	kill -KILL "$job"
	wait "$job" 2>/dev/null || true
	gives 0 attach --socket $S --device /dev/nbd1 --name b
	gives 0 detach --device /dev/nbd1
	: >"$R/go"
	wait_for 20 test -e "$R/sys/block/nbd0/pid" || fail "${shell[*]}: the client has not gone on"
	gives 0 detach

	# Without netlink the client stays, and must not stay with the lock.
	FAKE_STAY=1 gives 0 attach --socket $S --name a
	gives 0 detach
	: >"$R/go"
}

# with_manager: process 1 has made the socket, and server 4242 has it from there.
with_manager() {
	put '1 (systemd) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0' proc/1/stat
	put 0 proc/1/oom_score_adj
	put 'VmLck: 0 kB' proc/1/status
	mkdir -p "$R/proc/1/fd"
	ln -s 'socket:[555]' "$R/proc/1/fd/9"
}

test_manager() {
	make_machine
	with_manager
	gives 0 attach --socket $S
	gives 0 status
	says 'process 4242: 4096 KiB locked'
	gives 0 check --json
	check_json 'd["server"]["pid"] == 4242'
	# By whatever path it was bound.
	rm "$R/run/rzs/nbd0.state"
	sed -i 's,/run/s.sock,/run//s.sock,' "$R/proc/net/unix"
	gives 0 status --socket $S
	says 'process 4242'
	gives 0 detach
	ln -s s.sock "$R/run/link.sock"
	gives 0 attach --socket /run/link.sock
	gives 0 status
	says 'process 4242'

	# It dies: what is left is the manager.
	mv "$R/proc/4242" "$R/proc/gone"
	gives 6 status
	says 'the server, process 4242, is gone'
	says_not 'process 1'
	mv "$R/proc/gone" "$R/proc/4242"
	gives 0 detach
	rm "$R/proc/4242/fd/5"
	gives 6 check --socket $S
	says 'no process is known to serve'
	says_not 'proc/1/'

	# One that lets the manager's socket go is known by its connections; and by name.
	echo "0: 00000003 00000000 00000000 0001 03 556 $R$S" >>"$R/proc/net/unix"
	ln -s 'socket:[556]' "$R/proc/4242/fd/6"
	gives 0 check --socket $S
	says 'process 4242'
	put '' proc/net/unix
	gives 0 check --socket $S --server 4242
	says 'process 4242'
	gives 6 check --socket $S --server 4243
	gives 2 check --server x
	says '--server x: expected a number'

	# An old server, which waits for its last client, is not the one that listens now.
	make_machine
	put '4000 (old) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0' proc/4000/stat
	mkdir -p "$R/proc/4000/fd"
	ln -s 'socket:[557]' "$R/proc/4000/fd/6"
	echo "0: 00000003 00000000 00000000 0001 03 557 $R$S" >>"$R/proc/net/unix"
	gives 0 attach --socket $S
	gives 0 status --json
	check_json 'd["server"]["pid"] == 4242'
	gives 0 detach
}

# lost ARGUMENT..: standard output is full.
lost() {
	local want=$1 code=0

	shift
	t "$@" >/dev/full 2>"$out" </dev/null || code=$?
	[ "$code" = "$want" ] || fail "${shell[*]}: '$* >/dev/full' gives $code, not $want"
	says 'cannot write to standard output'
}

test_words() {
	make_machine
	lost 1 --help
	lost 1 --version
	lost 1 attach --help
	lost 1 attach --socket $S --dry-run
	lost 0 attach --socket $S
	is_in 0 proc/sys/vm/page-cluster
	lost 1 status
	lost 1 check --json
	lost 0 detach
	lost 1 status
	for command in attach detach status check; do
		gives 0 $command --help
		says 'usage: rzs-nbd-swap attach'
	done
	gives 0 attach --socket $S --min-free 1 --dry-run
	says '# vm.min_free_kbytes stays as it is, 2270'
	says 'echo 0 >/proc/sys/vm/page-cluster'
	FAKE_SWAPON='it has no memory for that' unchanged 1 'it has no memory for that' -- attach --socket $S
	says_not --priority

	# No other device is swapped to: threads are no real-time ones, and need not be.
	gives 0 attach --socket $S
	put 'Filename Type Size Used Priority' proc/swaps
	put "$(thread_stat 4243 nbdkit $((0x580040)) 0)" proc/4242/task/4243/stat
	gives 6 status
	says 'note  server    0 of 1 low-latency threads'
	says 'bad   swap      /dev/nbd0 is attached and not swapped to'
	[ "$(grep -c ^bad "$out")" = 1 ] || fail "${shell[*]}: status: $(cat "$out")"

	# What cannot be read may hold anything.
	put none sys/block/nbd1/queue/scheduler
	rm "$R/dev/nbd1"
	mkdir "$R/dev/nbd1"
	unchanged 1 'there is no swap header (status 255)' -- attach --device /dev/nbd1 --socket $S --name b --mkswap
	rm -r "$R/dev/nbd1"

	# Its node is gone, it is swapped to all the same: it must not be disconnected.
	put '/dev/nbd0\040(deleted) partition 1020 12 100' proc/swaps
	gives 6 status
	says '12 of 1020 KiB in use'
	FAKE_SWAPOFF=other unchanged 1 'everything stays attached' -- detach

	rm "$R/proc/meminfo"
	for command in attach detach status check; do
		gives 3 $command
		[ "$(cat "$out")" = 'rzs-nbd-swap: /proc is not mounted here: mount -t proc proc /proc' ] ||
			fail "${shell[*]}: $command without /proc: $(cat "$out")"
	done
}

in_each_shell export by_hand lock manager words
