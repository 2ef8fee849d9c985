#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench on a real program: its memory is captured, the results are those of the pages in it, and servers are measured with
# them.  Bad input is answered with a clear error.  Red when pages are missing or too many, a share is wrong, a command or an
# option does not work, or an error does not name its cause.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
tool=${builddir:-.}/tools/rzsbench/rzsbench
[ -x "$tool" ] || fail "no $tool: build first"
requires "$PYTHON" --version
out=$tmpdir/out
err=$tmpdir/err

# bench COMMAND...: must succeed, its output is in $out.
bench() {
	"$tool" "$@" >"$out" 2>"$err" || fail "rzsbench $*: exit status $?: $(cat "$err")"
}

# complains STATUS TEXT COMMAND...
complains() {
	local want=$1 text=$2 got=0

	shift 2
	"$tool" "$@" >"$out" 2>"$err" || got=$?
	[ "$got" = "$want" ] || fail "rzsbench $*: exit status $got, not $want: $(cat "$err")"
	grep -qF -- "$text" "$err" || fail "rzsbench $*: no '$text' in: $(cat "$err")"
}

says_not() { ! grep -qF -- "$1" "$out" || fail "'$1' in: $(cat "$out")"; }
says() { grep -qF -- "$1" "$out" || fail "no '$1' in: $(cat "$out")"; }

# value BENCH KEY: from the JSON lines.
value() {
	"$PYTHON" - "$tmpdir/json" "$1" "$2" <<'END'
import json, sys
for line in open(sys.argv[1]):
    d = json.loads(line)
    if d["bench"] == sys.argv[2]:
        print(d[sys.argv[3]])
        break
END
}

# ---- a program whose memory is known: 8 MiB of text, 2 MiB of zeros, 4 MiB of noise, and twice the same 2 MiB of it
cat >"$tmpdir/program.py" <<'END'
import mmap, random, sys
rng = random.Random(1)
lines = [b"%d of %d pages are stored in block %d\n" % tuple(rng.randrange(10**6) for _ in range(3)) for _ in range(500)]
def text():
    return b"".join(rng.choices(lines, k=100))[:4096]
def region(mib, page):
    # By the page: what is freed in large pieces stays in the heap.
    m = mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for _ in range(mib * 256):
        m.write(page())
    return m
noise = [rng.randbytes(4096) for _ in range(512)]
kept = [region(8, text), region(2, lambda: bytes(4096)), region(4, lambda: rng.randbytes(4096)),
        region(2, iter(noise).__next__), region(2, iter(noise).__next__)]
del noise
open(sys.argv[1], "w").close()
sys.stdin.read()
END
mkfifo "$tmpdir/wait"
"$PYTHON" "$tmpdir/program.py" "$tmpdir/ready" <"$tmpdir/wait" &
pid=$!
cleanup_fn kill $pid
exec 9>"$tmpdir/wait"
wait_for 60 test -e "$tmpdir/ready" || fail "the program does not get ready"

bench pages --pid $pid --output "$tmpdir/json" --rounds 1
says "anonymous memory from 1 source"
# The answer for the method to choose, with its cost, and those of other stores.
chosen=$(sed -n 's/^Choose \([^ ]*\) .*/\1/p' "$out")
[ -n "$chosen" ] || fail "no advice in: $(cat "$out")"
says "Swapped out with $chosen, these "
grep -q '^Swapped.* saved (zram: [0-9.]* [KMG]*iB; zswap, which needs a disk: [0-9.]* [KMG]*iB; nbdkit ' "$out" ||
	fail "no other stores: $(cat "$out")"
grep -q '^The processor takes [0-9.]* us to compress a page that is swapped out and [0-9.]* us to decompress' "$out" ||
	fail "no cost: $(cat "$out")"
grep -q '^Merging equal pages (merge-run=1) would save [0-9.]* [KMG]*iB of it, and take up to [0-9.]* [KMG]*iB for itself' \
	"$out" || fail "no gain of merging: $(cat "$out")"
! grep -q '^zstd:1 .*[0-9]' "$out" ||
	grep -q '^With lzo, recompressing idle pages (recompress=zstd) brings .* down to .* us instead of [0-9.]*[.]$' "$out" ||
	fail "no gain of recompression: $(cat "$out")"
says "One round only"
share() { # WHAT LEAST MOST of 1000 pages
	local n all
	n=$(value pages "$1")
	all=$(value pages pages_used)
	[ $((n * 1000 / all)) -ge "$2" ] && [ $((n * 1000 / all)) -le "$3" ] || fail "$1: $n of $all"
}
# 18 MiB and what Python needs, which is 5 to 20 MiB.
share pages_zero 50 125
share pages_duplicate 50 125
[ "$(value pages pages_found)" -ge $((18 * 256)) ] || fail "only $(value pages pages_found) pages are found"
[ "$(value pages_method method)" = lzo ] || fail "the first method is not lzo"
noise=$((8 * 256))
raw=$(value pages_method units_raw)
[ "$raw" -ge $noise ] && [ "$raw" -le $((noise * 3 / 2)) ] || fail "$raw raw pages, $noise are of noise"

# ---- statistics alone: no line of its text, no name, and nothing saved
bench pages --anonymous-stats-only --pid $pid --output "$tmpdir/stats" --rounds 1 --methods lzo
! grep -qaE 'pages are stored|python' "$out" "$tmpdir/stats" || fail "more than statistics: $(cat "$out" "$tmpdir/stats")"
grep -q '"corpus":"source-1=' "$tmpdir/stats" || fail "no source in $(cat "$tmpdir/stats")"
before=$(find "$tmpdir" | wc -l)
bench capture --anonymous-stats-only --pid $pid
says "not saved"
[ "$(find "$tmpdir" | wc -l)" = "$before" ] || fail "something was saved"
complains 2 "--output $tmpdir: --anonymous-stats-only saves nothing" capture --anonymous-stats-only --output "$tmpdir" --pid $pid

# ---- cold pages, if the kernel tracks them
if [ -e /sys/kernel/mm/page_idle/bitmap ] && [ "$(id -u)" = 0 ]; then
	rm -f "$tmpdir/json"
	bench pages --cold --cold-wait 1 --pid $pid --output "$tmpdir/json" --rounds 1 --methods lzo
	[ "$(value pages pages_found)" -ge $((9 * 256)) ] || fail "of a program that sleeps only $(value pages pages_found) pages are cold"
	complains 77 "is not a process" pages --cold "$tmpdir/program.py"
elif [ ! -e /sys/kernel/mm/page_idle ]; then
	complains 77 "CONFIG_IDLE_PAGE_TRACKING" pages --cold --pid $pid
fi

# ---- captured, it is the same
bench capture --output "$tmpdir" --name program --pid $pid
[ "$(stat -c %a "$tmpdir/program.pages")" = 600 ] || fail "the pages can be read by others"
[ "$(stat -c %s "$tmpdir/program.pages")" = $(($(sed -n 's/^program //p' "$tmpdir/index") * 4096)) ] ||
	fail "$tmpdir/index does not say what is there"
rm -f "$tmpdir/json"
bench pages --output "$tmpdir/json" --rounds 1 --methods lzo,lzo@16 "$tmpdir"
[ "$(value pages_method units_raw)" = "$raw" ] || fail "captured, $(value pages_method units_raw) pages are raw, not $raw"
bench pages --histogram --rounds 1 --methods lzo --sample 4 "$tmpdir/program.pages"
says " examined"
says "bytes after compression"
says "of pages from 1 file, "
says_not "anonymous memory"
bench pages --rounds 1 --methods lzo "$tmpdir"
says "of anonymous memory from 1 source"

# ---- the error of all pages is 0, that of a sample is not, and a small sample has a larger one
error() {
	rm -f "$tmpdir/json"
	bench pages --rounds 1 --methods lzo --output "$tmpdir/json" "$@" "$tmpdir/program.pages"
	value pages_method sampling_error
}
whole=$(error --sample 1000)
large=$(error --sample 8)
little=$(error --sample 2)
"$PYTHON" -c 'import sys
whole, large, little = map(float, sys.argv[1:])
sys.exit(not 0 == whole < large < little < 1)' "$whole" "$large" "$little" || fail "errors: $whole, $large, $little"

# ---- pages of one repeated word, few pages, one page, pages that do not shrink: possible values
"$PYTHON" - "$tmpdir" <<'END'
import random, sys
rng = random.Random(1)
def put(name, pages):
    open(sys.argv[1] + "/" + name, "wb").write(b"".join(pages))
put("zeros", [bytes(4096)] * 5)
put("words", [b"\0\1\2\3\4\5\6\7" * 512] * 300)
put("few", [rng.randbytes(64) * 64 for _ in range(20)])
put("one", [rng.randbytes(64) * 64])
put("noise", [rng.randbytes(4096) for _ in range(100)])
END
for name in zeros words few one noise; do
	rm -f "$tmpdir/json"
	bench pages --rounds 2 --methods lzo,lzo@16,lzo@64 --output "$tmpdir/json" "$tmpdir/$name"
	! grep -qE -- '-?(nan|inf)\b|-[0-9.]+ [KMG]?i?B' "$out" || fail "$name: $(cat "$out")"
	grep -qE '^Swapped out with lzo, .* saved \(zram: [0-9.]+ [KM]?i?B; zswap' "$out" || fail "$name: $(cat "$out")"
	"$PYTHON" - "$tmpdir/json" <<'END' || fail "$name: $(cat "$tmpdir/json")"
import json, sys
pages = [d for d in map(json.loads, open(sys.argv[1])) if d["bench"] == "pages"][0]
for d in map(json.loads, open(sys.argv[1])):
    if d.get("method") == "lzo" and d["bench"] == "pages_method":
        # No page is more than itself and its entry in the tables.
        assert 0 < d["store_ram_bytes"] < pages["pages_found"] * 4200, d
        assert 0 < d["store_itself_bytes"] < 1 << 20, d
END
	case $name in
	zeros | words) says "Any method will do" ;;
	few | one) says "Choose lzo" ;;
	noise) says "nothing saved" && says "hardly shrink" ;;
	esac
done

# ---- a server on them
if "$tool" device --help >/dev/null 2>&1 && [ -n "${NBDKIT// /}" ] && command -v nbdkit >/dev/null; then
	# shellcheck disable=SC2016
	bench device --server 'memory=nbdkit -f -U "$SOCK" memory "$SIZE"' --pages 4 --rounds 1 --time 20 --depth 1 \
		--connections 1 --churn 1 "$tmpdir"
	says "all pages read back and equal"
fi

# ---- a program that is started for it
bench capture --output "$tmpdir" --name started --least 2 -- "$PYTHON" -c 'import signal; x = list(range(10**6)); signal.pause()'
says started

# ---- two processes at once, a part of their pages, into a directory that does not exist
bench capture --output "$tmpdir/both" --pid $pid --pid $$ --most 2
[ "$(wc -l <"$tmpdir/both/index")" = 2 ] || fail "not two processes: $(cat "$tmpdir/both/index")"
[ "$(stat -c %a "$tmpdir/both")" = 700 ] || fail "the directory can be read by others"
saved=$(cat "$tmpdir"/both/*.pages | wc -c)
[ "$saved" -le $(((2 << 20) + 65536)) ] && [ "$saved" -ge 1000000 ] || fail "$saved bytes are saved, not 2 MiB"

# ---- bad input
complains 2 "no such command: nonsense" nonsense
complains 2 "usage:"
complains 2 "no pages: give --pid" pages
complains 2 "--rounds 0: not a number from 1 to" pages --rounds 0 --all
complains 2 "--methods lzma: no such algorithm in this build" pages --methods lzma "$tmpdir"
complains 2 "--pid x: not a number" pages --pid x
# What a message repeats cannot control the terminal.
complains 2 "--pid ?[31m: not a number" pages --pid $'\e[31m'
complains 2 "no such command: ?[31m" $'\e[31m'
complains 2 "--pid needs a value" pages --pid
complains 2 "no such option" pages --nonsense
complains 77 "process 2147483646: No such process" pages --pid 2147483646
complains 77 "/nowhere: No such file or directory" pages /nowhere
: >"$tmpdir/empty"
complains 77 "No data available" pages "$tmpdir/empty"
complains 77 "no/such: No such file" pages --cgroup no/such
complains 2 "--output is needed" capture --pid $pid
complains 2 "either --pid, --all or --cgroup, or a command" capture --output "$tmpdir" --name x
complains 99 "cannot make /dev/null/x" capture --output /dev/null/x --pid $pid
complains 99 "cannot start /nowhere/x: No such file" capture --output "$tmpdir/none" --name x -- /nowhere/x
complains 2 "--name is needed" capture --output "$tmpdir" -- true
complains 2 "it names one" capture --output "$tmpdir" --name x --pid $pid --pid $$
complains 77 "process 2147483646" capture --output "$tmpdir" --pid 2147483646
complains 2 "--name a/b: expected a word" capture --output "$tmpdir" --name a/b --pid $pid
complains 99 "cannot write /dev/full/x" pages --output /dev/full/x --rounds 1 --sample 1 "$tmpdir"
# ---- bash's completion, of what the program says of itself
completes() {
	local line=$1 word

	shift
	for word; do
		completion_offers "$tool" "$line" "$word" || fail "completion of '$line' has no $word: $(cat "$tmpdir/offered")"
	done
}
completes 'rzsbench ' capture pages device swap --help --version
for command in capture pages swap; do
	# Every long option, with its value's = or without.
	"$tool" $command --help | grep -oE -- ' --[a-z][a-z-]*=?' >"$tmpdir/options"
	[ "$(wc -l <"$tmpdir/options")" -ge 5 ] || fail "options of $command: $(cat "$tmpdir/options")"
	while read -r option; do
		completes "rzsbench $command --" "$option"
	done <"$tmpdir/options"
done
! completion_offers "$tool" 'rzsbench swap --' --pattern= || fail "completion offers an option of another command"
completes 'rzsbench device --pattern ' cases swap copy
completes 'rzsbench device --pattern = c' cases copy
completes 'rzsbench device --vs rzsd,z' rzsd,zstd rzsd,zram
completes "rzsbench swap $tmpdir/ind" "$tmpdir/index"

bench --help
says capture
bench pages --help
says --histogram
bench --version
