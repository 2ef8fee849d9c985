#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench/store measures the store on a small corpus, and its JSON lines have every case, with possible values.  Bad input is
# answered with a clear error.  Red when a case is missing, a value is impossible (a store smaller than what it stores), or an
# error does not name its cause.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
tool=${builddir:-.}/bench/store
[ -x "$tool" ] || fail "no $tool: build first"
requires "$PYTHON" --version
out=$tmpdir/out
err=$tmpdir/err
json=$tmpdir/json

# gets STATUS TEXT ARGUMENT...: its exit status, and a text on standard error.
gets() {
	local want=$1 text=$2 got=0

	shift 2
	"$tool" "$@" >"${to:-$out}" 2>"$err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "store $*: exit status $got, not $want: $(cat "$err")"
	[ -z "$text" ] || grep -qF -- "$text" "$err" || fail "store $*: no '$text' in: $(cat "$err")"
}

# Text, noise and zeros.
corpus=$tmpdir/corpus
mkdir "$corpus"
"$PYTHON" - "$corpus" <<'END'
import random, sys
rng = random.Random(1)
with open(sys.argv[1] + "/some.pages", "wb") as f:
    for i in range(512):
        f.write(rng.choice([bytes(4096), rng.randbytes(4096), b"%d of these pages " % i * 500])[:4096])
open(sys.argv[1] + "/index", "w").write("some 512\n")
END

gets 0 "" --size 4 --rounds 2 --threads 1,2 --churn 1 --sequential --output "$json" "$corpus"
"$PYTHON" - "$json" <<'END' || fail "see above: $(cat "$out" "$json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert lines[0]["bench"] == "machine" and lines[0]["program"] == "bench/store" and lines[0]["corpus"] == "some=512", lines[0]
time = [d for d in lines if d["bench"] == "store_time"]
want = {(threads, slots, step) for threads in (1, 2) for slots in ("random", "sequential") for step in ("fill", "read", "overwrite")}
assert {(d["threads"], d["slots"], d["step"]) for d in time} == want and len(time) == len(want), time
for d in time:
    assert d["size_bytes"] == 4 << 20 and d["codec"] == "lzo" and len(d["ratio_rounds"]) == 2, d
    assert d["ratio"] > 0 and d["store_ns_per_page"] > 0 and d["codec_pages_per_s"] > 0, d
    # Of two rounds it is the middle.
    assert abs(d["ratio"] - sum(d["ratio_rounds"]) / 2) < 1e-4 * d["ratio"], d
density = [d for d in lines if d["bench"] == "store_density"]
assert [d["after"] for d in density] == ["fill", "churn", "compaction", "discard", "compaction2"], density
for d in density:
    assert d["held_with_reserve_per_ideal"] >= d["held_per_ideal"] >= 1 and d["held_per_object_byte"] >= 1, d
assert density[3]["ideal_bytes"] < 0.7 * density[2]["ideal_bytes"], "half was not discarded"
assert density[4]["held_per_ideal"] < density[3]["held_per_ideal"], "compaction frees nothing"
compaction = [d for d in lines if d["bench"] == "store_compaction"]
assert [d["after"] for d in compaction] == ["churn", "discard"] and compaction[1]["blocks"] > 0, compaction
for d in compaction:
    assert 0 < d["read_us_p50_p999_max"][0] <= d["read_us_p50_p999_max"][1] <= d["read_us_p50_p999_max"][2], d
END

# ---- one of the two
rm "$json"
gets 0 "" --cases time --algorithm lzo --size 1 --rounds 1 --threads 1 --no-checksum --output "$json" "$corpus"
! grep -q store_density "$json" || fail "more than --cases time: $(cat "$json")"

# ---- merging: each twin shares an object, which a scan and a write find
rm "$json"
gets 0 "" --cases merge --twins 0,75 --rounds 2 --output "$json" "$corpus"
"$PYTHON" - "$json" <<'END' || fail "see above: $(cat "$out" "$json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])][1:]
assert [(d["bench"], d["twins_percent"], d["merging"]) for d in lines] == \
    [("store_merge", twins, way) for twins in (0, 75) for way in ("off", "scan", "writes")], lines
for d in lines:
    off = d["merging"] == "off"
    assert d["codec"] == "lzo" and d["write_ns_per_page"] > 0 and d["read_ns_per_page"] > 0, d
    assert (d["scan_passes"] >= 2 and d["scan_ns_per_page"] > 0) == (d["merging"] == "scan"), d
    assert (d["merge_bytes"] == 0) == off and (d["held_per_off"] == 1) == off, d
    if d["twins_percent"] == 0:
        assert d["size_bytes"] == 512 * 4096 and d["pages_sharing"] == 0, d
    else:
        assert d["size_bytes"] == 2048 * 4096, d
        assert off or d["pages_shared"] > 256 and d["pages_sharing"] == 3 * d["pages_shared"] and d["held_per_off"] < 0.5, d
END

# ---- idle pages: what zstd makes smaller, for us and for zram, whose pages of noise stay as they are
if "$tool" --cases time --algorithm zstd --size 1 --rounds 1 --threads 1 "$corpus" >"$out" 2>&1; then
	rm "$json"
	gets 0 "" --cases idle --rounds 2 --units 1,4 --zram no-such --output "$json" "$corpus"
	grep -q '^zram is not measured: ' "$out" || fail "a zram of no algorithm is measured: $(cat "$out")"
	"$PYTHON" - "$json" <<'END' || fail "see above: $(cat "$out" "$json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])][1:]
assert [(d["bench"], d["unit"]) for d in lines] == [("store_idle", 1), ("store_idle", 4)], lines
for d in lines:
    assert d["size_bytes"] == 512 * 4096 and d["recompress_bytes"] > 0, d
    assert d["zram_model_recompressed_bytes"] < d["zram_model_bytes"] < 512 * 4096, d
    # Of so few pages the chunks of ages and of shares take more than they save.
    assert d["held_recompressed_bytes"] - d["recompress_bytes"] < d["held_bytes"] + (96 << 10), d
    for read in "read", "read_in_order", "read_recompressed", "read_recompressed_in_order", "recompress":
        assert d[read + "_ns_per_page"] > 0, d
    assert d["read_in_order_s"] > 0 and d["read_recompressed_in_order_s"] > 0, d
alone, units = lines
assert 100 < alone["pages_recompressed"] < 300 and alone["units"] == 0, alone
assert units["unit_pages"] > 100 and units["units"] * 4 >= units["unit_pages"] > units["units"], units
END

	# A store of another size: the corpus over and over.
	rm "$json"
	gets 0 "" --cases idle --rounds 1 --units 2 --size 3 --output "$json" "$corpus"
	grep -q '"size_bytes":3145728,' "$json" || fail "it has not 3 MiB: $(cat "$json")"

	# ---- reads while the rest is recompressed
	rm "$json"
	gets 0 "" --cases latency --rounds 1 --units 4 --size 16 --output "$json" "$corpus"
	"$PYTHON" - "$json" <<'END' || fail "see above: $(cat "$out" "$json")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])][1:]
assert [(d["bench"], d["depth"], d["unit"]) for d in lines] == [("store_latency", 1, 4), ("store_latency", 16, 4)], lines
for d in lines:
    assert d["size_bytes"] == 16 << 20 and d["tried"] > 0, d
    for of in "", "recompressing_":
        assert 0 < d[of + "read_us_p50"] <= d[of + "read_us_p99"] <= d[of + "read_us_p999"], d
END
else
	gets 77 "no zstd to recompress with" --cases idle "$corpus"
	gets 77 "no zstd to recompress with" --cases latency --size 1 "$corpus"
fi

# ---- standard output that takes nothing
for option in --help --version; do
	to=/dev/full gets 99 "cannot write to standard output" $option
done
to=/dev/full gets 99 "cannot write to standard output" --cases time --size 1 --rounds 1 --threads 1 "$corpus"
gets 99 "cannot write /dev/full/x" --output /dev/full/x --size 1 "$corpus"

# ---- bad input
gets 2 "store: --algorithm lzma: no such compressor in this build" --algorithm lzma "$corpus"
gets 2 "store: try store --help" --algorithm lzma "$corpus"
gets 2 "one directory of captured pages is needed" --size 1
gets 2 "--cases all: expected one of both, time, density, merge, idle, latency" --cases all "$corpus"
gets 2 "--twins 100" --cases merge --twins 100 "$corpus"
gets 2 "--units 9" --cases idle --units 9 "$corpus"
gets 2 "the codec refuses level 1000" --level 1000 --algorithm lzo --size 1 "$corpus"
gets 99 "cannot load the pages in $tmpdir/nowhere: No such file" "$tmpdir/nowhere"
mkfifo "$tmpdir/pipe"
mkdir "$tmpdir/odd"
ln -s ../pipe "$tmpdir/odd/index"
gets 99 "Illegal seek" "$tmpdir/odd"
