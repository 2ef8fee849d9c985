#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench measures the libraries and nothing else: its timed loops take as many instructions for each page as a bare loop
# over the library, within 5 %, and the sizes are the same to the byte.  Instructions are counted, so other work on the
# machine makes no difference.  Red when the loops do other work, or leave pages out.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${builddir:=.}"
tool=$builddir/tools/rzsbench/rzsbench
bare=$builddir/tests/lib/bare_codec
[ -x "$tool" ] || fail "no $tool: build first"
[ -x "$bare" ] || fail "no $bare: build first"
skip_under_tools "a tool would count its own instructions"
[ -z "${RZS_SANITIZED:-}" ] || skip "a sanitizer's instructions would be counted"
requires valgrind --version
requires "$PYTHON" --version

# One MiB: text, words of a heap, noise, zeros.
"$PYTHON" - "$tmpdir/pages" <<'END'
import random, struct, sys
rng = random.Random(1)
def text():
    return b"".join(b"%d pages of slot %d\n" % (rng.randrange(10**6), rng.randrange(99)) for _ in range(300))[:4096]
def heap():
    return b"".join(struct.pack("<Q", rng.choice([0, 1, 0x7f0000000000 + rng.randrange(1 << 20)])) for _ in range(512))
kinds = [text, text, heap, heap, heap, lambda: rng.randbytes(4096), lambda: bytes(4096)]
with open(sys.argv[1], "wb") as f:
    for i in range(256):
        f.write(rng.choice(kinds)())
END

# count FILE COMMAND...: libtool's wrapper for a program that was not installed yet gets out of the way.
count() {
	local to=$1

	shift
	"$builddir/libtool" --silent --mode=execute valgrind --tool=callgrind --callgrind-out-file="$to" \
		--compress-strings=no --compress-pos=no "$@" 2>"$tmpdir/err" || fail "$*: $(cat "$tmpdir/err")"
}

ran=no
for method in lzo lz4; do
	"$bare" $method "$tmpdir/pages" 0 >/dev/null || { say "not with $method: this build has none"; continue; }
	count "$tmpdir/bare.out" "$bare" $method "$tmpdir/pages" 3 >"$tmpdir/sizes"
	rm -f "$tmpdir/json"
	count "$tmpdir/bench.out" "$tool" pages --methods $method --rounds 3 --patience 10000 --output "$tmpdir/json" \
		"$tmpdir/pages" >/dev/null
	"$PYTHON" "$srcdir/tests/e2e/rzsbench-instructions.py" $method $method 3 "$tmpdir/bench.out" \
		"$tmpdir/bare.out" "$tmpdir/json" "$(cat "$tmpdir/sizes")" || fail "see above"
	ran=yes
done
[ $ran = yes ] || fail "neither codec was looked at"
