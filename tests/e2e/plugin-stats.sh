#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -D rzs.stats=1 and SIGUSR1 print the statistics, whose identities hold whenever no request is under way;
# -D rzs.io=1 prints requests; without them nothing is printed.  Red when a page is counted twice or not at
# all, when memory is held that no line shows, or when printing costs those who did not ask for it.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_plugin
requires_python_nbd
requires nbdcopy --version

value() {
	sed -n "s/^rzs: $1=//p" "$log" | tail -1
}

# identity LEFT RIGHT..: the first is the sum of the others.
identity() {
	local left=$1 sum=0 name

	shift
	for name in "$@"; do
		sum=$((sum + $(value "$name")))
	done
	[ "$(value "$left")" = "$sum" ] || fail "$left=$(value "$left"), but $* make $sum"
}

identities() {
	identity pages_stored pages_same pages_compressed pages_raw
	identity mem_bytes block_bytes table_bytes fixed_bytes reserve_bytes
	identity block_bytes object_bytes object_meta_bytes slack_bytes
	[ "$(value orig_bytes)" = $(($(value pages_stored) * 4096)) ] || fail "orig_bytes=$(value orig_bytes)"
	[ "$(value pages_zero)" -le "$(value pages_same)" ] || fail "pages_zero=$(value pages_zero)"
	[ "$(value mem_bytes)" -le "$(value mem_peak_bytes)" ] || fail "mem_peak_bytes=$(value mem_peak_bytes)"
	[ "$(value impossible)" = 0 ] || fail "impossible=$(value impossible)"
}

# 1 MiB each of noise, text, one repeated word, and zeros; then 12 MiB of nothing.
{
	head -c 1M /dev/urandom
	seq -f 'line %.0f of some text that repeats' 100000 | head -c 1M || true
	yes word | tr -d '\n' | head -c 1M || true
	head -c 1M /dev/zero
} >"$tmpdir/in"
truncate -s 16M "$tmpdir/in"

start_nbdkit -D rzs.stats=1 -- size=16M swap-header=false protect=off
nbdcopy --allocated "$tmpdir/in" "$uri"
"$PYTHON" -m nbd -u "$uri" -c 'h.pwrite(bytes(4096 * 10), 0x300000)' -c 'h.trim(4096 * 6, 0)'
stop_nbdkit
identities
[ "$(value nr_pages)" = 4096 ] || fail "nr_pages=$(value nr_pages)"
[ "$(value pages_raw)" = 250 ] || fail "pages_raw=$(value pages_raw), 250 pages of noise are stored"
[ "$(value pages_compressed)" = 256 ] || fail "pages_compressed=$(value pages_compressed), 256 are text"
[ "$(value pages_same)" -ge 256 ] || fail "pages_same=$(value pages_same), 256 repeat a word"
[ "$(value discards)" -ge 6 ] || fail "discards=$(value discards)"
[ "$(value pages_good)" = 256 ] || fail "pages_good=$(value pages_good)"

# Under churn, at quiet moments.
start_nbdkit size=64M
for round in 1 2 3; do
	"$PYTHON" -m nbd -u "$uri" -c 'import random' -c "random.seed($round)" -c '
for i in range(4000):
    page = random.randrange(8000)
    n = random.randrange(4096)
    h.pwrite(random.randbytes(n) + bytes(4096 - n), page * 4096)
h.trim(4096 * 1000, random.randrange(7000) * 4096)'
	seen=$(grep -c '^rzs: protect-realtime=' "$log" || true)
	kill -USR1 "$pid"
	more() {
		[ "$(grep -c '^rzs: protect-realtime=' "$log")" -gt "$seen" ]
	}
	wait_for 20 more || fail "no statistics on SIGUSR1"
	identities
done
stop_nbdkit

start_nbdkit size=1M protect=off
"$PYTHON" -m nbd -u "$uri" -c 'h.pread(4096, 0)'
stop_nbdkit
! grep '^rzs:' "$log" || fail "prints without being asked"

start_nbdkit -v -D rzs.io=1 -- size=1M protect=off
"$PYTHON" -m nbd -u "$uri" -c 'h.pread(512, 1024)' -c 'h.pwrite(b"x" * 4096, 8192, nbd.CMD_FLAG_FUA)' -c 'h.trim(4096, 0)'
stop_nbdkit
for line in 'rzs: read count=512 offset=1024' 'rzs: write count=4096 offset=8192' 'rzs: trim count=4096 offset=0'; do
	grep -q "$line" "$log" || fail "-D rzs.io=1 does not print '$line'"
done
