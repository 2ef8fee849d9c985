#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-autoswap as it is built: its command line, and traces.
#
# Red when: the daemon does not tick, allocates after its start, lets a second one in, runs without the right to swap,
# does not heed a signal, or is not shown; the manual page's example prints something else; what is not a trace, or
# cannot be read, is taken; wrong usage has another status; the completion or the manual page leaves out an option that
# --help names.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

tool=${builddir:-.}/tools/autoswap/rzs-autoswap
[ -x "$tool" ] || skip "built without libinih"
page=$srcdir/tools/autoswap/rzs-autoswap.pod

# ---- the example of the manual page
example() { sed -n '/^=head1 EXAMPLES/,/^=head1 SEE/p' "$page" | sed -n 's/^ //p'; }
trace=$tmpdir/shortage.trace
example | sed -n '/^rzs-autoswap-trace/,/^\$/p' | grep -v '^\$' >"$trace"
gives 0 --simulate "$trace"
[ "$(cat "$out")" = "$(example | sed -n '/^0.000 s/,$p')" ] || fail "the example prints $(cat "$out")"
code=0
"$tool" --simulate - <"$trace" >"$err" || code=$?
[ "$code" = 0 ] || fail "standard input gives $code"
cmp "$out" "$err" || fail "from standard input it prints $(cat "$err")"
gives 0 --simulate "$trace" --json
json 'd["ticks"] == 3 and d["actions"]["add-file"] == 1 and d["ms_in_state"]["hungry"] == 1000' \
	'[e["state"] for e in d["events"]] == ["steady", "hungry", "hungry"]'

# ---- what is not one
complains 1 "$tmpdir/none: cannot be opened: No such file" --simulate "$tmpdir/none"
complains 1 "$tmpdir:1: cannot be read: Is a directory" --simulate "$tmpdir"
echo hello >"$trace"
complains 1 "$trace:1: not a trace" --simulate "$trace"

# ---- usage
complains 2 'expected at most one of --status, --watch, --record, --simulate' --status --simulate -
complains 2 '--ticks 0: ' --record - --ticks 0
complains 2 '--nonsense: no such option' --nonsense
complains 2 '--simulate: needs a value' --simulate
complains 2 'x: unexpected' --simulate - x
gives 0 --version
says 'rzs-autoswap (ramzswap) '
[ ! -w /dev/full ] || { code=0 && "$tool" --help >/dev/full 2>"$err" || code=$?; [ "$code" = 1 ] || fail "/dev/full gives $code"; }

# ---- a machine
make_machine
mkdir -p "$RZS_SYSROOT/sys/block/zram0"
echo '614400000 200000000 204800000 512000000 0 0 0 0 0' >"$RZS_SYSROOT/sys/block/zram0/mm_stat"
printf '/dev/zram0 partition 2000000 600000 100\n/swap\\033 file 100000 0 -2\n' >>"$RZS_SYSROOT/proc/swaps"
printf 'MemTotal: 1048576 kB\nMemAvailable: 400000 kB\n' >"$RZS_SYSROOT/proc/meminfo"
gives 0 --record "$tmpdir/here.trace" --ticks 1
gives 0 --simulate "$tmpdir/here.trace"
says '1 ticks'
complains 1 "$tmpdir/here.trace: cannot be made: File exists" --record "$tmpdir/here.trace" --ticks 1
gives 0 --status
# 300000 KiB more store 900000, which win two thirds of that.
says '/dev/zram0: compressed, permanent, 586 MiB of 1.9 GiB used; worth 586 MiB; holds 195 MiB of 488 MiB, ratio 3.00'
says '/swap?: disk, permanent, 0 B of 97.7 MiB used; worth 97.7 MiB'
says 'pressure: not known'
gives 0 --status --json
json 'd["free_bytes"] == (400000 + 600000 + 100000) * 1024 and d["would"] == []' \
	'[(a["kind"], a["managed"]) for a in d["areas"]] == [("compressed", False), ("disk", False)]' \
	'd["total_bytes"] == (1048576 + 1000000 + 100000) * 1024'
printf 'MemTotal: 1048576 kB\nMemAvailable: 20000 kB\n' >"$RZS_SYSROOT/proc/meminfo"
echo 'Filename Type Size Used Priority' >"$RZS_SYSROOT/proc/swaps"
mkdir -p "$RZS_SYSROOT/swap"
gives 0 --status --swappath /swap
says 'missing to 30 % free: 411 MiB'
says 'would: prepare-file'

# ---- the daemon, which finds neither a device nor a directory to change
complains 4 'no rzs-autoswap runs' --watch --ticks 1
daemon=
log=$tmpdir/log
start_daemon() {
	"$@" --swappath none >"$log" 2>&1 &
	daemon=$!
	cleanup_fn reap "$daemon"
	wait_for 20 settled || fail "it does not tick: $(cat "$log")"
	kill -0 "$daemon" 2>/dev/null || { logged 'only root may' && return 1; fail "it has ended: $(cat "$log")"; }
}
settled() { ! kill -0 "$daemon" 2>/dev/null || "$tool" --watch --ticks 1 >/dev/null 2>&1; }
logged() { grep -q "$1" "$log"; }
end_daemon() {
	kill -TERM "$daemon"
	code=0
	wait "$daemon" || code=$?
	[ "$code" = 0 ] || fail "it ends with $code: $(cat "$log")"
	logged 'swap areas stay on' || fail "its end is not logged"
}
if start_daemon "$tool" -p"$tmpdir/pid"; then
	[ "$(cat "$tmpdir/pid")" = "$daemon" ] || fail "the pid file has $(cat "$tmpdir/pid"), not $daemon"
	gives 3 --swappath none
	says "another rzs-autoswap runs (process $daemon)"
	complains 3 "in use by process $daemon" --swappath none -p"$tmpdir/pid"
	gives 3 -e --swappath none
	gives 0 --watch --ticks 2
	says 'state    free%'
	gives 0 --status --swappath none
	says "daemon: process $daemon, for"
	gives 0 --status --json --swappath none
	json "d['daemon']['pid'] == $daemon" 'd["daemon"]["rules_broken"] == 0'
	kill -USR1 "$daemon"
	wait_for 20 logged '0 rules broken' || fail "SIGUSR1 logs nothing: $(cat "$log")"
	kill -HUP "$daemon"
	wait_for 20 logged 'configuration was read again' || fail "SIGHUP does nothing: $(cat "$log")"
	end_daemon
	[ ! -e "$tmpdir/pid" ] || fail "the pid file stays"
	gives 0 --status --swappath none
	says 'daemon: none runs'
	gives 0 -e --swappath none
	# Without the right to swap it says so and ends.
	if setpriv --bounding-set=-sys_admin true 2>/dev/null; then
		code=0
		setpriv --bounding-set=-sys_admin "$tool" --swappath none >"$out" 2>"$err" || code=$?
		[ "$code" = 1 ] || fail "without CAP_SYS_ADMIN it ends with $code"
		says 'only root may turn swap on and off'
	fi

	# From now on each malloc() fails, and is counted.  (struct page of fail_nth.c: what is armed, and what failed.)
	preload=$(realpath "$builddir/.libs/fail_nth.so" 2>/dev/null)
	if [ -n "$preload" ] && [ "$(nm -D "$tool" 2>/dev/null | grep -cE '__(a|t)san')" = 0 ]; then
		head -c 64 /dev/zero >"$tmpdir/page"
		start_daemon env LD_PRELOAD="$preload" RZS_FAIL_FILE="$tmpdir/page" "$tool" || fail "it does not start"
		printf '\377\377\377\177' | dd of="$tmpdir/page" bs=1 seek=40 conv=notrunc status=none
		"$tool" --watch --ticks 4 >"$out" || fail "it ticks no more"
		kill -USR1 "$daemon"
		wait_for 20 logged '0 rules broken' || fail "SIGUSR1 logs nothing: $(cat "$log")"
		failed=$(od -An -tu8 -j56 -N8 "$tmpdir/page" | tr -d ' ')
		[ "$failed" = 0 ] || fail "it has allocated $failed times after its start"
		kill -HUP "$daemon"
		wait_for 20 logged 'the old one stays' || fail "nothing failed for the reader: $(cat "$log")"
		end_daemon
	fi
fi

# ---- the configuration
conf=$tmpdir/a.conf
printf 'lower_freelimit=70\nswappath=here\ncoldown=5\nbuffer_elasticity=30\n' >"$conf"
gives 1 -i -c "$conf" -m 1
says "$conf:2: swappath=here: expected a path that begins with /, or none"
says "$conf:3: coldown=5: there is no such key; did you mean cooldown?"
says "$conf:1: lower_freelimit=70 is more than upper_freelimit=60; raise the latter"
says "$conf:4: buffer_elasticity: has no effect"
says 'rzs-autoswap: --min_swapsize=1: expected at least 40960 bytes'
gives 1 --simulate "$trace" -c "$conf"
# swapspace's options, all of them, and its way of writing the file.
printf '# comment\nswappath="/var/lib/swapspace"\nparanoid\nfreetarget=40 # as it was\n' >"$conf"
gives 0 -i -c "$conf" -a 600 -B 30 -C 80 -d -e -f 30 -l 20 -M 2t -m 4m -P -p -q -s /tmp -u 60
says 'rzs-autoswap: the configuration is valid'
complains 1 'quiet and verbose exclude each other' -c "$conf" -i -q -v
complains 1 "$tmpdir/none: cannot be read: No such file" -i -c "$tmpdir/none"
example=$srcdir/tools/autoswap/rzs-autoswap.conf.example
sed 's/^#\([a-z_]* = \)/\1/' "$example" >"$conf"
gives 0 -i -c "$conf"
[ ! -s "$err" ] || fail "the example is complained about: $(cat "$err")"

# ---- completion, and the manual page
completed() {
	COMP_WORDS=(rzs-autoswap "$@") COMP_CWORD=$#
	COMPREPLY=()
	_rzs_autoswap
}
complete() { :; }
compopt() { :; }
# shellcheck source=/dev/null
. "$srcdir/tools/completions/rzs-autoswap"
completed --simulate "$tmpdir/short"
[ "${COMPREPLY[*]}" = "$tmpdir/shortage.trace" ] || fail "completed to ${COMPREPLY[*]}"
completed --
gives 0 --help
while read -r option; do
	[[ " ${COMPREPLY[*]} " == *" $option "* ]] || fail "the completion has no $option"
	grep -qE "^=item .*B<$option>" "$page" || fail "the manual page has no $option"
	case $option in --config | --help | --version | --json | --record | --simulate | --status | --ticks | --watch) continue ;; esac
	grep -qE "^=item .*B<${option#--}>" "$srcdir/tools/autoswap/rzs-autoswap.conf.pod" ||
		fail "rzs-autoswap.conf(5) has no ${option#--}"
done < <(grep -oE -- '--[a-z_-]+' "$out" | sort -u)
