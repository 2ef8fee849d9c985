#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of bench/ print their usage with --help and -h, and refuse unknown options; nothing is measured.  Red when one
# takes --help for an error or for work, ignores that its text cannot be written, or changes an existing file.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
out=$tmpdir/out
err=$tmpdir/err

# run STATUS COMMAND...: elsewhere, for a run would write beside itself.
run() {
	local want=$1 got=0

	shift
	(cd "$tmpdir" && timeout 60 "$@" >"$out" 2>"$err" </dev/null) || got=$?
	[ "$got" = "$want" ] || fail "$*: exit status $got, not $want: $(cat "$out" "$err")"
}

helps() {
	local option

	for option in --help -h; do
		run 0 "$1" $option
		grep -q '^usage: ' "$out" || fail "$1 $option: $(cat "$out" "$err")"
		[ ! -s "$err" ] || fail "$1 $option complains: $(cat "$err")"
		! (cd "$tmpdir" && timeout 60 "$1" $option >/dev/full 2>"$err" </dev/null) || fail "$1 $option: its text is lost, and it says nothing"
	done
	run 2 "$1" --nonsense
	[ -s "$err" ] || fail "$1 --nonsense: no complaint"
}

for name in run capture kmod kernel-lzo nbd-server; do
	helps "$srcdir/bench/$name"
done
for name in run capture kmod; do
	run 2 "$srcdir/bench/$name" --nonsense
	grep -qF -- "no such option: --nonsense" "$err" || fail "$name does not name it: $(cat "$err")"
	run 0 "$srcdir/bench/$name" -p x --help
done

# ---- what is there stays as it is
mkdir -m 755 "$tmpdir/corpus"
echo mine >"$tmpdir/corpus/file"
run 2 "$srcdir/bench/capture" -b "$(type -P true)" "$tmpdir/corpus"
[ "$(stat -c %a "$tmpdir/corpus")" = 755 ] || fail "bench/capture has changed the mode of a directory that it refuses"
run 2 "$srcdir/bench/nbd-server" "$tmpdir/socket" 4096 "$tmpdir/corpus/file"
[ "$(cat "$tmpdir/corpus/file")" = mine ] || fail "bench/nbd-server has changed a file that was there"
mkdir -p "$tmpdir/linux/lib/lzo"
touch "$tmpdir/linux/lib/lzo/lzo1x_compress.c" "$tmpdir/linux/lib/lzo/lzo1x_decompress_safe.c"
if [ "$(uname -m)" = x86_64 ]; then
	run 2 "$srcdir/bench/kernel-lzo" "$tmpdir/linux" "$tmpdir/corpus/file"
	[ "$(cat "$tmpdir/corpus/file")" = mine ] || fail "bench/kernel-lzo has replaced a file that was there"
fi

# These are there after make bench.
for name in lzo null_server store; do
	[ ! -x "${builddir:-.}/bench/$name" ] || helps "${builddir:-.}/bench/$name"
done
