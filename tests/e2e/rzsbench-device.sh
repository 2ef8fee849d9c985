#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench device --vs starts servers by their names, side by side.  One that is not installed, or does not start, is named
# and left out, and the rest runs.  Every page is read back, also with the requests of a swapping system and as a copy.  --uri
# takes any NBD server.  Red when a name does not start its server, one that is missing or dies ends the run unmentioned, wrong
# bytes go unnoticed, or a process or a file is left behind.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
tool=${builddir:-.}/tools/rzsbench/rzsbench
[ -x "$tool" ] || fail "no $tool: build first"
real=$(readlink -f "$tool")
requires "$PYTHON" --version
"$tool" device --help >/dev/null 2>&1 || skip "this build has no libnbd"
export RZSD RZS_PLUGIN
out=$tmpdir/out
err=$tmpdir/err
quick=(--pages 1 --rounds 2 --time 20 --depth 4 --connections 1 --request "4,64" --churn 1)

# bench STATUS ARGUMENT...
bench() {
	local want=$1 got=0

	shift
	TMPDIR=$tmpdir "$real" device "$@" >"$out" 2>"$err" || got=$?
	[ "$got" = "$want" ] || fail "rzsbench device $*: exit status $got, not $want: $(cat "$out" "$err")"
}

says() { grep -qF -- "$1" "$out" "$err" || fail "no '$1' in: $(cat "$out" "$err")"; }

mkdir "$tmpdir/corpus"
"$PYTHON" - "$tmpdir/corpus" <<'END'
import random, sys
rng = random.Random(1)
with open(sys.argv[1] + "/some.pages", "wb") as f:
    for i in range(256):
        f.write(rng.choice([bytes(4096), rng.randbytes(4096), (b"%d pages " % i) * 1000])[:4096])
open(sys.argv[1] + "/index", "w").write("some 256\n")
END

# ---- all that is installed
bench 0 --vs rzsd,rzs,zstd,sparse,qemu-nbd "${quick[@]}" --output "$tmpdir/json" "$tmpdir/corpus"
ran=0
for name in rzsd rzs zstd sparse qemu-nbd; do
	if grep -q "^$name is left out: not installed" "$out"; then
		say "$name is not installed"
		continue
	fi
	grep -q "^$name  *all pages read back and equal" "$out" || fail "$name did not run: $(cat "$out" "$err")"
	grep "\"server\":\"$name\"" "$tmpdir/json" | grep -q '"iops_spread":[0-9]' || fail "no spread of $name in JSON"
	ran=$((ran + 1))
done
[ $ran -gt 0 ] || skip "none of them is installed"

# ---- one that is not installed, and one that is but does not start
if [ -x "$RZSD" ]; then
	mkdir "$tmpdir/bin"
	printf '#!/bin/sh\n[ "$1" = --version ]\n' >"$tmpdir/bin/qemu-nbd"
	chmod +x "$tmpdir/bin/qemu-nbd"
	PATH="$tmpdir/bin" bench 0 --vs sparse,qemu-nbd,rzsd "${quick[@]}" --output "$tmpdir/json2" "$tmpdir/corpus"
	says "sparse is left out: not installed (nbdkit)"
	says "qemu-nbd is left out: it does not start"
	says "all pages read back and equal"
	[ "$(grep -c '"bench":"nbd_skipped"' "$tmpdir/json2")" = 2 ] || fail "not in JSON: $(cat "$tmpdir/json2")"
fi
RZSD=/nowhere bench 77 --vs rzsd "$tmpdir/corpus"
says "rzsd is left out: not installed"

# ---- the requests of a swapping system: every page that is read is compared, and an exit is a discard
bench 0 --pattern swap --vs rzsd,sparse,qemu-nbd --pages 1 --rounds 2 --depth "1,4" --output "$tmpdir/json3" "$tmpdir/corpus"
says "all pages read back and equal"
"$PYTHON" - "$tmpdir/json3" <<'END' || fail "see above: $(cat "$tmpdir/json3")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
speed = [d for d in lines if d["bench"] == "swap_speed"]
ram = {(d["server"], d["after"]): d for d in lines if d["bench"] == "swap_ram"}
assert speed and len(speed) == 2 * len({d["server"] for d in speed}), "not each server at each depth"
for d in speed:
    assert d["pages_per_s"] > 0 and d["in_p50_us"] > 0 and d["out_p99_us"] > 0, d
    assert d["discards"], "%s takes no discards" % d["server"]
    assert d["discarded_pages"] >= 16, "no process has exited"
    assert ram[d["server"], "fill"]["stored_bytes"] == 1 << 20, "not filled"
    assert ram[d["server"], "swap"]["stored_bytes"] <= 1 << 20, "more is stored than there is"
END

# ---- every page written once and read once
# copied FILE NAME: the JSON line of a server that has copied all pages.
copied() { grep '"bench":"device_copy"' "$1" | grep "\"server\":\"$2\",\"pages\":256,.*\"wrong_pages\":0,"; }

bench 0 --pattern copy --vs rzsd,rzs,zstd,sparse,qemu-nbd --output "$tmpdir/copy" "$tmpdir/corpus"
for name in rzsd rzs zstd sparse qemu-nbd; do
	! grep -q "^$name is left out: not installed" "$out" || continue
	grep -q "^$name .* all equal$" "$out" || fail "$name was not copied to: $(cat "$out" "$err")"
	copied "$tmpdir/copy" $name | grep -q '"depth":16,.*"ram_bytes":[1-9].*"growth_bytes_per_page":[0-9]' ||
		fail "$name: $(cat "$tmpdir/copy")"
done
if nbdkit --version >/dev/null 2>&1; then
	# shellcheck disable=SC2016
	bench 1 --pattern copy --server 'null=nbdkit -f -U "$SOCK" null "$SIZE"' "$tmpdir/corpus"
	zeros=$("$PYTHON" -c 'import sys; f = open(sys.argv[1], "rb"); print(sum(f.read(4096) == bytes(4096) for _ in range(256)))' \
		"$tmpdir/corpus/some.pages")
	says "$((256 - zeros)) WRONG"
fi
if nbdkit --filter=log memory --version >/dev/null 2>&1; then
	# shellcheck disable=SC2016
	LOG=$tmpdir/requests bench 0 --pattern copy --depth 4 \
		--server 'logged=nbdkit -f -U "$SOCK" --filter=log memory "$SIZE" logfile="$LOG"' "$tmpdir/corpus"
	"$PYTHON" - "$tmpdir/requests" <<'END' || fail "see above"
import re, sys
orders = {}
for op, at, count in re.findall(r" (Read|Write) id=\d+ offset=(0x[0-9a-f]+) count=(0x[0-9a-f]+) ", open(sys.argv[1]).read()):
    assert int(count, 16) == 4096, "%s of %s bytes" % (op, count)
    orders.setdefault(op, []).append(int(at, 16) // 4096)
for op in "Write", "Read":
    assert sorted(orders[op]) == list(range(256)), "%s: not every page once: %s" % (op, orders[op])
    in_order = sum(b == a + 1 for a, b in zip(orders[op], orders[op][1:]))
    assert in_order < 32, "%s: in order, not at random" % op
assert sum(w == r for w, r in zip(orders["Write"], orders["Read"])) < 32, "read in the order of the writes"
END
fi

# ---- servers that already run: by NBD URIs, to the default export and to a named one
# listening NAME COMMAND...: starts it, and waits for its socket $tmpdir/NAME; sets $job.
listening() {
	local name=$1

	shift
	"$@" >"$tmpdir/$name.log" 2>&1 &
	job=$!
	cleanup_fn reap $job
	wait_for 20 test -S "$tmpdir/$name" || fail "$name does not listen: $(cat "$tmpdir/$name.log")"
}
uris=()
if nbdkit --version >/dev/null 2>&1; then
	listening memory nbdkit -f -U "$tmpdir/memory" memory 2M
	listening readonly nbdkit -f -r -U "$tmpdir/readonly" memory 2M
	uris+=(--uri "memory=nbd+unix:///?socket=$tmpdir/memory")
	# By TCP: nbdkit takes a socket from the process that starts it, so the kernel can choose the port.
	"$PYTHON" -c 'import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
with open(sys.argv[1], "w") as f:
    f.write("%d" % s.getsockname()[1])
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])' "$tmpdir/port" nbdkit -f memory 2M >"$tmpdir/tcp.log" 2>&1 &
	cleanup_fn reap $!
	wait_for 20 test -s "$tmpdir/port" || fail "nobody listens by TCP: $(cat "$tmpdir/tcp.log")"
	tcp=nbd://127.0.0.1:$(cat "$tmpdir/port")
	uris+=(--uri "tcp=$tcp")
fi
if has_rzsd && nbdinfo --version >/dev/null 2>&1; then
	start_rzsd size=2M swap-header=false protect=off
	rzsd_sock=$sock
	uris+=(--uri "rzsd=nbd+unix:///swap0?socket=$sock")
fi
if qemu-nbd --version >/dev/null 2>&1; then
	truncate -s 2M "$tmpdir/image"
	listening qemu qemu-nbd -t -e 4 -f raw -x disk -k "$tmpdir/qemu" "$tmpdir/image"
	uris+=(--uri "qemu=nbd+unix:///disk?socket=$tmpdir/qemu")
fi
if [ ${#uris[@]} -gt 0 ]; then
	bench 0 "${uris[@]}" --destroy-data "${quick[@]}" --output "$tmpdir/json4" "$tmpdir/corpus"
	bench 0 "${uris[@]}" --destroy-data --pattern swap --pages 1 --rounds 1 --depth 4 "$tmpdir/corpus"
	says "all pages read back and equal"
	"$PYTHON" - "$tmpdir/json4" $((${#uris[@]} / 2)) <<'END' || fail "see above: $(cat "$tmpdir/json4")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
speed = [d for d in lines if d["bench"] == "nbd_speed"]
assert len({d["server"] for d in speed}) == int(sys.argv[2]), "not all of them ran"
for d in speed:
    assert d["server_cpu_us_per_op"] is None and d["iops_by_cpu_time"] is None, "nobody can know that: %s" % d
    assert 0 < d["p50_us"] <= d["p90_us"] <= d["p99_us"] <= d["p999_us"] <= d["max_us"], d
assert not [d for d in lines if d["bench"] == "nbd_ram"], "nor its memory"
END
	bench 0 "${uris[@]}" --destroy-data --pattern copy --output "$tmpdir/copy2" "$tmpdir/corpus"
	[ "$(grep -c '"wrong_pages":0,"ram_start_bytes":null,"ram_bytes":null,"growth_bytes_per_page":null}' "$tmpdir/copy2")" = \
		$((${#uris[@]} / 2)) ] || fail "not every server is copied to: $(cat "$tmpdir/copy2")"
	first=${uris[1]}
	bench 2 --uri "$first" "$tmpdir/corpus"
	says "--uri ${first#*=}: its contents will be lost: give --destroy-data"
fi
if [ -n "${rzsd_sock:-}" ]; then
	bench 99 --uri "rzsd=nbd+unix:///swap1?socket=$rzsd_sock" --destroy-data --pages 1 "$tmpdir/corpus"
	says "rzsbench: nbd+unix:///swap1?socket=$rzsd_sock: "
fi
if [ -S "$tmpdir/memory" ]; then
	bench 99 --uri "ro=nbd+unix:///?socket=$tmpdir/readonly" --destroy-data --pages 1 "$tmpdir/corpus"
	says "ro: nbd+unix:///?socket=$tmpdir/readonly is read-only"
	listening small nbdkit -f -U "$tmpdir/small" memory 512k
	bench 99 --uri "small=nbd+unix:///?socket=$tmpdir/small" --destroy-data --pages 1 "$tmpdir/corpus"
	says "has 524288 bytes, 1048576 are needed: see --pages"
	# shellcheck disable=SC2016
	bench 99 --server 'little=nbdkit -f -U "$SOCK" memory 512k' --pages 1 "$tmpdir/corpus"
	says "memory 512k has 524288 bytes, 1048576 are needed: see --pages"
	# One that ends in the middle: its table would take a minute.
	listening dying nbdkit -f -U "$tmpdir/dying" memory 2M
	"$real" device --uri "dying=nbd+unix:///?socket=$tmpdir/dying" --destroy-data --pages 1 --rounds 50 --time 2000 \
		"$tmpdir/corpus" >"$tmpdir/dying.out" 2>"$err" &
	measuring=$!
	cleanup_fn reap $measuring
	wait_for 20 grep -q Speed "$tmpdir/dying.out" || fail "it does not begin: $(cat "$err")"
	kill -KILL $job
	got=0
	wait $measuring || got=$?
	[ $got = 99 ] || fail "a server that died: exit status $got"
	grep -q "^rzsbench: dying: " "$err" || fail "a server that died goes unmentioned: $(cat "$err")"
fi
if [ -S "$tmpdir/qemu" ]; then
	bench 99 --uri "qemu=nbd+unix:///other?socket=$tmpdir/qemu" --destroy-data --pages 1 "$tmpdir/corpus"
	says "other"
fi
bench 99 --uri "none=nbd+unix:///?socket=$tmpdir/none" --destroy-data --pages 1 "$tmpdir/corpus"
says "No such file"

# ---- block devices: not without --destroy-data, and none that is in use
bench 2 --block /dev/null "$tmpdir/corpus"
says "--block /dev/null: its contents will be lost: give --destroy-data"
bench 99 --block /dev/null --destroy-data "$tmpdir/corpus"
says "--block /dev/null: it is not a block device"
if [ "$(id -u)" = 0 ] && truncate -s 2M "$tmpdir/disk" && loop=$(losetup -f --show "$tmpdir/disk" 2>/dev/null); then
	cleanup_fn losetup -d "$loop"
	bench 0 --block "$loop" --destroy-data --pattern swap --pages 1 --rounds 1 --depth 1 "$tmpdir/corpus"
	says "${loop##*/}"
	says "all pages read back and equal"
	bench 0 --block "$loop" --destroy-data --pattern copy --output "$tmpdir/copy3" "$tmpdir/corpus"
	copied "$tmpdir/copy3" "${loop##*/}" | grep -q '"depth":1,' || fail "$loop: $(cat "$tmpdir/copy3")"
	mkfifo "$tmpdir/hold"
	"$PYTHON" -c 'import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_EXCL); open(sys.argv[2], "w"); sys.stdin.read()' \
		"$loop" "$tmpdir/held" <"$tmpdir/hold" &
	holder=$!
	cleanup_fn reap $holder
	exec 9>"$tmpdir/hold"
	wait_for 20 test -e "$tmpdir/held" || fail "nobody holds $loop"
	bench 99 --block "$loop" --destroy-data --pages 1 "$tmpdir/corpus"
	says "--block $loop: in use"
	exec 9>&-
	wait $holder
fi

# ---- bad input
bench 2 --vs nonsense "$tmpdir/corpus"
says "--vs nonsense: expected rzsd, rzs, zstd, sparse, qemu-nbd, zram or all"
bench 2 --vs , "$tmpdir/corpus"
says "--vs: none is named"
bench 2 "$tmpdir/corpus"
says "--server, --vs, --uri, --zram or --block"
bench 2 --uri nbd://localhost "$tmpdir/corpus"
says "--uri nbd://localhost: expected NAME=URI"
bench 2 --pattern nonsense --vs all "$tmpdir/corpus"
says "--pattern nonsense: expected one of cases, swap, copy"
bench 2 --pattern copy --server 'null-=false' "$tmpdir/corpus"
says "--pattern copy: null- does not keep data"
bench 2 --pattern copy --vs all --depth "4,16" "$tmpdir/corpus"
says "--depth: --pattern copy takes one number"
bench 2 --pattern copy --vs all --connections "1,2" "$tmpdir/corpus"
says "--connections: --pattern copy takes one number"
bench 2 --pattern swap --server 'null-=false' "$tmpdir/corpus"
says "null- does not keep data"
