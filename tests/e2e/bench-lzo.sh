#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench/lzo measures decoders and encoders on a small corpus, and its JSON lines have every one of them for every
# program, with possible values.  Red when one is missing, a size or a ratio is not what a plain sum over the corpus
# gives, pages of one word are counted, or bad input is not refused with its name.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
tool=${builddir:-.}/bench/lzo
[ -x "$tool" ] || fail "no $tool: build first"
requires "$PYTHON" --version
out=$tmpdir/out
err=$tmpdir/err
json=$tmpdir/json

# gets STATUS TEXT ARGUMENT...: its exit status, and a text on standard error.
gets() {
	local want=$1 text=$2 got=0

	shift 2
	"$tool" "$@" >"$out" 2>"$err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "lzo $*: exit status $got, not $want: $(cat "$err")"
	[ -z "$text" ] || grep -qF -- "$text" "$err" || fail "lzo $*: no '$text' in: $(cat "$err")"
}

# 19 pages of noise, more than a batch and not a whole number of them; 5 of text; 3 zeros in each, which do not count.
corpus=$tmpdir/corpus
mkdir "$corpus"
"$PYTHON" - "$corpus" <<'END'
import random, sys
rng = random.Random(1)
def write(name, pages):
    with open(sys.argv[1] + "/" + name + ".pages", "wb") as f:
        f.write(b"".join(pages + [bytes(4096)] * 3))
write("noise", [rng.randbytes(4096) for i in range(19)])
write("text", [(b"%d of these pages " % i * 500)[:4096] for i in range(5)])
open(sys.argv[1] + "/index", "w").write("noise 22\ntext 8\n")
END

gets 0 "" --rounds 3 --output "$json" "$corpus"
"$PYTHON" - "$json" <<'END' || fail "see above: $(cat "$out" "$json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert lines[0]["bench"] == "machine" and lines[0]["program"] == "bench/lzo", lines[0]
pages = {"noise": 19, "text": 5, "all": 24}
decoders = [d for d in lines if d["bench"] == "decoders"]
names = {d["decoder"] for d in decoders}
assert {"memcpy", "liblzo2", "own"} <= names, names
assert len(decoders) == len(pages) * len(names), decoders
for d in decoders:
    assert d["pages"] == pages[d["part"]] and d["ns_per_page"] > 0 and len(d["ns"]) == 3, d
encoders = {(d["part"], d["encoder"], d["pages_at_once"]): d for d in lines if d["bench"] == "encoders"}
kinds = {k[1:] for k in encoders}
assert {("lzo1x_1_12", 1), ("lzo1x_1", 1), ("store", 1)} | {("words", n) for n in (1, 2, 16)} <= kinds, kinds
assert len(encoders) == len(pages) * len(kinds) == sum(d["bench"] == "encoders" for d in lines), encoders
for (part, name, at_once), d in encoders.items():
    base = encoders[part, "lzo1x_1_12", 1]
    assert d["pages"] == pages[part] and d["ns_per_page"] > 0 and len(d["ratio_rounds"]) == 3, d
    assert d["ratio"] == sorted(d["ratio_rounds"])[1] > 0, d
    assert abs(d["bytes_ratio"] - d["bytes"] / base["bytes"]) < 1e-3, d
    # Noise is stored raw, whatever the encoder; text has one pattern a page.
    if part == "noise":
        assert d["bytes"] == 19 * 4096, d
    elif part == "text":
        assert 5 * 30 < d["bytes"] < 5 * 120, d
    else:
        assert d["bytes"] == sum(encoders[p, name, at_once]["bytes"] for p in ("noise", "text")), d
    if name == "lzo1x_1_12":
        assert d["ratio"] == 1, d
    # One stream for both ways of comparing; two pages are encoded as more are.
    if name == "wide":
        assert d["bytes"] == encoders[part, "words", at_once]["bytes"], d
    if name == "words" and at_once == 2:
        assert d["bytes"] == encoders[part, "words", 16]["bytes"], d
END
grep -qE '^all +24 ' "$out" || fail "no sum in the tables: $(cat "$out")"

# ---- a part of it
rm "$json"
gets 0 "" --cases encode --only words --rounds 1 --output "$json" "$corpus"
[ "$(grep -c '"bench":"encoders"' "$json")" = 9 ] || fail "--only words: $(cat "$json")"
! grep -qE '"bench":"decoders"|lzo1x_1' "$json" || fail "more than --only words: $(cat "$json")"

# ---- what it refuses
gets 2 "there is none of this name" --cases decode --only words --rounds 1 "$corpus"
gets 2 "no-such" --kernel "$tmpdir/no-such" "$corpus"
gets 2 "not made by" --kernel libm.so.6 "$corpus"
printf 'text 3\n' >"$corpus/index"
: >"$corpus/text.pages"
truncate -s 12288 "$corpus/text.pages"
gets 2 "no page that is not one repeated word" "$corpus"
