# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every end-to-end script sources first:
#
#	. "${srcdir:-.}/tests/lib/functions.sh"
#
# Exit codes: 0 passed, 1 failed, 77 skipped (the reason is printed), 99 the test itself is broken.
# $tmpdir is a fresh directory, removed at the end; sockets live in it.  Whatever cleanup_fn was given runs
# at exit, last first.  Every process started here ends with the script.
#
# The environment may set (make check does; see tests/README)
#	RZS_PLUGIN          plugin under test (default ./rzs.so)
#	NBDKIT              command that starts nbdkit, may be several words; empty: skip everything
#	NBDKIT_VALGRIND=1   run that under valgrind; an error it finds fails the script
#	T_TIMEOUT_SCALE     multiplies deadlines, divides amounts of work
#	PYTHON              a Python 3 that has the nbd module

set -eu
set -o pipefail

: "${srcdir:=.}"
: "${top_builddir:=.}"
: "${RZS_PLUGIN:=$top_builddir/rzs.so}"
: "${NBDKIT=nbdkit}"
: "${PYTHON:=/usr/bin/python3}"
: "${NBDKIT_VALGRIND:=}"
if [ -n "$NBDKIT_VALGRIND" ]; then
	: "${T_TIMEOUT_SCALE:=20}"
	NBDKIT="valgrind --quiet --error-exitcode=119 --leak-check=full
		--errors-for-leak-kinds=definite --show-leak-kinds=definite --child-silent-after-fork=yes
		$NBDKIT"
fi
: "${T_TIMEOUT_SCALE:=1}"
export T_TIMEOUT_SCALE
export PYTHONPATH="$srcdir/tests/e2e/lib${PYTHONPATH:+:$PYTHONPATH}"
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

# wait_for SECONDS COMMAND [ARG..]: until it succeeds; 1 when it did not in time.
wait_for() {
	local end=$((SECONDS + $1 * T_TIMEOUT_SCALE))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

alive() {
	! gone "$1"
}

# Lines that nbdkit and the plugin printed so far.
show_log() {
	sed 's/^/    | /' "$1" >&2 || true
}

# start_nbdkit [OPTION.. --] [PARAMETER..]: run the plugin with these parameters, and nbdkit with these
# options.  Sets $sock, $uri, $pid, $log; returns when the server takes connections.
server_nr=0
start_nbdkit() {
	local options=() job arg seen=

	for arg in "$@"; do
		[ "$arg" != -- ] || seen=1
	done
	if [ -n "$seen" ]; then
		while [ "$1" != -- ]; do
			options+=("$1")
			shift
		done
		shift
	fi
	server_nr=$((server_nr + 1))
	sock=$tmpdir/sock$server_nr
	uri="nbd+unix:///?socket=$sock"
	log=$tmpdir/log$server_nr
	pidfile=$tmpdir/pid$server_nr
	# shellcheck disable=SC2086
	$NBDKIT -f -U "$sock" -P "$pidfile" "${options[@]}" "$RZS_PLUGIN" "$@" >"$log" 2>&1 &
	job=$!
	cleanup_fn reap "$job"
	# nbdkit writes the pid file before the plugin makes its store: only an answer shows that it serves.
	if ! wait_for 20 serving "$job"; then
		show_log "$log"
		fail "nbdkit did not start: $*"
	fi
	if gone "$job"; then
		show_log "$log"
		fail "nbdkit exited at once: $*"
	fi
	pid=$(cat "$pidfile")
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

# stop_nbdkit: ask the last one started to stop, and insist that it does, cleanly.
stop_nbdkit() {
	local code=0

	kill -TERM "$pid" || fail "nbdkit was gone before it was asked to stop"
	if ! wait_for 20 gone "$pid"; then
		show_log "$log"
		fail "nbdkit did not stop"
	fi
	wait "$pid" || code=$?
	if [ "$code" != 0 ]; then
		show_log "$log"
		fail "nbdkit exited with $code"
	fi
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
