#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench and files that a user names.  A device, a pipe, a link or another program's file is never replaced, emptied or
# removed.  If something cannot be written, a message says so, and the exit status is not 0.  JSON is valid whatever bytes a
# name has.  Red when one of these is not so, or when it waits for a pipe.

# Without these functions there is no $tmpdir, and what is below would write to /corpus.
. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
tool=${builddir:-.}/tools/rzsbench/rzsbench
[ -x "$tool" ] || fail "no $tool: build first"
requires "$PYTHON" --version
tool=$(readlink -f "$tool")
out=$tmpdir/out
err=$tmpdir/err

# gets STATUS TEXT COMMAND...: its exit status, and a text on stderr; a minute is a hang.  Its output goes to $to if that
# is set; - closes it.
gets() {
	local want=$1 text=$2 got=0 limit=(timeout $((60 * T_TIMEOUT_SCALE)))

	shift 2
	if [ "${to:-}" = - ]; then
		"${limit[@]}" "$@" >&- 2>"$err" </dev/null || got=$?
	else
		"${limit[@]}" "$@" >"${to:-$out}" 2>"$err" </dev/null || got=$?
	fi
	[ "$got" = "$want" ] || fail "$*: exit status $got, not $want: $(cat "$err")"
	[ -z "$text" ] || grep -qF -- "$text" "$err" || fail "$*: no '$text' in: $(cat "$err")"
}

mkdir "$tmpdir/corpus"
"$PYTHON" - "$tmpdir/corpus" <<'END'
import random, sys
rng = random.Random(1)
with open(sys.argv[1] + "/some.pages", "wb") as f:
    for i in range(64):
        f.write(bytes(rng.choices(b"abcd", k=4096)))
open(sys.argv[1] + "/index", "w").write("some 64\n")
END
pages=("$tool" pages --rounds 1 --methods lzo)

# ---- standard output that takes nothing
lost="cannot write to standard output"
for file in /dev/full -; do
	for option in --help --version; do
		to=$file gets 99 "$lost" "$tool" $option
		for command in capture pages swap; do
			to=$file gets 99 "$lost" "$tool" $command $option
		done
	done
	to=$file gets 99 "$lost" "${pages[@]}" "$tmpdir/corpus"
done
to=/dev/full gets 99 "cannot write -: No space left on device" "${pages[@]}" --output - "$tmpdir/corpus"
# A file opened later does not get what is for a closed stream.
to=- gets 99 "$lost" "${pages[@]}" --output "$tmpdir/json" "$tmpdir/corpus"
"$PYTHON" -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' "$tmpdir/json" ||
	fail "the table is in the file of JSON lines"
gets 99 "cannot write /dev/full: No space left on device" "${pages[@]}" --output /dev/full "$tmpdir/corpus"
grep -q '^lzo ' "$out" || fail "without JSON lines the table is gone, too"
if mknod "$tmpdir/block" b 7 250 2>"$err"; then
	gets 99 "cannot write $tmpdir/block: Invalid argument" "${pages[@]}" --output "$tmpdir/block" "$tmpdir/corpus"
fi

# ---- --report: only an earlier one is replaced
mkdir "$tmpdir/bin" "$tmpdir/dir"
# Plots as good as any, and what is to happen meanwhile.
cat >"$tmpdir/bin/gnuplot" <<'END'
#!/bin/sh
case $2 in -e) exit 0 ;; esac
cat >/dev/null
[ -z "$MEANWHILE" ] || sh -c "$MEANWHILE"
echo "<svg width='1' height='1'></svg>"
END
chmod +x "$tmpdir/bin/gnuplot"
report() { gets "$1" "$2" env PATH="$tmpdir/bin:$PATH" "${pages[@]}" --report "$3" "$tmpdir/corpus"; }
# What this is: its kind, mode, device and bytes.
state() { stat -c '%F %a %t:%T %i' "$1" && { [ ! -f "$1" ] || cat "$1"; }; }
# kept PATH TEXT [AT]: refused with this text, and it (or AT, which it leads to) is as it was.
kept() {
	local before

	before=$(state "${3:-$1}")
	report 99 "$2" "$1"
	grep -qF -- "--report $1: " "$err" || fail "it does not say that it is about $1: $(cat "$err")"
	[ "$(state "${3:-$1}")" = "$before" ] || fail "${3:-$1} was $before, is $(state "${3:-$1}")"
	[ ! -s "$out" ] || fail "something was measured before $1 was refused"
}
echo mine >"$tmpdir/mine"
mkfifo "$tmpdir/pipe"
ln -s mine "$tmpdir/link"
ln -s nothing "$tmpdir/dangling"
kept "$tmpdir/mine" "not an earlier report"
kept "$tmpdir/link" "not an earlier report" "$tmpdir/mine"
kept "$tmpdir/pipe" "not a regular file"
kept "$tmpdir/dir" "not a regular file"
kept "$tmpdir/dangling" "a link to nothing" "$tmpdir/dangling"
[ ! -e "$tmpdir/nothing" ] || fail "a file was made where a link leads"
if mknod "$tmpdir/null" c 1 3 2>"$err"; then
	kept "$tmpdir/null" "not a regular file"
fi
# In a directory that is a file, and in one of the kernel's, to which not even root may write.
report 99 "Not a directory" "$tmpdir/mine/page"
report 99 "--report /proc/page:" /proc/page
page=$tmpdir/page.html
: >"$page"
report 0 "" "$page"
grep -q '</html>' "$page" || fail "no report in a file that was empty"
inode=$(stat -c %i "$page")
ln -s page.html "$tmpdir/to-page"
report 0 "" "$tmpdir/to-page"
[ -L "$tmpdir/to-page" ] || fail "a link was replaced by a report"
[ "$(stat -c %i "$page")" != "$inode" ] || fail "the report that the link leads to was not replaced"
# Another file comes to its place meanwhile.
rm "$page"
MEANWHILE="echo theirs >$page" report 99 "File exists" "$page"
[ "$(cat "$page")" = theirs ] || fail "a file made meanwhile was replaced"
rm "$page"
report 0 "" "$page"
MEANWHILE="echo theirs >$page" report 99 "File exists" "$page"
[ "$(cat "$page")" = theirs ] || fail "a report that has become another file was replaced"
# A disk that is full: what is there stays.
rm "$page"
report 0 "" "$page"
before=$(state "$page")
# shellcheck disable=SC2016
gets 99 "--report $page: File too large" env PATH="$tmpdir/bin:$PATH" bash -c 'trap "" XFSZ; ulimit -f 1; exec "$@"' bash \
	"${pages[@]}" --report "$page" "$tmpdir/corpus"
[ "$(state "$page")" = "$before" ] || fail "a report that could not be written has replaced the one before"
[ "$(find "$tmpdir" -name '*.tmp' | wc -l)" = 0 ] || fail "files are left behind: $(find "$tmpdir" -name '*.tmp')"

# ---- capture: no file is overwritten
cat >"$tmpdir/program.py" <<'END'
import sys
kept = bytearray(b"a page " * (1 << 17))
open(sys.argv[1], "w").close()
sys.stdin.read()
END
mkfifo "$tmpdir/wait"
"$PYTHON" "$tmpdir/program.py" "$tmpdir/ready" <"$tmpdir/wait" &
pid=$!
cleanup_fn kill $pid
exec 9>"$tmpdir/wait"
wait_for 60 test -e "$tmpdir/ready" || fail "the program does not get ready"
capture=("$tool" capture --most 1 --pid "$pid" --name it --output)
into=$tmpdir/into
gets 0 "" "${capture[@]}" "$into"
before=$(cat "$into/index" "$into/it.pages" | cksum)
gets 99 "cannot write $into/it.pages: File exists" "${capture[@]}" "$into"
[ "$(cat "$into/index" "$into/it.pages" | cksum)" = "$before" ] || fail "a second capture has changed the first"
rm -r "$into"
mkdir "$into"
for what in mine pipe dangling dir; do
	ln -s "../$what" "$into/it.pages"
	before=$(state "$tmpdir/mine")
	gets 99 "it.pages: File exists" "${capture[@]}" "$into"
	[ "$(state "$tmpdir/mine")" = "$before" ] || fail "capture has written by a link"
	[ ! -e "$tmpdir/nothing" ] || fail "capture has made a file where a link leads"
	rm "$into/it.pages"
done
mkfifo "$into/it.pages"
gets 99 "it.pages: File exists" "${capture[@]}" "$into"
[ -p "$into/it.pages" ] || fail "capture has replaced a pipe"
rm "$into/it.pages"
echo "a list of something else" >"$into/index"
gets 99 "not an index of rzsbench capture" "${capture[@]}" "$into"
[ "$(cat "$into/index")" = "a list of something else" ] || fail "capture has added to another's file"
rm "$into/index"
mkfifo "$into/index"
gets 99 "not an index of rzsbench capture" "${capture[@]}" "$into"
rm "$into/index"
ln -s ../mine "$into/index"
gets 99 "cannot write $into/index" "${capture[@]}" "$into"
[ "$(ls "$into")" = index ] || fail "something was saved beside an index that is not ours: $(ls "$into")"
rm "$into/index"

# ---- capture to a disk that is full, or gets full at the index
# shellcheck disable=SC2016
small() { gets 99 "$1" bash -c 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"' bash "$2" "${capture[@]}" "$into"; }
small "cannot write $into/it.pages: File too large" 4
[ -z "$(ls "$into")" ] || fail "half a file of pages is left: $(ls "$into")"
head -c $(((2 << 20) - 4)) < <(yes "a 1" 2>/dev/null) >"$into/index"
before=$(cksum <"$into/index")
small "cannot write $into/index: File too large" 2048
[ "$(cksum <"$into/index")" = "$before" ] || fail "half a line is left: $(tail -c 20 "$into/index")"
[ "$(ls "$into")" = index ] || fail "pages are left that are not in the index: $(ls "$into")"

# ---- a pipe as a source is not waited for
gets 77 "$tmpdir/pipe: Illegal seek" "${pages[@]}" "$tmpdir/pipe"
mkdir "$tmpdir/odd"
mkfifo "$tmpdir/odd/index"
gets 77 "odd/index: Illegal seek" "${pages[@]}" "$tmpdir/odd"

# ---- names of any bytes
name=$'\x80caf\xc3\xa9\xff\xed\xa0\x80"\\\x01\xf0\x9f\x90\x8f'
cp "$tmpdir/corpus/some.pages" "$tmpdir/$name"
rm -f "$tmpdir/json"
gets 0 "" "${pages[@]}" --output "$tmpdir/json" "$tmpdir/$name"
"$PYTHON" - "$tmpdir/json" <<'END' || fail "see above: $(head -n 1 "$tmpdir/json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8", errors="strict")]
want = "\ufffdcaf\u00e9" + 4 * "\ufffd" + '"\\\x01\U0001f40f=64'
assert lines[0]["corpus"] == want, (lines[0]["corpus"], want)
END
# Of a program, they are a word of ASCII in an index, on every architecture.
cp "$(type -P sleep)" "$tmpdir/caf"$'\xc3\xa9'
"$tmpdir/caf"$'\xc3\xa9' 1000 &
named=$!
cleanup_fn kill $named
wait_for 60 grep -q '^caf' "/proc/$named/comm" || fail "the program does not start"
gets 0 "" "$tool" capture --pid $named --output "$tmpdir/named"
grep -qx "caf--[-]$named [0-9]*" "$tmpdir/named/index" || fail "its name: $(cat "$tmpdir/named/index")"
