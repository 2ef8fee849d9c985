#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol with nbdkit and the plugin: the same numbers as the client has written, a limit that is
# changed while it runs, and what this form cannot.
#
# Red when: the two sides of the control protocol part; a statistic is lost or called otherwise than
# in rzscontrol.table; the plugin's socket for NBD is not found.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"
requires_plugin
requires nbdcopy --version

make_machine
control=$run/control.sock
start_nbdkit size=16M memlimit=12M label='a b' control="$control"

gives 0 list --json
json 'd["servers"][0]["program"] == "nbdkit" and d["servers"][0]["pid"] == '"$pid" \
	'[x["name"] for x in d["servers"][0]["devices"]] == ["rzs"]' \
	'd["servers"][0]["devices"][0]["swap_uuid"]'
uuid=$("$PYTHON" -c 'import json, sys
print(json.load(open(sys.argv[1]))["servers"][0]["devices"][0]["swap_uuid"])' "$out")

# 1024 pages that do not compress, 1024 of one word, 1024 of zeros behind the header's.
"$PYTHON" - "$tmpdir/data" "$uri" <<-'END'
	import os, subprocess, sys
	header = subprocess.run(["nbdcopy", sys.argv[2], "-"], stdout=subprocess.PIPE, check=True)
	with open(sys.argv[1], "wb") as f:
	    f.write(header.stdout[:4096] + os.urandom(4 << 20) + b"swap" * (1 << 20) + bytes(4 << 20))
END
nbdcopy --allocated "$tmpdir/data" "$uri"
gives 0 rzs --stats --json
json 'd["stats"]["pages_raw"] == 1024' 'd["stats"]["pages_same"] - d["stats"]["pages_zero"] == 1024' \
	'd["stats"]["write_bytes"] >= 8 << 20' 'd["latency"]["write"]["count"] > 0' \
	'sum(b["count"] for b in d["latency"]["write"]["buckets"]) == d["latency"]["write"]["count"]' \
	'd["latency"]["write"]["buckets"][-1]["le_ns"] == d["latency"]["write"]["max_ns"]' \
	'd["latency"]["write"]["p50_ns"] <= d["latency"]["write"]["p999_ns"] <= d["latency"]["write"]["max_ns"]'
# What the table of rzscontrol.sh calls a statistic is one.
sed -n '/^> stats swap0/,/^ok/ s/^ \([a-z0-9_]*\) .*/\1/p' "$table" | sort -u >"$tmpdir/names"
"$PYTHON" -c 'import json, sys
have = set(json.load(open(sys.argv[1]))["stats"])
missing = [n for n in open(sys.argv[2]).read().split() if n not in have]
assert not missing, missing' "$out" "$tmpdir/names" || fail "rzscontrol.table has other statistics"
gives 0 rzs --stats
grep -qx 'MemLimit:	   12288 kB' "$out" && grep -qx 'NoCompress:	      49 %' "$out" ||
	fail "--stats: $(cat "$out")"

gives 0 "$control" -m 16384
gives 0 params rzs
grep -qx 'memlimit=16777216' "$out" && grep -qx 'label=a b' "$out" || fail "params: $(cat "$out")"
complains 1 'held now' rzs -m 1024
gives 0 set rzs memlimit=0
gives 0 rzs -s
! grep -q MemLimit "$out" || fail "--stats shows a limit that is gone: $(cat "$out")"
for order in --init --reset --disksize_kb=1024; do
	complains 5 nbdkit rzs "$order"
done
complains 5 'rzsd can' create swap1
complains 5 'rzsd can' remove rzs
complains 2 'memlimit=much' set rzs memlimit=much

gives 0 metrics --output "$tmpdir/rzs.prom"
"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$tmpdir/rzs.prom" \
	"value('ramzswap_pages_raw', device='rzs') == 1024" "value('ramzswap_up') == 1" \
	"value('ramzswap_request_duration_seconds_count', op='write') > 0" \
	"value('ramzswap_request_latency_seconds_count', op='write') ==
		value('ramzswap_request_duration_seconds_count', op='write')" \
	"value('ramzswap_request_latency_seconds_sum', op='write') ==
		value('ramzswap_request_duration_seconds_sum', op='write')" \
	"all(low < value('ramzswap_request_duration_seconds', op='write', quantile=q) <= high
		for q in ('0.5', '0.9', '0.99', '0.999')
		for low, high in [quantile('ramzswap_request_latency_seconds', float(q) * 1000, op='write')])" ||
	fail "metrics: $(cat "$tmpdir/rzs.prom")"
gives 0 watch 0.1 --count 2 --json
[ "$(wc -l <"$out")" = 2 ] || fail "watch: $(cat "$out")"
gives 0 process
says 'protect lock'

# As the device of its UUID; and attached to the socket that nbdkit was given.
make_nbd 0 "$uuid"
gives 0 /dev/nbd0 --stats
mkdir -p "$RZS_SYSROOT/proc/$pid" "$RZS_SYSROOT/proc/net"
ln -s "/proc/$pid/fd" "$RZS_SYSROOT/proc/$pid/fd"
ln -s /proc/net/unix "$RZS_SYSROOT/proc/net/unix"
printf '#!/bin/sh\necho "$@"\n' >"$tmpdir/rzs-nbd-swap"
chmod +x "$tmpdir/rzs-nbd-swap"
RZS_NBD_SWAP=$tmpdir/rzs-nbd-swap gives 0 attach rzs
says "attach --device /dev/nbd0 --socket $sock --name rzs"
stop_nbdkit
complains 4 'no server answers' list
