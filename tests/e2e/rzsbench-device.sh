#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench device --vs: starts the servers it knows by their names, side by side; what is not installed, or does not
# start, is named and left out, and the rest runs; every page is read back.  Red when a name does not start its server,
# when one that is missing ends the run or goes unmentioned, or when something is left running or lying about.

. "${srcdir:-.}/tests/lib/functions.sh"
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

# ---- bad input
bench 2 --vs nonsense "$tmpdir/corpus"
says "--vs nonsense: it is rzsd, rzs, zstd, sparse, qemu-nbd, zram or all"
bench 2 --vs , "$tmpdir/corpus"
says "--vs: none is named"
bench 2 "$tmpdir/corpus"
says "--server, --vs or --zram"
