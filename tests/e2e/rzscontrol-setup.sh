#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol setup on made-up machines: what it proposes, does, refuses, and takes back.
#
# Red when: anything stays behind after --undo or after a step that failed; --dry-run changes
# something; a machine that cannot be set up is; a value goes to the file that is not one line of it;
# the configuration goes before the swap; the form that is proposed is not that of the machine, or the
# sentence does not say why; rzs-autoswap is enabled and was not asked for, is disabled and was enabled
# by somebody else, or runs while its files go.  All programs that it runs are stand-ins here: a guest with systemd has
# the real ones.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

calls=$tmpdir/calls
bin=$tmpdir/bin
export CALLS=$calls NO_START=no NO_STOP=no NO_MODULE=nothing RAMZSWAP=no BAD_CONFIG=no RZS_RZSD=$bin/rzsd
export NO_AUTOSWAP=no NO_ERASE=no RZS_AUTOSWAP=$bin/rzs-autoswap
export RZS_NBD_SWAP=$bin/rzs-nbd-swap RZS_MODULE_SWAP=$bin/rzs-module-swap
export PATH=$bin:$PATH

# ---- the stand-ins

mkdir "$bin"
cat >"$bin/systemctl" <<'END'
#!/bin/sh
units=$RZS_SYSROOT/units
mkdir -p "$units"
case "$*" in
"--quiet is-active "*) [ -e "$units/$3.active" ]; exit ;;
"--quiet is-enabled "*) [ -e "$units/$3.enabled" ]; exit ;;
esac
echo "systemctl $*" >>"$CALLS"
case $1 in
enable) : >"$units/$2.enabled" ;;
disable) rm -f "$units/$2.enabled" ;;
start)
	[ "$NO_START" = no ] || exit 1
	: >"$units/$2.active"
	case $2 in
	rzsd-attach.service) : >"$RZS_SYSROOT/run/rzs/nbd0.state" ;;
	rzs-autoswap.service) [ "$NO_AUTOSWAP" = no ] && mkdir -p "$RZS_SYSROOT/var/lib/rzs-autoswap" ;;
	*) echo '/dev/ramzswap0 partition 1048572 0 100' >>"$RZS_SYSROOT/proc/swaps" ;;
	esac
	;;
stop)
	rm -f "$units/$2.active"
	;;
esac
END
cat >"$bin/modprobe" <<'END'
#!/bin/sh
case $3 in
nbd) [ "$NO_MODULE" != nbd ] ;;
ramzswap) [ "$RAMZSWAP" = yes ] ;;
*) false ;;
esac
END
cat >"$bin/swapon" <<'END'
#!/bin/sh
echo "swapon $*" >>"$CALLS"
END
cat >"$bin/rzsd" <<'END'
#!/bin/sh
echo "rzsd $*" >>"$CALLS"
[ "$BAD_CONFIG" = no ] || { echo "rzsd: no such key" >&2; exit 2; }
END
cat >"$bin/rzs-nbd-swap" <<'END'
#!/bin/sh
echo "rzs-nbd-swap $*" >>"$CALLS"
[ "$NO_STOP" = no ] || { echo "rzs-nbd-swap: no room" >&2; exit 4; }
rm "$RZS_SYSROOT/run/rzs/nbd0.state"
END
cat >"$bin/rzs-module-swap" <<'END'
#!/bin/sh
echo "rzs-module-swap $*" >>"$CALLS"
[ "$NO_STOP" = no ] || { echo "rzs-module-swap: no room" >&2; exit 4; }
sed -i /ramzswap0/d "$RZS_SYSROOT/proc/swaps"
END
cat >"$bin/rzs-autoswap" <<'END'
#!/bin/sh
echo "rzs-autoswap $*" >>"$CALLS"
[ "$NO_ERASE" = no ] || { echo "rzs-autoswap: no room" >&2; exit 1; }
END
chmod +x "$bin"/*

# ---- the machine

# machine [MIB]
machine() {
	make_machine
	mkdir -p "$RZS_SYSROOT/run/systemd/system"
	echo "MemTotal: $((${1:-2048} * 1024)) kB" >"$RZS_SYSROOT/proc/meminfo"
	etc=$RZS_SYSROOT$("$tool" setup --dry-run form=server | sed -n 's,^This writes \(.*\)/rzsd.conf.d/.*,\1,p')
	[ "$etc" != "$RZS_SYSROOT" ] || fail "setup --dry-run does not say where it writes"
	mkdir -p "$etc"
	conf=$etc/rzsd.conf.d/50-setup.conf
	module_conf=$etc/ramzswap0.conf
	auto_conf=$etc/rzs-autoswap.conf.d/50-setup.conf
	: >"$calls"
}

# did LINE...: of the stand-ins, exactly these were called, in this order.
did() {
	[ "$(cat "$calls")" = "$(printf '%s\n' "$@")" ] || fail "called was: $(cat "$calls")"
	: >"$calls"
}

is_clean() {
	[ -z "$(ls "$etc" 2>/dev/null)" ] || fail "left behind: $(find "$etc")"
	[ -z "$(find "$RZS_SYSROOT/units" "$run" -type f)" ] || fail "left behind: $(find "$RZS_SYSROOT/units" "$run")"
}

refused() {
	local status=$1 text=$2

	shift 2
	complains "$status" "$text" setup --yes "$@"
	did ''
	[ ! -e "$conf" ] && [ ! -e "$module_conf" ] || fail "refused, and the configuration is written"
}

test_whole() {
	local on='rzsd --check-config|systemctl enable rzsd-attach.service|systemctl start rzsd-attach.service|swapon --show'
	local off='rzs-nbd-swap detach --device /dev/nbd0|systemctl stop rzsd-attach.service|systemctl disable rzsd-attach.service|systemctl stop rzsd.service'
	local steps

	machine 2048
	gives 0 setup --yes
	says '2.0 GiB of RAM'
	says 'Proposed: 2.0 GiB of swap'
	says 'The server rzsd compresses, because the kernel module ramzswap is not installed'
	says 'at most'
	says '1.0 GiB of RAM for it'
	IFS='|' read -ra steps <<<"$on"
	did "${steps[@]}"
	grep -qx 'size = min(ram, 8192)' "$conf" && grep -qx 'memlimit = 50%' "$conf" || fail "$(cat "$conf")"
	refused_again
	# What cannot be brought back stays, and all that serves it.
	NO_STOP=yes gives 3 setup --undo
	says 'rzs-nbd-swap: no room'
	says 'nothing was changed'
	did 'rzs-nbd-swap detach --device /dev/nbd0'
	[ -e "$conf" ] || fail "the configuration has gone before the swap"
	note_areas
	gives 0 setup --undo --dry-run
	did ''
	gives 0 setup --undo
	IFS='|' read -ra steps <<<"$off"
	did "${steps[@]}"
	is_clean
	complains 4 'there is nothing to undo' setup --undo
}

# As rzs-swapoff leaves it behind; and a lock that nobody has.
note_areas() {
	printf 'rzs-areas 1 \ncomplete 0 0 0 0 %d 4096 0 0 /dev/nbd0\nend\n' "$(date +%s)" >"$run/areas"
	: >"$run/areas.lock"
}

refused_again() {
	complains 3 "/dev/nbd0 is attached: this machine swaps to it already" setup --yes
	did ''
}

test_sizes() {
	machine 65536
	gives 0 setup --yes size=3G memlimit=0 algorithm=zstd 'label=a b'
	says 'Proposed: 3.0 GiB of swap'
	says 'without a limit'
	[ "$(sed '/^#/d' "$conf")" = $'[device swap0]\nlabel = a b\nalgorithm = zstd\nsize = 3G\nmemlimit = 0' ] ||
		fail "$(cat "$conf")"
	machine 65536
	gives 0 setup --dry-run
	says 'Proposed: 8.0 GiB of swap'
	says 'memlimit = 50%'
	did ''
	[ ! -e "$etc/rzsd.conf.d" ] || fail "--dry-run writes"
	refused 2 'size=much' size=much
	refused 2 'expected KEY=VALUE' $'label=a\ninit = no'
	refused 2 'expected KEY=VALUE' 'label=a # b'
	refused 2 'expected KEY=VALUE' size
	refused 2 'too many keys' "label=$(head -c 4000 /dev/zero | tr '\0' x)"
	complains 2 'there is no terminal to ask at' setup
}

test_refusals() {
	machine
	: >"$RZS_SYSROOT/run/systemd/container"
	refused 5 'this is a container'
	machine
	rmdir "$RZS_SYSROOT/run/systemd/system"
	refused 5 'systemd does not run this machine'
	machine
	NO_MODULE=nbd refused 5 'the kernel has no nbd'
	machine
	mkdir -p "$RZS_SYSROOT/units"
	: >"$RZS_SYSROOT/units/rzsd.service.active"
	refused 3 'rzsd.service is running'
	machine
	mkdir -p "$etc/rzsd.conf.d"
	: >"$conf"
	complains 3 'setup was run before' setup --yes
	machine
	complains 2 'takes no KEY=VALUE' setup --undo size=1G
	complains 2 '--yes' list --yes
}

# A step that fails: nothing stays.
test_failures() {
	machine
	BAD_CONFIG=yes gives 1 setup --yes colour=red
	says 'rzsd: no such key'
	did 'rzsd --check-config'
	is_clean 2>/dev/null || [ ! -e "$etc/rzsd.conf.d" ] || fail "left behind: $(find "$etc")"
	machine
	NO_START=yes gives 1 setup --yes
	says 'journalctl'
	did 'rzsd --check-config' 'systemctl enable rzsd-attach.service' 'systemctl start rzsd-attach.service' \
		'systemctl stop rzsd-attach.service' 'systemctl disable rzsd-attach.service' 'systemctl stop rzsd.service'
	is_clean
	machine
	rmdir "$etc"
	gives 1 setup --yes
	says 'cannot write'
	did ''
	# Another's file in the directory stays.
	machine
	mkdir "$etc/rzsd.conf.d"
	echo '#' >"$etc/rzsd.conf.d/90-own.conf"
	gives 0 setup --yes
	gives 0 setup --undo
	[ -e "$etc/rzsd.conf.d/90-own.conf" ] && [ ! -e "$conf" ] || fail "$(find "$etc")"
}

test_module() {
	local unit=ramzswap-attach.service

	machine 2048
	RAMZSWAP=yes NO_MODULE=nbd gives 0 setup --yes algorithm=zstd memlimit=25%
	says 'Proposed: 2.0 GiB of swap'
	says '512 MiB of RAM for it'
	says 'The kernel module ramzswap compresses, because it is installed for this kernel'
	did "systemctl enable $unit" "systemctl start $unit" 'swapon --show'
	[ "$(sed '/^#/d' "$module_conf")" = $'RZS_SIZE=2147483648\nRZS_MEMLIMIT=536870912\nRZS_ALGORITHM=zstd' ] ||
		fail "$(cat "$module_conf")"
	complains 3 '/dev/ramzswap0 is attached: this machine swaps to it already' setup --yes form=server
	NO_STOP=yes gives 3 setup --undo
	says 'rzs-module-swap: no room'
	says 'nothing was changed'
	did 'rzs-module-swap detach'
	[ -e "$module_conf" ] || fail "the configuration has gone before the swap"
	# Of another device, which somebody has attached by hand, nothing is asked.
	: >"$RZS_SYSROOT/run/rzs/nbd7.state"
	gives 0 setup --undo --dry-run
	says "This ends the swap, stops and disables $unit"
	did ''
	gives 0 setup --undo
	did 'rzs-module-swap detach' "systemctl stop $unit" "systemctl disable $unit"
	rm "$RZS_SYSROOT/run/rzs/nbd7.state"
	is_clean
	# What is wished counts, and only what there is can be had.
	RAMZSWAP=yes gives 0 setup --dry-run form=module memlimit=0
	says 'The kernel module ramzswap compresses, as you wish'
	says 'RZS_MEMLIMIT=0'
	RAMZSWAP=yes gives 0 setup --dry-run form=server
	says 'as you wish, although the kernel module is installed'
	says 'rzsd.conf.d/50-setup.conf'
	did ''
	is_clean
	refused 5 'form=module: the module ramzswap is not installed for this kernel' form=module
	refused 2 'form=kernel: expected server or module' form=kernel
	export RAMZSWAP=yes
	refused 2 'size, memlimit and algorithm, and no label' label=a
	refused 2 'algorithm=a b: expected a name' 'algorithm=a b'
	NO_START=yes gives 1 setup --yes
	says "journalctl -u $unit"
	did "systemctl enable $unit" "systemctl start $unit" "systemctl stop $unit" "systemctl disable $unit"
	is_clean
	mkdir -p "$RZS_SYSROOT/sys/block/ramzswap0" "$RZS_SYSROOT/proc/sys/vm"
	echo 3 >"$RZS_SYSROOT/proc/sys/vm/page-cluster"
	gives 0 setup --dry-run
	says 'vm.page-cluster=3'
	echo 1 >"$RZS_SYSROOT/sys/block/ramzswap0/initstate"
	refused 3 '/dev/ramzswap0 is initialised: somebody set it up by hand'
	export RAMZSWAP=no
}

# Looked after by rzs-autoswap: only if that is asked for, and it goes again before the swap does.
test_autoswap() {
	local unit=rzs-autoswap.service before after
	local on='rzsd --check-config|systemctl enable rzsd-attach.service|systemctl start rzsd-attach.service'
	local off='systemctl stop rzsd-attach.service|systemctl disable rzsd-attach.service|systemctl stop rzsd.service'

	IFS='|' read -ra before <<<"$on"
	IFS='|' read -ra after <<<"$off"
	machine 2048
	gives 0 setup --dry-run
	says 'With autoswap=yes rzs-autoswap looks'
	gives 0 setup --dry-run autoswap=no
	says 'Proposed: 2.0 GiB of swap'
	gives 0 setup --dry-run autoswap=yes
	says 'Proposed: 4.0 GiB of swap'
	says 'rzs-autoswap looks after it'
	says "enables $unit and starts it"
	did ''
	is_clean
	gives 0 setup --yes autoswap=yes
	did "${before[@]}" "systemctl enable $unit" "systemctl start $unit" 'swapon --show'
	[ "$(sed '/^#/d' "$conf")" = $'[device swap0]\nsize = min(ram * 2, 16384)\nmemlimit = 50%' ] ||
		fail "$(cat "$conf")"
	[ -e "$auto_conf" ] && [ -z "$(sed '/^#/d' "$auto_conf")" ] || fail "$(cat "$auto_conf")"
	gives 0 setup --undo --dry-run
	says "stops and disables $unit"
	did ''
	# What does not fit back: it looks after all of it again.
	NO_ERASE=yes gives 3 setup --undo
	says 'swap files of rzs-autoswap are still in use'
	did "systemctl stop $unit" 'rzs-autoswap --erase' "systemctl start $unit"
	NO_STOP=yes gives 3 setup --undo
	did "systemctl stop $unit" 'rzs-autoswap --erase' 'rzs-nbd-swap detach --device /dev/nbd0' \
		"systemctl start $unit"
	[ -e "$conf" ] && [ -e "$auto_conf" ] || fail "the configuration has gone before the swap"
	gives 0 setup --undo
	did "systemctl stop $unit" 'rzs-autoswap --erase' 'rzs-nbd-swap detach --device /dev/nbd0' \
		"systemctl disable $unit" "${after[@]}"
	is_clean
	[ ! -e "$RZS_SYSROOT/var/lib/rzs-autoswap" ] || fail "its directory stays"
	test_autoswap_fails
	test_autoswap_of_others
}

# It does not start: all is taken back.
test_autoswap_fails() {
	machine 2048
	NO_AUTOSWAP=yes gives 1 setup --yes autoswap=yes
	says "journalctl -u rzsd -u $unit"
	did "${before[@]}" "systemctl enable $unit" "systemctl start $unit" "systemctl stop $unit" \
		"systemctl disable $unit" "${after[@]}"
	[ ! -e "$conf" ] && [ ! -e "$auto_conf" ] || fail "the configuration stays"
	machine 2048
	refused 2 'autoswap=maybe: expected yes or no' autoswap=maybe
}

# Somebody has enabled it before: it stays.
test_autoswap_of_others() {
	machine 2048
	mkdir -p "$RZS_SYSROOT/units"
	: >"$RZS_SYSROOT/units/rzs-autoswap.service.enabled"
	gives 0 setup --yes autoswap=yes
	says 'rzs-autoswap is enabled already'
	[ ! -e "$auto_conf" ] || fail "setup takes it for its own"
	gives 0 setup --undo
	! grep -q autoswap "$calls" || fail "called was: $(cat "$calls")"
	[ -e "$RZS_SYSROOT/units/rzs-autoswap.service.enabled" ] || fail "it is disabled"
}

test_found() {
	machine
	mkdir -p "$RZS_SYSROOT/sys/module/zswap/parameters" "$RZS_SYSROOT/sys/power"
	echo Y >"$RZS_SYSROOT/sys/module/zswap/parameters/enabled"
	echo 254:5 >"$RZS_SYSROOT/sys/power/resume"
	printf '%s\n' '/dev/zram0 partition 1048572 0 100' '/dev/vda5 partition 999420 0 -2' >>"$RZS_SYSROOT/proc/swaps"
	gives 0 setup --dry-run
	says '/dev/zram0, swap of'
	says 'compressed swap too'
	says '/dev/vda5, swap of 976 MiB, priority -2: used when the compressed swap is full'
	says 'before hibernation'
	says 'zswap is on'
}

for name in whole sizes refusals failures module autoswap found; do
	"test_$name"
	say "$name: passed"
done
