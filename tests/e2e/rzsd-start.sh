#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsd's coming and going: its sockets and who may use them, a second server, the background, systemd's sockets
# and messages.  Red when a server takes another's socket, leaves its own behind, or lets strangers in.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"
requires_python_nbd

: >"$tmpdir/rzsd.conf"

# "$rzsd" SOCKET OPTION..: in the foreground, with a small device.
rzsd=$tmpdir/rzsd
cat >"$rzsd" <<EOF
#!/bin/bash
exec $RZSD --config "$tmpdir/rzsd.conf" --listen "\$1" --control "\$1.control" --protect off \\
	--device swap0,size=4M "\${@:2}"
EOF
chmod +x "$rzsd"

# ---- sockets ----

# The directory is made, for one user alone.
"$rzsd" "$tmpdir/made/nbd" --pid-file "$tmpdir/pid" >"$tmpdir/log" 2>&1 &
job=$!
cleanup_fn reap "$job"
wait_for 20 test -s "$tmpdir/pid" || fail "does not start: $(cat "$tmpdir/log")"
first=$(cat "$tmpdir/pid")
[ "$(stat -c %a "$tmpdir/made")" = 700 ] || fail "the directory's mode is $(stat -c %a "$tmpdir/made")"
for socket in nbd nbd.control; do
	[ "$(stat -c %a "$tmpdir/made/$socket")" = 600 ] || fail "the mode of $socket"
done
uri="nbd+unix:///?socket=$tmpdir/made/nbd"
"$PYTHON" -m nbd -u "$uri" -c 'h.pwrite(b"kept" * 1024, 8192)'

# A second server there fails, says so, and the first has lost nothing.
fails_with "$tmpdir/made/nbd" 'another server' -- "$rzsd" "$tmpdir/made/nbd"
fails_with "$tmpdir/made/nbd.control" 'another server' -- \
	"$rzsd" "$tmpdir/other" --control "$tmpdir/made/nbd.control"
[ ! -e "$tmpdir/other" ] || fail "the second server leaves a socket behind"
[ "$(cat "$tmpdir/pid")" = "$first" ] || fail "the second server has taken the pid file"
"$PYTHON" -m nbd -u "$uri" -c 'assert h.pread(4096, 8192) == b"kept" * 1024' || fail "the first lost what it stored"

# Killed, it leaves its sockets, and the next takes their place.
kill -KILL "$first"
wait_for 20 gone "$first" || fail "survives a kill"
[ -S "$tmpdir/made/nbd" ] || fail "no socket is left, so the next line shows nothing"
rm "$tmpdir/pid"
"$rzsd" "$tmpdir/made/nbd" --pid-file "$tmpdir/pid" >"$tmpdir/log" 2>&1 &
job=$!
cleanup_fn reap "$job"
wait_for 20 test -s "$tmpdir/pid" || fail "does not start where a server was killed: $(cat "$tmpdir/log")"
pid=$(cat "$tmpdir/pid")
log=$tmpdir/log
stop_server
[ ! -e "$tmpdir/made/nbd" ] || fail "its socket is left"
[ ! -e "$tmpdir/made/nbd.control" ] || fail "its control socket is left"
[ ! -e "$tmpdir/pid" ] || fail "its pid file is left"

# The pid file is another's, or is none; or nothing may be written.
start_rzsd size=4M protect=off
fails_with "pid-file=$pidfile: in use by process $pid" -- "$rzsd" "$tmpdir/other" --pid-file "$pidfile"
[ "$(cat "$pidfile")" = "$pid" ] || fail "the second server has changed the first's pid file"
stop_server
[ ! -e "$pidfile" ] || fail "its pid file is left"
mkfifo "$tmpdir/fifo"
fails_with "pid-file=$tmpdir/fifo: exists" -- "$rzsd" "$tmpdir/other" --pid-file "$tmpdir/fifo"
[ -p "$tmpdir/fifo" ] || fail "a pid file's path that was a FIFO is none any more"
# Tools write files of their own before the server begins.
[ "$T_TIMEOUT_SCALE" != 1 ] || fails_with "pid-file=$tmpdir/new: File too large" -- \
	bash -c 'ulimit -f 0; exec "$@" 2> >(cat)' - "$rzsd" "$tmpdir/other" --pid-file "$tmpdir/new"
[ ! -e "$tmpdir/new" ] && [ ! -e "$tmpdir/other" ] || fail "a start that failed leaves something behind"

# While it drains its place is free, and the next one's socket is not removed when it ends.
start_rzsd size=4M protect=off
draining=$pid old_log=$log old_sock=$sock
"$PYTHON" "$srcdir/tests/e2e/rzsd-hold.py" "$uri" "$tmpdir/release" >"$tmpdir/held" &
holder=$!
cleanup_fn reap "$holder"
wait_for 20 grep -q held "$tmpdir/held" || fail "cannot connect"
kill -TERM "$draining"
wait_for 20 grep -q 'asked to stop: serving' "$old_log" || fail "no word of the drain"
grep -q 'swap0 1' "$old_log" || fail "does not say whom it waits for: $(cat "$old_log")"
wait_for 20 test ! -e "$old_sock" || fail "drains, and has its socket still"
"$rzsd" "$old_sock" --control "$tmpdir/second.control" --pid-file "$tmpdir/pid" >"$tmpdir/log" 2>&1 &
job=$!
cleanup_fn reap "$job"
wait_for 20 test -s "$tmpdir/pid" || fail "no server beside one that drains: $(cat "$tmpdir/log")"
: >"$tmpdir/release"
wait "$holder" || fail "see above"
pid=$draining
log=$old_log
await_end
[ "$(nbdinfo --size "nbd+unix:///?socket=$old_sock")" = $((4 << 20)) ] || fail "the old one took the new one's socket"
pid=$(cat "$tmpdir/pid")
log=$tmpdir/log
stop_server

# A path with blank and comma; and localhost, which is of both families.
"$rzsd" "$tmpdir/a b,c" --pid-file "$tmpdir/pid" >"$tmpdir/log" 2>&1 &
job=$!
cleanup_fn reap "$job"
wait_for 20 test -s "$tmpdir/pid" || fail "no server with a blank in its path: $(cat "$tmpdir/log")"
[ -S "$tmpdir/a b,c" ] || fail "it listens elsewhere than at 'a b,c': $(cat "$tmpdir/log")"
pid=$(cat "$tmpdir/pid")
log=$tmpdir/log
stop_server

# ---- the background ----

"$rzsd" "$tmpdir/nbd" --daemon --survive-shutdown --pid-file "$tmpdir/pid" >"$tmpdir/log" 2>&1 ||
	fail "--daemon: $(cat "$tmpdir/log")"
pid=$(cat "$tmpdir/pid")
cleanup_fn kill -KILL "$pid"
# It returned, so clients can connect.
[ "$(nbdinfo --size "nbd+unix:///?socket=$tmpdir/nbd")" = $((4 << 20)) ] || fail "the daemon does not serve"
for fd in 0 1 2; do
	[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] || fail "the daemon's descriptor $fd is not /dev/null"
done
[ "$(readlink "/proc/$pid/cwd")" = / ] || fail "the daemon stays in $(readlink "/proc/$pid/cwd")"
[ "$T_TIMEOUT_SCALE" != 1 ] || [ "$(head -c 1 "/proc/$pid/cmdline")" = @ ] || fail "--survive-shutdown does not"
kill -TERM "$pid"
wait_for 20 gone "$pid" || fail "the daemon does not stop"
fails_with 'pid-file=/no/such/file' -- "$rzsd" "$tmpdir/nbd" --daemon --pid-file /no/such/file
[ ! -e "$tmpdir/nbd" ] || fail "a daemon that did not start leaves its socket"

# ---- systemd ----

# shellcheck disable=SC2086
"$PYTHON" "$srcdir/tests/e2e/rzsd-manager.py" "$tmpdir" $RZSD --config "$tmpdir/rzsd.conf" --protect off \
	--device swap0,size=4M --listen "$tmpdir/unused" --control "$tmpdir/unused.control" || fail "see above"
[ ! -e "$tmpdir/unused" ] && [ ! -e "$tmpdir/unused.control" ] || fail "made its own sockets beside those it was given"

# ---- others ----

requires_root
if ! setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	say "not checked as another user: setpriv does not work here"
	exit 0
fi
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
chmod 711 "$tmpdir"
start_rzsd size=4M protect=off
# The mode keeps others out, and even if that were changed:
# shellcheck disable=SC2086
! $nobody nbdinfo "$uri" >/dev/null 2>&1 || fail "the mode does not keep others out"
chmod 666 "$sock"
# shellcheck disable=SC2086
$nobody "$PYTHON" - "$sock" <<'EOF' || fail "see above"
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    got = s.recv(100)
except ConnectionResetError:
    got = b""
sys.exit(f"FAIL: nobody was sent {got}" if got else 0)
EOF
grep -q 'refused a connection from user 65534' "$log" || fail "the log does not tell of the stranger: $(cat "$log")"
# Thousands of them are one line in the log.
# shellcheck disable=SC2086
for _ in 1 2 3 4 5; do
	! $nobody nbdinfo "$uri" >/dev/null 2>&1 || fail "nobody gets in"
done
[ "$(grep -c 'refused a connection' "$log")" = 1 ] || fail "a line for each stranger"
stop_server

start_rzsd --allow-user 65534 -- size=4M protect=off
# shellcheck disable=SC2086
[ "$($nobody nbdinfo --size "$uri")" = $((4 << 20)) ] || fail "--allow-user does not let its user in"
stop_server
