# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts about rzs-nbd-swap source after functions.sh: a made-up machine (RZS_SYSROOT),
# programs that note their calls and change it as the real ones would, and ways of calling it.

requires "$PYTHON" --version
tool=${builddir:-.}/scripts/rzs-nbd-swap
[ -e "$tool" ] || fail "no $tool: build first"
RZSCONTROL=$(realpath "${builddir:-.}/tools/rzscontrol/rzscontrol")
[ -x "$RZSCONTROL" ] || fail "no $RZSCONTROL: build first"
# What it calls to look and not to change is the real one.
real_swapoff=$(realpath "${builddir:-.}/tools/swapoff/rzs-swapoff")
real_swapon=$(realpath "${builddir:-.}/tools/swapon/rzs-swapon")
[ -x "$real_swapoff" ] && [ -x "$real_swapon" ] || fail "no $real_swapoff or $real_swapon: build first"
export RZSCONTROL real_swapoff real_swapon

R=$tmpdir/r
bin=$tmpdir/bin
calls=$tmpdir/calls
out=$tmpdir/out
S=/run/s.sock

# ---- the machine

make_programs() {
	mkdir "$bin"
	cat >"$bin/fake" <<-'END'
		#!/bin/bash
		name=${0##*/}
		[ "$name" = id ] || echo "$name $*" | sed "s,$RZS_SYSROOT,,g" >>"$CALLS"
		block=$RZS_SYSROOT/sys/block/nbd0
		swaps=$RZS_SYSROOT/proc/swaps
		until_told() {
			: >"$RZS_SYSROOT/hanging"
			until [ -e "$RZS_SYSROOT/go" ]; do sleep 0.02; done
		}
		case $name:$* in
		id:*) echo "${FAKE_UID:-0}" ;;
		getconf:*) echo "${FAKE_PAGE:-4096}" ;;
		nbd-client:-V) echo "This is nbd-client, from ${FAKE_VERSION-nbd 3.24}" ;;
		nbd-client:-l*) exit "${FAKE_LIST:-0}" ;;
		nbd-client:-d*)
			device=${2##*/}
			echo 0 >"${block%0}${device#nbd}/size"
			rm -f "${block%0}${device#nbd}/pid" "${block%0}${device#nbd}/ro" ;;
		nbd-client:*)
			if [[ " $* " = *" -N taken "* ]]; then
				echo "no such export" >&2
				exit 1
			fi
			case ${FAKE_CONNECT:-} in
			refused) echo "cannot reach it" >&2; exit 1 ;;
			hang) until_told ;;
			esac
			device=${3##*/}
			[ -z "${FAKE_RO:-}" ] || echo 1 >"${block%0}${device#nbd}/ro"
			[ -z "${FAKE_STAY:-}" ] || { until_told & }
			echo "${FAKE_SIZE:-2048}" >"${block%0}${device#nbd}/size"
			echo "${FAKE_CLIENT:-99}" >"${block%0}${device#nbd}/pid" ;;
		rzs-swapon:--check*)
			[ -z "${FAKE_CHECK:-}" ] || exit "$FAKE_CHECK"
			[ "$(tail -c +4087 "$RZS_SYSROOT$2" | head -c 10)" != SWAPSPACE2 ] || exit 0
			echo "rzs-swapon: $2: there is no swap header" >&2
			[ -f "$RZS_SYSROOT$2" ] || exit 255
			[ "$(tr -d '\0' <"$RZS_SYSROOT$2" | wc -c)" != 0 ] || exit 32
			exit 255 ;;
		rzs-swapon:--is-on*)
			[ -z "${FAKE_IS_ON:-}" ] || exit "$FAKE_IS_ON"
			! grep -q "^$2[[:space:]]" "$swaps" || [ -z "${FAKE_IS_ON_LATER:-}" ] || exit "$FAKE_IS_ON_LATER"
			exec "$real_swapon" "$@" ;;
		rzs-swapon:*)
			[ -z "${FAKE_SWAPON:-}" ] || { echo "rzs-swapon: $FAKE_SWAPON" >&2; exit 255; }
			echo "${!#} partition 1020 ${FAKE_USED:-0} 100" >>"$swaps" ;;
		rzs-swapoff:--dry-run*) exec "$real_swapoff" "$@" ;;
		rzs-swapoff:*)
			case ${FAKE_SWAPOFF:-} in
			enomem) echo "rzs-swapoff: $3: no room in memory" >&2; exit 2 ;;
			killed) kill -KILL $$ ;;
			other) echo "rzs-swapoff: $3: Input/output error" >&2; exit 4 ;;
			taken)
				if [ "$(grep -c '^rzs-swapoff --force' "$CALLS")" -lt 3 ]; then
					echo "rzs-swapoff: $3: another swapoff is at work there" >&2
					exit 4
				fi ;;
			hang) until_told ;;
			esac
			sed -i "\,^$3[[:space:]],d" "$swaps" ;;
		mkswap:*)
			printf SWAPSPACE2 |
				dd of="$RZS_SYSROOT$1" bs=1 seek=4086 conv=notrunc 2>/dev/null ;;
		systemctl:list-jobs*) echo "1 ${FAKE_JOB:-sys-nbd.device start} waiting" ;;
		udevadm:info*) printf 'disk/by-uuid/1-2\ndisk/by-diskseq/7\n' ;;
		systemd-escape:*)
			shift 2
			for path in "$@"; do
				path=${path#/}
				path=${path//-/\\x2d}
				echo "${path//\//-}.swap"
			done ;;
		find:*)
			rm -r "$1"/*
			sed -i 's/^MemAvailable:.*/MemAvailable: 90000 kB/' "$RZS_SYSROOT/proc/meminfo" ;;
		modprobe:ramzswap)
			[ -z "${FAKE_MODPROBE:-}" ] || { echo "$FAKE_MODPROBE" >&2; exit 1; }
			mkdir -p "$RZS_SYSROOT/sys/module/ramzswap" "$RZS_SYSROOT/sys/block/ramzswap0"
			echo 0 >"$RZS_SYSROOT/sys/block/ramzswap0/initstate" ;;
		rmmod:ramzswap) rm -r "$RZS_SYSROOT/sys/module/ramzswap" "$RZS_SYSROOT/sys/block/ramzswap0" ;;
		rzscontrol:attach*)
			echo 1 >"$RZS_SYSROOT/sys/block/ramzswap0/initstate"
			[ -z "${FAKE_SWAPON:-}" ] || { echo "rzscontrol: $FAKE_SWAPON" >&2; exit 1; }
			echo "$2 partition 1020 ${FAKE_USED:-0} $4" >>"$swaps"
			echo "$2: swapping to it" ;;
		modprobe:-q*) exit "${FAKE_MODULE:-0}" ;;
		modprobe:-r*) rm -r "$RZS_SYSROOT/sys/module/nbd" ;;
		modprobe:*)
			[ -z "${FAKE_MODPROBE:-}" ] || { echo "$FAKE_MODPROBE" >&2; exit 1; }
			mkdir -p "$RZS_SYSROOT/sys/module/nbd/parameters"
			echo 0 >"$RZS_SYSROOT/sys/module/nbd/parameters/max_part"
			echo 16 >"$RZS_SYSROOT/sys/module/nbd/parameters/nbds_max" ;;
		esac
	END
	chmod +x "$bin/fake"
	for name in id getconf nbd-client rzs-swapon rzs-swapoff mkswap modprobe rmmod rzscontrol systemctl udevadm \
		systemd-escape find; do
		ln -s fake "$bin/$name"
	done
}

put() {
	mkdir -p "$R/${2%/*}"
	printf '%s\n' "$1" >"$R/$2"
}

# make_device N: its page 0 ends as a swap area's does.
make_device() {
	put 0 "sys/block/nbd$1/size"
	put 'none [mq-deadline]' "sys/block/nbd$1/queue/scheduler"
	put 128 "sys/block/nbd$1/queue/nr_requests"
	put 1280 "sys/block/nbd$1/queue/max_sectors_kb"
	put 4294966784 "sys/block/nbd$1/queue/discard_max_bytes"
	mkdir -p "$R/dev"
	truncate -s 1M "$R/dev/nbd$1"
	printf SWAPSPACE2 | dd of="$R/dev/nbd$1" bs=1 seek=4086 conv=notrunc 2>/dev/null
}

# thread_stat TID NAME FLAGS POLICY: a thread's stat; field 9 is its flags, 40 and 41 are priority
# and policy.
thread_stat() {
	echo "$1 ($2) S 1 1 1 0 -1 $3 0 0 0 0 0 0 0 0 -2 0 1 0 777" \
		"$(printf '0 %.0s' {23..39})$4 $4 0 0"
}

make_thread() {
	put "$2" "proc/4242/task/$1/comm"
	put "$(thread_stat "$@")" "proc/4242/task/$1/stat"
}

build_machine() {
	make_device 0
	make_device 1
	put 0 sys/module/nbd/parameters/max_part
	put 16 sys/module/nbd/parameters/nbds_max
	put 2270 proc/sys/vm/min_free_kbytes
	put 15000 proc/sys/vm/watermark_boost_factor
	put 3 proc/sys/vm/page-cluster
	put 'Filename Type Size Used Priority' proc/swaps
	put 'rootfs / rootfs rw 0 0' proc/mounts
	put 'MemTotal: 524288 kB' proc/meminfo
	echo 'MemAvailable: 100000 kB' >>"$R/proc/meminfo"
	put "0: 00000002 00000000 00010000 0001 01 555 $R$S" proc/net/unix
	put '4242 (nbd) kit) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0' proc/4242/stat
	put 'VmLck: 4096 kB' proc/4242/status
	echo 'VmSwap: 0 kB' >>"$R/proc/4242/status"
	put -1000 proc/4242/oom_score_adj
	put 0::/rzs proc/4242/cgroup
	put max sys/fs/cgroup/rzs/memory.max
	put max sys/fs/cgroup/rzs/memory.high
	mkdir "$R/proc/4242/fd"
	ln -s 'socket:[555]' "$R/proc/4242/fd/5"
	make_thread 4242 nbdkit $((0x580000)) 0
	make_thread 4243 nbdkit $((0x580040)) 1
	make_thread 4244 rzs-upkeep $((0x580040)) 0
	make_thread 4246 rzs-control $((0x580040)) 0
	mkdir -p "$R/run"
	(cd "$R/run" && "$PYTHON" -c 'import socket; socket.socket(socket.AF_UNIX).bind("s.sock")')
}

# A new machine each time: a copy of the first, which took a hundred processes to build.
make_machine() {
	rm -rf "${R:?}"
	if [ ! -d "$tmpdir/machine" ]; then
		build_machine
		mv "$R" "$tmpdir/machine"
	fi
	cp -a "$tmpdir/machine" "$R"
	: >"$calls"
}

# All of it that is a file, with what is in it.
snapshot() {
	(cd "$R" && find . -type f -print0 | sort -z | xargs -0 sha1sum)
}

# ---- calling it

shell=()
t() {
	env PATH="$bin:$PATH" RZS_SYSROOT="$R" CALLS="$calls" RZS_SWAPON="$bin/rzs-swapon" RZS_SWAPOFF="$bin/rzs-swapoff" \
		"${shell[@]}" "$tool" "$@"
}

# gives STATUS ARGUMENT..: it ends with that.  What it says is then in $out.
gives() {
	local want=$1 code=0

	shift
	t "$@" >"$out" 2>&1 </dev/null || code=$?
	[ "$code" = "$want" ] || fail "${shell[*]}: '$*' gives $code, not $want: $(cat "$out")"
}

says() {
	grep -qF -- "$1" "$out" || fail "${shell[*]}: does not say '$1': $(cat "$out")"
}

says_not() {
	! grep -qF -- "$1" "$out" || fail "${shell[*]}: says '$1': $(cat "$out")"
}

# unchanged STATUS TEXT -- ARGUMENT..: ends so, says so, and leaves the machine as it was.
unchanged() {
	local want=$1 text=$2 before

	shift 3
	before=$(snapshot)
	gives "$want" "$@"
	says "$text"
	[ "$(snapshot)" = "$before" ] ||
		fail "${shell[*]}: '$*' leaves behind: $(diff <(echo "$before") <(snapshot))"
}

# called LINE..: exactly these programs, in this order, but for questions.
called() {
	[ "$(grep -vE '^nbd-client -(V|l)|^getconf|^system|^udevadm|^rzs-swapo(n --check|n --is-on|ff --dry-run)' "$calls")" = "$(printf '%s\n' "$@")" ] ||
		fail "${shell[*]}: calls are not as expected: $(cat "$calls")"
}

is_in() {
	[ "$(cat "$R/$2")" = "$1" ] || fail "${shell[*]}: $2 is $(cat "$R/$2"), not $1"
}

# start ARGUMENT..: in the background, until one of the programs hangs.  Sets $job.
start() {
	rm -f "$R/hanging" "$R/go"
	# Not by way of t: the signal is to reach the tool itself.
	env PATH="$bin:$PATH" RZS_SYSROOT="$R" CALLS="$calls" RZS_SWAPON="$bin/rzs-swapon" RZS_SWAPOFF="$bin/rzs-swapoff" \
		"${shell[@]}" "$tool" "$@" \
		>"$out" 2>&1 </dev/null &
	job=$!
	wait_for 20 test -e "$R/hanging" ||
		fail "${shell[*]}: '$*' does not come to its program: $(cat "$out")"
}

# ends STATUS
ends() {
	local code=0

	wait "$job" || code=$?
	rm -f "$R/hanging" "$R/go"
	[ "$code" = "$1" ] || fail "${shell[*]}: ended with $code, not $1: $(cat "$out")"
}

# check_json PYTHON-EXPRESSION over d, what --json says.
check_json() {
	"$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), d' "$out" "$1" ||
		fail "${shell[*]}: --json: not $1"
}

# in_each_shell NAME..: test_NAME.
in_each_shell() {
	local words name tried=0

	make_programs
	for words in dash bash 'busybox sh'; do
		read -r -a shell <<<"$words"
		command -v "${shell[0]}" >/dev/null || continue
		shell[0]=$(command -v "${shell[0]}")
		tried=$((tried + 1))
		for name in "$@"; do
			"test_$name"
		done
		say "$words: passed"
	done
	[ $tried -gt 0 ] || skip "none of its shells is here"
}
