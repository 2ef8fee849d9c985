#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench swap without swap: it says so and ends with 77; and bad input is answered with a clear error.  With swap, pages go
# out and come back (tests/vm/scenarios/rzsbench-swap says more).  Red when it reports results without swap, or an error does
# not name its cause.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
tool=${builddir:-.}/tools/rzsbench/rzsbench
[ -x "$tool" ] || fail "no $tool: build first"
out=$tmpdir/out
err=$tmpdir/err

# bench STATUS ARGUMENT...
bench() {
	local want=$1 got=0

	shift
	"$tool" swap "$@" >"$out" 2>"$err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "rzsbench swap $*: exit status $got, not $want: $(cat "$out" "$err")"
}

says() { grep -qF -- "$1" "$out" "$err" || fail "no '$1' in: $(cat "$out" "$err")"; }

mkdir "$tmpdir/corpus"
head -c 1M /dev/urandom >"$tmpdir/corpus/noise.pages"
echo "noise 256" >"$tmpdir/corpus/index"

# ---- bad input, with swap or without
bench 2
says "one directory of captured pages is needed"
bench 2 "$tmpdir/corpus" "$tmpdir/corpus"
says "one directory of captured pages is needed"
bench 2 --pages 0 "$tmpdir/corpus"
says "--pages 0: not a number from 1 to"
bench 2 --output
says "--output needs a value"
bench 2 --nonsense "$tmpdir/corpus"
says "no such option, or it takes no value: --nonsense"
says "try rzsbench swap --help"
bench 0 --help
says "--wait"

# ---- nothing to work on
if [ "$(wc -l 2>/dev/null </proc/swaps || echo 0)" -le 1 ]; then
	for options in "" "--wait" "--output $tmpdir/json"; do
		# shellcheck disable=SC2086
		bench 77 $options "$tmpdir/corpus"
		says "rzsbench: swap: no swap is on: see swapon(8)"
		[ ! -s "$out" ] || fail "it says more: $(cat "$out")"
	done
	[ ! -e "$tmpdir/json" ] || fail "results of nothing: $(cat "$tmpdir/json")"
	exit 0
fi

# ---- or all the same, on a machine that has some
bench 99 "$tmpdir/nowhere"
says "cannot load the pages in $tmpdir/nowhere: No such file"
bench 99 --output /dev/full/x "$tmpdir/corpus"
says "cannot write /dev/full/x"
status=0
"$tool" swap --wait --output "$tmpdir/json" "$tmpdir/corpus" >"$out" 2>"$err" </dev/null || status=$?
if [ $status = 77 ]; then
	says "nothing of 1.0 MiB was swapped out"
	skip "swap is on, but takes nothing"
fi
[ $status = 0 ] || fail "exit status $status: $(cat "$out" "$err")"
says "every byte is right"
grep -q '"bench":"swap",.*"pages":256,.*"wrong_pages":0}' "$tmpdir/json" || fail "no results: $(cat "$tmpdir/json")"
