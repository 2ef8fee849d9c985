# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every end-to-end script sources first:
#
#	. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
#
# A script that goes on without it has an empty $tmpdir, and writes to the machine's own directories: check-style looks
# for the exit.
#
# Exit codes: 0 passed, 1 failed, 77 skipped (the reason is printed), 99 the test itself is broken.
# $tmpdir is a fresh directory, removed at the end; sockets live in it.  Whatever cleanup_fn was given runs
# at exit, last first.  Every process started here ends with the script.
#
# The environment may set (make check does; see tests/README)
#	RZS_PLUGIN          plugin under test (default ./rzs.so)
#	RZSD                command that starts our own server, may be several words; the last is its file
#	NBDKIT              command that starts nbdkit, may be several words; empty: skip everything
#	NBDKIT_VALGRIND=1   run that under valgrind; an error it finds fails the script
#	T_TIMEOUT_SCALE     multiplies deadlines, divides amounts of work
#	PYTHON              a Python 3 that has the nbd module

set -eu
set -o pipefail

: "${srcdir:=.}"
: "${top_builddir:=.}"
: "${RZS_PLUGIN:=$top_builddir/rzs.so}"
: "${RZSD:=$top_builddir/server/rzsd}"
: "${NBDKIT=nbdkit}"
: "${PYTHON:=/usr/bin/python3}"
: "${NBDKIT_VALGRIND:=}"
if [ -n "$NBDKIT_VALGRIND" ]; then
	: "${T_TIMEOUT_SCALE:=20}"
	wrap="valgrind --quiet --error-exitcode=119 --leak-check=full --errors-for-leak-kinds=definite
		--show-leak-kinds=definite --child-silent-after-fork=yes"
	NBDKIT="$wrap $NBDKIT"
	RZSD="$wrap $RZSD"
fi
: "${T_TIMEOUT_SCALE:=1}"
export T_TIMEOUT_SCALE
export PYTHONPATH="$srcdir/tests/lib${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONDONTWRITEBYTECODE=1
export PYTHONUNBUFFERED=1
export LC_ALL=C

cleanup_list=()

run_cleanups() {
	local code=$? i

	trap - EXIT
	set +e
	for ((i = ${#cleanup_list[@]} - 1; i >= 0; i--)); do
		eval "${cleanup_list[i]}"
	done
	exit "$code"
}
trap run_cleanups EXIT
trap 'exit 99' INT TERM HUP

# cleanup_fn COMMAND [ARG..]: run it at exit.
cleanup_fn() {
	cleanup_list+=("$(printf '%q ' "$@")")
}

say() {
	printf '%s: %s\n' "${0##*/}" "$*"
}

fail() {
	say "FAIL: $*" >&2
	exit 1
}

skip() {
	say "SKIP: $*"
	exit 77
}

# requires COMMAND [ARG..]: skip unless it succeeds.
requires() {
	"$@" >/dev/null 2>&1 </dev/null || skip "needs '$*' to work"
}

requires_plugin() {
	[ -n "${NBDKIT// /}" ] || skip "this build's plugin cannot be loaded into nbdkit"
	[ -e "$RZS_PLUGIN" ] || skip "no plugin at $RZS_PLUGIN"
	# shellcheck disable=SC2086
	requires $NBDKIT --version
	requires nbdinfo --version
}

requires_python_nbd() {
	requires "$PYTHON" -c 'import nbd'
}

requires_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# skip_under_tools WHY: for what valgrind or a sanitizer changes by design.
skip_under_tools() {
	[ "$T_TIMEOUT_SCALE" = 1 ] || skip "$*"
}

# wait_for SECONDS COMMAND [ARG..]: until it succeeds; 1 when it did not in time.  Time is counted by looks, of which
# there are fewer on a busy machine: whoever is waited for has less of it then, too.
wait_for() {
	local looks=$(($1 * 40 * T_TIMEOUT_SCALE))

	shift
	until "$@"; do
		[ $((looks -= 1)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# Also a process that nobody has waited for yet; not one whose last threads still have its files open.
gone() {
	[ ! -d "/proc/$1" ] || {
		grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null &&
			[ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -le 1 ]
	}
}

alive() {
	! gone "$1"
}

# Lines that a server printed so far.
show_log() {
	sed 's/^/    | /' "$1" >&2 || true
}

# Names for the next server.
server_nr=0
next_server() {
	server_nr=$((server_nr + 1))
	sock=$tmpdir/sock$server_nr
	uri="nbd+unix:///?socket=$sock"
	log=$tmpdir/log$server_nr
	pidfile=$tmpdir/pid$server_nr
}

# split_options [OPTION.. --] [PARAMETER..]: into the arrays options and parameters.
split_options() {
	local arg

	options=() parameters=()
	for arg in "$@"; do
		if [ "$arg" = -- ]; then
			options=("${parameters[@]}")
			parameters=()
		else
			parameters+=("$arg")
		fi
	done
}

# await_server JOB WHAT: until what was just started serves; sets $pid.
await_server() {
	cleanup_fn reap "$1"
	# The pid file may come before the store: only an answer shows that it serves.
	if ! wait_for 20 serving "$1"; then
		show_log "$log"
		fail "$2 did not start"
	fi
	if gone "$1"; then
		show_log "$log"
		fail "$2 exited at once"
	fi
	pid=$(cat "$pidfile")
}

# start_nbdkit [OPTION.. --] [PARAMETER..]: run the plugin with these parameters, and nbdkit with these
# options.  Sets $sock, $uri, $pid, $log; returns when the server takes connections.
start_nbdkit() {
	split_options "$@"
	next_server
	# shellcheck disable=SC2086
	$NBDKIT -f -U "$sock" -P "$pidfile" "${options[@]}" "$RZS_PLUGIN" "${parameters[@]}" >"$log" 2>&1 &
	await_server $! "nbdkit $*"
}

# start_rzsd [OPTION.. --] [KEY=VALUE..]: the same of our own server, with one device of these parameters.
# The plugin's parameters that are not a device's are understood, too.
start_rzsd() {
	local device=swap0 own=() arg

	split_options "$@"
	next_server
	for arg in "${parameters[@]}"; do
		case $arg in
		protect=* | realtime=* | ballast=*) own+=("--${arg%%=*}" "${arg#*=}") ;;
		workers=*) own+=(--threads "${arg#*=}") ;;
		*) device+=,$arg ;;
		esac
	done
	: >"$tmpdir/rzsd.conf"
	# shellcheck disable=SC2086
	$RZSD --config "$tmpdir/rzsd.conf" --listen "$sock" --control "$sock.control" --pid-file "$pidfile" \
		--device "$device" "${own[@]}" "${options[@]}" >"$log" 2>&1 &
	await_server $! "rzsd $*"
}

# each_form FUNCTION: call it with $form plugin and rzsd, as far as this build has them; start is that server's
# then.
each_form() {
	local ran=no

	requires nbdinfo --version
	for form in plugin rzsd; do
		has_$form || continue
		say "$form"
		"$1"
		ran=yes
	done
	[ $ran = yes ] || skip "this build has neither the plugin nor rzsd"
}

has_plugin() {
	[ -n "${NBDKIT// /}" ] && [ -e "$RZS_PLUGIN" ] && return
	say "not with the plugin: it cannot be loaded into nbdkit, or there is none at $RZS_PLUGIN"
	return 1
}

has_rzsd() {
	[ -x "${RZSD##* }" ] && return
	say "not with rzsd: there is none at ${RZSD##* }"
	return 1
}

# has_codec NAME: in each_form's function.
has_codec() {
	# shellcheck disable=SC2086
	case $form in
	plugin) $NBDKIT "$RZS_PLUGIN" --dump-plugin | grep -q "^rzs_codecs=.*$1" ;;
	rzsd)
		: >"$tmpdir/rzsd.conf"
		$RZSD --config "$tmpdir/rzsd.conf" --check-config --device "swap0,size=1M,algorithm=$1" >"$tmpdir/codec" 2>&1
		;;
	esac
}

# start [KEY=VALUE..]: in each_form's function.
start() {
	case $form in
	plugin) start_nbdkit "$@" ;;
	rzsd) start_rzsd "$@" ;;
	esac
}

serving() {
	gone "$1" || { [ -s "$pidfile" ] && nbdinfo --size "$uri" >/dev/null 2>&1; }
}

# End a server at the script's end.  Whatever it has drained into by then: it is only a test's.
reap() {
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# stop_server: ask the last one started to stop, and insist that it does, cleanly.
stop_server() {
	kill -TERM "$pid" || fail "the server was gone before it was asked to stop"
	await_end
}

stop_nbdkit() {
	stop_server
}

# await_end: the server is about to end, and does so cleanly.
await_end() {
	local code=0

	if ! wait_for 20 gone "$pid"; then
		show_log "$log"
		fail "the server did not stop"
	fi
	wait "$pid" || code=$?
	if [ "$code" != 0 ]; then
		show_log "$log"
		fail "the server exited with $code"
	fi
}

# ask_stats: the server prints its statistics.  Lines come from a thread of it: wait for the last.
ask_stats() {
	local seen

	seen=$(grep -c '^rzs: compacted_blocks=' "$log" || true)
	kill -USR1 "$pid"
	wait_for 20 more_stats "$seen" || fail "SIGUSR1 printed no statistics"
}

more_stats() {
	[ "$(grep -c '^rzs: compacted_blocks=' "$log" || true)" -gt "$1" ]
}

# stat_of NAME: from the last ask_stats.
stat_of() {
	sed -n "s/^rzs: $1=//p" "$log" | tail -1
}

# fails_with TEXT.. -- COMMAND..: the command fails and its output has each text.
fails_with() {
	local texts=() out text

	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	if out=$(timeout 60 "$@" 2>&1 </dev/null); then
		fail "succeeded, should have failed: $*"
	fi
	for text in "${texts[@]}"; do
		case $out in
		*"$text"*) ;;
		*) fail "no '$text' in what '$*' said: $out" ;;
		esac
	done
}

# completion_offers PROGRAM LINE WORD: whether bash's completion of PROGRAM, a path, has it behind LINE.
completion_offers() {
	PATH=$(dirname "$1"):$PATH bash -c '. "$1"
		read -r -a COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"_${1##*/}"
		printf "%s\n" "${COMPREPLY[@]}"' _ "$srcdir/tools/completions/$(basename "$1")" "$2" >"$tmpdir/offered"
	grep -qxF -- "$3" "$tmpdir/offered"
}

# proc_field PID NAME: the number after NAME: in /proc/PID/status.
proc_field() {
	sed -n "s/^$2:[[:space:]]*\([0-9]*\).*/\1/p" "/proc/$1/status"
}

count_fds() {
	local entries=("/proc/$1/fd/"*)

	echo "${#entries[@]}"
}

tmpdir=$(mktemp -d "${TMPDIR:-/tmp}/rzs-test.XXXXXX")
chmod 700 "$tmpdir"
cleanup_fn rm -rf "$tmpdir"
