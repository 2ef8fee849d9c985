#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol with rzsd: a device's life from create to remove, several at once, clients in the way,
# and a server that is about to end.
#
# Red when: the two sides of the control protocol part; the original's options do not make a device
# of that size and limit; a device in use is reset; several devices are taken for each other.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"
has_rzsd || skip "this build has no rzsd"
requires nbdcopy --version
requires_python_nbd

make_machine
start_rzsd --control "$run/control.sock" -- size=16M protect=off

# has_clients NAME NUMBER
has_clients() {
	[ "$("$tool" list | awk -v name="$1" '$1 == name { print $6 }')" = "$2" ]
}

# hold NAME: a client that stays until a line comes through $tmpdir/go.  Sets $client.
mkfifo "$tmpdir/go"
hold() {
	"$PYTHON" - "$(uri_of "$1")" "$tmpdir/go" <<-'END' &
		import sys, nbd
		h = nbd.NBD()
		h.connect_uri(sys.argv[1])
		open(sys.argv[2]).read()
		h.shutdown()
	END
	client=$!
	cleanup_fn reap "$client"
	wait_for 20 has_clients "$1" 1 || fail "the client of $1 does not come"
}

let_go() {
	echo >"$tmpdir/go"
	wait "$client" || fail "the client fails"
}

# uri_of NAME
uri_of() {
	printf 'nbd+unix:///%s?socket=%s' "$1" "$sock"
}

gives 0 list
grep -qE '^swap0 +ready +16.0M +none +lzo +0 ' "$out" || fail "list: $(cat "$out")"

# ---- a device's life, with the original's options
gives 0 create swap1
gives 0 list --json
json '[(x["name"], x["ready"]) for x in d["servers"][0]["devices"]] == [("swap0", True), ("swap1", False)]' \
	'd["servers"][0]["nbd_socket"] == "'"$sock"'"'
complains 1 'not initialised' swap1 --stats
complains 3 'not initialised, there is nothing to attach' attach swap1
gives 0 swap1 --init --memlimit_kb=8192 --disksize_kb=32768
[ "$(nbdinfo --size "$(uri_of swap1)")" = $((32 << 20)) ] || fail "swap1 has another size"
gives 0 swap1 --stats
grep -qx 'DiskSize:	   32768 kB' "$out" && grep -qx 'MemLimit:	    8192 kB' "$out" ||
	fail "--stats: $(cat "$out")"
complains 3 'only memlimit' swap1 --disksize_kb=1024
complains 3 initialised swap1 --init
head -c 2M /dev/urandom >"$tmpdir/data"
nbdcopy "$tmpdir/data" "$(uri_of swap1)"
gives 0 swap1 --stats --json
json 'd["stats"]["pages_raw"] == 512' 'd["stats"]["write_bytes"] >= 2 << 20' \
	'd["latency"]["write"]["count"] > 0 and d["device"] == "swap1"'
gives 0 swap0 --stats --json
json 'd["stats"]["pages_raw"] == 0 and d["stats"]["write_requests"] == 0'
json 'sum(b["count"] for b in d["latency"]["write"]["buckets"]) == 0'
gives 0 metrics --output "$tmpdir/rzs.prom"
"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$tmpdir/rzs.prom" \
	"value('ramzswap_request_latency_seconds_count', op='write', device='swap1') > 0" \
	"value('ramzswap_request_latency_seconds_count', op='write', device='swap0') == 0" \
	"all(low < value('ramzswap_request_duration_seconds', op='write', device='swap1', quantile=q) <= high
		for q in ('0.5', '0.9', '0.99', '0.999') for low, high in
		[quantile('ramzswap_request_latency_seconds', float(q) * 1000, op='write', device='swap1')])" ||
	fail "metrics: $(cat "$tmpdir/rzs.prom")"
complains 1 'held now' swap1 --memlimit_kb=1024
gives 0 swap1 --memlimit_kb=0

gives 0 compact swap1

# ---- a client in the way
hold swap1
complains 3 'in use, 1 connection' swap1 --reset
complains 3 'in use, 1 connection' remove swap1
nbdcopy "$(uri_of swap1)" "$tmpdir/back"
cmp -n 2097152 "$tmpdir/data" "$tmpdir/back" || fail "what is refused has changed what is stored"
let_go
wait_for 20 has_clients swap1 0 || fail "the client does not leave"
gives 0 swap1 --reset
complains 1 'not initialised' swap1 --stats
gives 0 params swap1
grep -qx size=33554432 "$out" || fail "reset has lost the size: $(cat "$out")"
gives 0 remove swap1
complains 4 'no such device' swap1 --init

# ---- several, with more to set
gives 0 create fast size=32M 'label=a b'
gives 0 create dense size=64M algorithm=zstd
complains 1 'a device of this name exists' create fast
complains 2 algorithm=lzma create other algorithm=lzma
complains 2 'size=4097: not a multiple of 4096' create other size=4097
complains 2 colour create other colour=red
complains 4 'no such device' params other
complains 2 'name' create 'a b'
gives 0 fast --init
gives 0 dense -i
gives 0 set fast memlimit=16M
gives 0 list
grep -qE '^fast +ready +32.0M +16.0M +lzo ' "$out" && grep -qE '^dense +ready +64.0M +none +zstd ' "$out" ||
	fail "list: $(cat "$out")"
gives 0 params fast --json
json 'd["params"]["label"] == "a b" and d["params"]["memlimit"] == "16777216"'
gives 0 list --json
"$PYTHON" -c 'import json, sys
for x in json.load(open(sys.argv[1]))["servers"][0]["devices"]:
    print(x["name"], x["swap_uuid"])' "$out" >"$tmpdir/uuids"
[ "$(cut -d ' ' -f 2 "$tmpdir/uuids" | sort -u | wc -l)" = 3 ] || fail "UUIDs: $(cat "$tmpdir/uuids")"
n=0
while read -r name uuid; do
	make_nbd $n "$uuid"
	gives 0 params "/dev/nbd$n" --json
	json 'd["device"] == "'"$name"'"'
	n=$((n + 1))
done <"$tmpdir/uuids"
complains 2 'several devices, say which: swap0, fast, dense' "$run/control.sock" --stats
gives 0 metrics --output "$tmpdir/rzs.prom"
"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$tmpdir/rzs.prom" \
	"value('ramzswap_nr_pages', device='dense') == 16384" \
	"value('ramzswap_limit_bytes', device='fast') == 16 << 20" \
	"value('ramzswap_protection', protection='lock', state='off') == 1" ||
	fail "metrics: $(cat "$tmpdir/rzs.prom")"
gives 0 watch 0.1 --count 2
[ "$(wc -l <"$out")" = 7 ] || fail "watch: $(cat "$out")"
gives 0 process
says 'protect lock'

# ---- a server that only waits for its last client
hold fast
kill -TERM "$pid"
refuses_changes() {
	! "$tool" create late 2>"$err"
}
wait_for 20 refuses_changes || fail "a server that is about to end makes devices"
gives 0 list
says fast
let_go
wait_for 20 gone "$pid" || fail "the server does not end"
complains 4 'no server answers' list
