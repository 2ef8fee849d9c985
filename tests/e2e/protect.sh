#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The protections that a server says it has are there: in a daemon as in the foreground, and in the threads
# that serve requests.  Without the rights auto warns and serves, require refuses.  Red when memory is locked
# before the fork only, when threads miss their flags, when stored pages may reach a core file, or when the
# command of nbdkit --run inherits what is meant for the server.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd
requires_root
skip_under_tools "tools keep memory of their own that is not locked"

# state NAME: what the foreground server said of this protection.
state() {
	sed -n "s/^rzs: protect-$1=//p" "$tmpdir/states"
}

# Clients on the server at $1, and meanwhile what /proc/$2 shows of each thread: tid policy flags.
threads_while_serving() {
	"$PYTHON" "$srcdir/tests/e2e/protect.py" "nbd+unix:///?socket=$1" "$2"
}

# check_server SOCKET PID
check_server() {
	local tid name policy flags seen=0

	# All that can be written to is locked: the store's blocks would be by themselves, so look at the rest.
	# Droppable pages (dp) cannot be locked, and are never swapped out: glibc from 2.41 on has one for getrandom(),
	# which nbdkit's TLS library calls when it is loaded, and nobody who serves requests.
	[ "$(state lock)" != ok ] || awk -v form="$form" '
		/^[0-9a-f]+-[0-9a-f]+ / { map = $0; writable = $2 ~ /^rw/ }
		/^Rss:/ { rss = $2 }
		/^VmFlags:/ {
			if (!writable || rss == 0 || / lo( |$)/ || form == "plugin" && / dp( |$)/)
				next
			print map
			print
			bad = 1
		}
		END { exit bad }' "/proc/$2/smaps" || fail "these mappings are not locked"
	[ "$(proc_field "$2" VmSwap)" = 0 ] || fail "VmSwap is $(proc_field "$2" VmSwap) kB"
	[ "$(state core-limit)" = ok ] || fail "protect-core-limit=$(state core-limit)"
	grep -q '^Max core file size *0 *0' "/proc/$2/limits" || fail "the core limit is not 0"
	[ "$(state oom-score)" != ok ] || [ "$(cat "/proc/$2/oom_score_adj")" = -1000 ] ||
		fail "oom_score_adj is $(cat "/proc/$2/oom_score_adj")"

	threads_while_serving "$1" "$2" >"$tmpdir/threads" || fail "see above"
	while read -r tid name policy flags; do
		seen=$((seen + 1))
		# The one that talks may have to wait for memory, and must not do so as a real-time thread.
		want=1
		[ "$name" != rzs-upkeep ] || want=0
		[ "$(state realtime)" != ok ] || [ "$policy" = $want ] || fail "thread $tid ($name) has policy $policy"
		[ "$(state io-flusher)" != ok ] || [ $((flags & 0x180000)) = $((0x180000)) ] ||
			fail "thread $tid ($name) has flags $flags: no IO_FLUSHER"
	done <"$tmpdir/threads"
	[ "$seen" -ge 3 ] || fail "only $seen threads: $(cat "$tmpdir/threads")"

	# The store's memory, by far the largest here, is not in a dump.
	awk '
		/^[0-9a-f]+-[0-9a-f]+ / { map = $0 }
		/^Rss:/ { rss = $2 }
		/^VmFlags:/ { if (rss >= 8192 && !/ dd/) { print map; bad = 1 } }
		END { exit bad }' "/proc/$2/smaps" || fail "this mapping may be dumped"
}

# start_daemon: the form's server in the background, at $tmpdir/daemon.
start_daemon() {
	rm -f "$tmpdir/daemon" "$tmpdir/daemon.pid"
	# shellcheck disable=SC2086
	case $form in
	plugin) $NBDKIT -U "$tmpdir/daemon" -P "$tmpdir/daemon.pid" "$RZS_PLUGIN" size=64M realtime=always ;;
	rzsd) $RZSD --config "$tmpdir/rzsd.conf" --listen "$tmpdir/daemon" --control "$tmpdir/daemon.control" \
		--pid-file "$tmpdir/daemon.pid" --device swap0,size=64M --realtime always --daemon ;;
	esac
}

check_form() {
	local refused policy pid

	start size=64M realtime=always
	kill -USR1 "$pid"
	wait_for 20 grep -q '^rzs: protect-realtime=' "$log" || fail "no states on SIGUSR1"
	grep '^rzs: protect-' "$log" >"$tmpdir/states"
	sed 's/^rzs: /    /' "$tmpdir/states"
	! grep '=off$' "$tmpdir/states" || fail "protect=auto leaves something undone"
	refused=$(grep -c '=refused$' "$tmpdir/states" || true)
	[ "$(grep -c '^rzs: warning: protect=auto: ' "$log" || true)" = "$refused" ] ||
		fail "$refused protections refused, and not one warning for each: $(cat "$log")"
	check_server "$sock" "$pid"
	stop_server

	# Without swap on this machine its threads are ordinary ones; with it real-time ones.
	start size=16M
	threads_while_serving "$sock" "$pid" >"$tmpdir/threads" || fail "see above"
	policy=0
	[ "$(wc -l </proc/swaps)" -le 1 ] || policy=1
	[ "$(state realtime)" = ok ] || policy=0
	! awk -v want=$policy '$2 != "rzs-upkeep" && $3 != want { print; bad = 1 } END { exit !bad }' \
		"$tmpdir/threads" ||
		fail "realtime=swap: policy of these threads, $(wc -l </proc/swaps) lines in /proc/swaps"
	stop_server

	# A daemon: here nbdkit's own --swap loses the lock.
	start_daemon >"$log" 2>&1 || fail "no daemon"
	wait_for 20 test -s "$tmpdir/daemon.pid" || fail "the daemon has no pid file"
	pid=$(cat "$tmpdir/daemon.pid")
	cleanup_fn kill -KILL "$pid"
	check_server "$tmpdir/daemon" "$pid"
	kill -TERM "$pid"
	wait_for 20 gone "$pid" || fail "the daemon does not stop"

	# off does nothing.
	start size=16M protect=off
	! grep -q warning "$log" || fail "protect=off warns"
	[ "$(proc_field "$pid" VmLck)" = 0 ] || [ "$(cat "/proc/$pid/oom_score_adj")" = "$oom_before" ] ||
		fail "protect=off does"
	stop_server

	# require: all or nothing.
	if [ "$refused" = 0 ]; then
		start size=16M protect=require
		stop_server
	else
		fails_with 'protect=require' CAP_SYS_RESOURCE protect=auto -- "${required[@]}"
	fi
}

# What has to fail where a protection is refused.
required_of() {
	# shellcheck disable=SC2206,SC2054
	case $form in
	plugin) required=($NBDKIT -U - "$RZS_PLUGIN" size=16M protect=require --run true) ;;
	rzsd) required=($RZSD --config "$tmpdir/rzsd.conf" --listen "$tmpdir/required"
		--control "$tmpdir/required.control" --device swap0,size=16M --protect require) ;;
	esac
}

oom_before=$(cat /proc/self/oom_score_adj)
: >"$tmpdir/rzsd.conf"

each() {
	required_of
	check_form
}
each_form each

# The command of --run is an ordinary one.
if has_plugin; then
	# shellcheck disable=SC2086
	$NBDKIT -U - "$RZS_PLUGIN" 16M --run 'cat /proc/self/oom_score_adj; cat /proc/self/stat' \
		>"$tmpdir/run" 2>"$log" || fail "--run"
	[ "$(head -1 "$tmpdir/run")" = "$oom_before" ] ||
		fail "--run gives its command oom_score_adj $(head -1 "$tmpdir/run")"
	flags=$(tail -1 "$tmpdir/run" | cut -d' ' -f9)
	[ $((flags & 0x180000)) = 0 ] || fail "--run gives its command the flags $flags"
fi

# As nobody, who has no rights.  Files in /proc/PID belong to root where a process is not dumpable.
chmod 711 "$tmpdir"
mkdir -m 777 "$tmpdir/nobody"
tmpdir=$tmpdir/nobody
: >"$tmpdir/rzsd.conf"
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all"

check_nobody() {
	local program=${RZSD##* }

	[ $form != plugin ] || program=$RZS_PLUGIN
	# shellcheck disable=SC2086
	if ! $nobody test -r "$program" 2>/dev/null; then
		say "not checked as another user: setpriv does not work here, or nobody cannot read $program"
		return
	fi
	required_of
	# shellcheck disable=SC2086
	fails_with 'protect=require: lock: refused' 'machine then hangs' CAP_IPC_LOCK -- \
		$nobody "${required[@]}"
	NBDKIT="$nobody $NBDKIT" RZSD="$nobody $RZSD" start size=16M
	grep -q '^rzs: warning: protect=auto: lock: refused' "$log" || fail "no warning for nobody: $(cat "$log")"
	[ "$(stat -c %u "/proc/$pid/status")" = 0 ] || fail "the process is dumpable"
	threads_while_serving "$sock" "$pid" >/dev/null || fail "does not serve for nobody"
	stop_server
}

each_form check_nobody
