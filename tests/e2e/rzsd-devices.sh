#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several devices in one rzsd: each keeps its own data, is found by its name, and is shown as it is.  Red when
# names are mixed up, or a device that is not initialised is offered.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"
requires_python_nbd

start_rzsd --device swap.1,size=48M,swap-header=false --num-devices 3 -- size=16M swap-header=false protect=off

# of NAME: its URI.
of() {
	printf 'nbd+unix:///%s?socket=%s' "$1" "$sock"
}

list=$(nbdinfo --list --json "$uri")
names=$("$PYTHON" -c 'import json, sys
print(*(e["export-name"] for e in json.load(sys.stdin)["exports"]))' <<<"$list")
[ "$names" = "swap0 swap.1" ] || fail "the exports are: $names"
[ "$(nbdinfo --size "$(of swap0)")" = $((16 << 20)) ] || fail "the size of swap0"
[ "$(nbdinfo --size "$(of swap.1)")" = $((48 << 20)) ] || fail "the size of swap.1"
[ "$(nbdinfo --size "$uri")" = $((16 << 20)) ] || fail "the default export is not the first device"
nbdinfo --json "$(of swap.1)" | grep -q '"description": "compressed RAM (lzo)"' || fail "no description"
for name in swap1 swap2 none SWAP.1 swap0/ swap; do
	! nbdinfo --size "$(of $name)" >/dev/null 2>&1 || fail "$name can be used"
done

# The same places on both, at once.
head -c 8M /dev/urandom >"$tmpdir/a"
head -c 8M /dev/urandom >"$tmpdir/b"
nbdcopy "$tmpdir/a" "$(of swap0)" &
nbdcopy "$tmpdir/b" "$(of swap.1)" || fail "nbdcopy to swap.1"
wait $! || fail "nbdcopy to swap0"
for pair in "a swap0" "b swap.1"; do
	nbdcopy "$(of "${pair#* }")" "$tmpdir/out" || fail "nbdcopy from $pair"
	cmp -n 8388608 "$tmpdir/${pair% *}" "$tmpdir/out" || fail "differs: $pair"
	rm "$tmpdir/out"
done

# All statistics, each under its device's name.
kill -USR1 "$pid"
wait_for 20 grep -q '^rzs: device=swap.1' "$log" || fail "no statistics of swap.1"
stored() {
	[ "$(sed -n '/^rzs: device=swap.1/,$s/^rzs: pages_stored=//p' "$log")" = 2048 ]
}
wait_for 20 stored || fail "swap.1 does not say that it stores 2048 pages: $(cat "$log")"
stop_server

# Ten servers' worth of clients, each to its end.
start_rzsd --max-connections 3 -- size=4M protect=off
"$PYTHON" - "$uri" <<'EOF' || fail "see above"
import sys
import nbd

def connect():
    h = nbd.NBD()
    h.connect_uri(sys.argv[1])
    return h

held = [connect() for _ in range(3)]
try:
    connect()
    sys.exit("FAIL: a fourth of 3 connections")
except nbd.Error as e:
    print(e)
held.pop().shutdown()
for i in range(100):
    # The server learns a little later than we do that somebody has left.
    while True:
        try:
            h = connect()
            break
        except nbd.Error:
            pass
    h.pread(4096, 4096 * i)
    h.shutdown()
EOF
grep -q 'all 3 of --max-connections are in use' "$log" || fail "the log does not say that connections are refused"
stop_server

# No device at all is fine: they may come later.
: >"$tmpdir/rzsd.conf"
next_server
# shellcheck disable=SC2086
$RZSD --config "$tmpdir/rzsd.conf" --listen "$sock" --control "$sock.control" --num-devices 0 --protect off \
	--pid-file "$pidfile" >"$log" 2>&1 &
pid=$!
cleanup_fn reap "$pid"
wait_for 20 test -s "$pidfile" || fail "does not start without a device: $(cat "$log")"
! nbdinfo "$uri" >"$tmpdir/out" 2>&1 || fail "there is a device: $(cat "$tmpdir/out")"
stop_server
