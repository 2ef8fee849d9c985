#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsbench pages --report: one self-contained HTML page, with every plot, and well-formed.  Names of processes are escaped.
# Without gnuplot it is refused before anything is measured, and the rest works.  A browser shows it without an error at the
# width of a phone and of a desktop.  Red when a plot is missing, the page refers to another, a name is not escaped, or a
# failure leaves half a page.  KEEP_SHOTS=DIR: copies of the pictures.

# Without these functions there is no $tmpdir, and what is below would write to /bin/gnuplot.
. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
tool=${builddir:-.}/tools/rzsbench/rzsbench
[ -x "$tool" ] || fail "no $tool: build first"
requires "$PYTHON" --version
page=$tmpdir/page.html

# complains STATUS TEXT COMMAND...
complains() {
	local want=$1 text=$2 got=0

	shift 2
	"$@" >"$tmpdir/out" 2>"$tmpdir/err" || got=$?
	[ "$got" = "$want" ] || fail "$*: exit status $got, not $want: $(cat "$tmpdir/err")"
	grep -qF -- "$text" "$tmpdir/err" || fail "$*: no '$text' in: $(cat "$tmpdir/err")"
}

# Two MiB: text, words of a heap, noise, zeros; half of them under a name that is markup.
mkdir "$tmpdir/corpus"
"$PYTHON" - "$tmpdir/corpus" <<'END'
import random, struct, sys
rng = random.Random(1)
def text():
    return b"".join(b"%d pages of slot %d\n" % (rng.randrange(10**6), rng.randrange(99)) for _ in range(300))[:4096]
def heap():
    return b"".join(struct.pack("<Q", rng.choice([0, 1, 0x7f0000000000 + rng.randrange(1 << 20)])) for _ in range(512))
kinds = [text, heap, lambda: rng.randbytes(4096), lambda: bytes(4096)]
name = "<b>&\"x'"
for n in (name, "second"):
    with open(sys.argv[1] + "/" + n + ".pages", "wb") as f:
        for i in range(256):
            f.write(rng.choice(kinds)())
with open(sys.argv[1] + "/index", "w") as f:
    f.write("%s 256\nsecond 256\n" % name)
END

# ---- without gnuplot
mkdir "$tmpdir/bin"
real=$(readlink -f "$tool")
complains 99 "gnuplot-nox" env PATH="$tmpdir/bin" "$real" pages --report "$page" "$tmpdir/corpus"
[ ! -s "$tmpdir/out" ] || fail "something was measured before gnuplot was missed: $(cat "$tmpdir/out")"
[ ! -e "$page" ] || fail "a page was made without gnuplot"
env PATH="$tmpdir/bin" "$real" pages --rounds 1 "$tmpdir/corpus" >"$tmpdir/out" 2>&1 ||
	fail "without gnuplot nothing works: $(cat "$tmpdir/out")"
grep -q '^Choose ' "$tmpdir/out" || fail "no advice in: $(cat "$tmpdir/out")"

# ---- one that fails half way leaves what was there
printf '#!/bin/sh\necho "<svg></svg>"\n' >"$tmpdir/bin/gnuplot"
chmod +x "$tmpdir/bin/gnuplot"
env PATH="$tmpdir/bin:$PATH" "$real" pages --rounds 1 --report "$page" "$tmpdir/corpus" >"$tmpdir/out" 2>&1 ||
	fail "with a gnuplot that draws nothing: $(cat "$tmpdir/out")"
before=$(cksum "$page")
printf '#!/bin/sh\ncase $2 in -e) exit 0 ;; esac\necho "no such plot" >&2\nexit 1\n' >"$tmpdir/bin/gnuplot"
complains 99 "no such plot" env PATH="$tmpdir/bin:$PATH" "$real" pages --rounds 1 --report "$page" "$tmpdir/corpus"
[ "$(cksum "$page")" = "$before" ] || fail "a failure has changed the page"
[ "$(find "$tmpdir" -name '*.tmp' | wc -l)" = 0 ] || fail "a failure has left a file behind"

# ---- bad places
complains 99 "--report /nowhere/x: No such file" "$tool" pages --report /nowhere/x "$tmpdir/corpus"
complains 99 "not a regular file: name another" "$tool" pages --report "$tmpdir" "$tmpdir/corpus"
complains 99 "expected the name of a file" "$tool" pages --report - "$tmpdir/corpus"

# ---- the page
command -v gnuplot >/dev/null || skip "gnuplot is not installed (Debian package: gnuplot-nox)"
(umask 022 && "$tool" pages --rounds 2 --methods lzo,lzo@16,lzo-999 --report "$page" --output "$tmpdir/json" \
	"$tmpdir/corpus" >"$tmpdir/out" 2>"$tmpdir/err") || fail "exit status $?: $(cat "$tmpdir/err")"
[ ! -s "$tmpdir/err" ] || fail "progress, or worse, on a pipe: $(cat "$tmpdir/err")"
[ "$(stat -c %a "$page")" = 644 ] || fail "the mode is $(stat -c %a "$page"), not what umask says"
grep -q '"bench":"pages_advice","method":"lzo"' "$tmpdir/json" || fail "no advice in JSON: $(cat "$tmpdir/json")"
"$PYTHON" - "$page" <<'END' || fail "see above: $page is not as it should be"
import html, os, re, sys
from html.parser import HTMLParser
from xml.dom import minidom
text = open(sys.argv[1], encoding="ascii").read()
svgs = re.findall(r"<svg.*?</svg>", text, re.S)
assert len(svgs) == 2 + 3, "%d plots, not RAM, speed and three of sizes" % len(svgs)
shown = [minidom.parseString(s).documentElement for s in svgs]
said = [" ".join(t.firstChild.data for t in s.getElementsByTagName("text") if t.firstChild) for s in shown]
for words in (["ramzswap lzo", "zram lzo", "uncompressed"], ["to compress", "to decompress", "lzo@16", "ratio"], ["4096"]):
    assert any(all(w in t for w in words) for t in said), "no plot says %s: %s" % (words, said)
assert all(s.getElementsByTagName("path") or s.getElementsByTagName("polygon") for s in shown), "an empty plot"
ids = re.findall(r"""\sid=["']([^"']+)""", text)
assert len(ids) == len(set(ids)), "an id is there twice"
for target in re.findall(r"""(?:href|src|action|data)\s*=\s*["']([^"']*)""", text):
    assert target.startswith("#") and target[1:] in ids, "refers to " + target
assert not re.search(r"url\(\s*['\"]?(?!#)", text) and "@import" not in text and "<script" not in text
assert set(re.findall(r"https?://[^\"' ]*", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
assert "<b>" not in text and "&lt;b&gt;&amp;&quot;x&#39;" in text, "a name is not escaped"
for words in ("Choose lzo", "its zswap, which needs a disk, ", "Swap would store these",
              "Sizes after compression", "second"):
    assert words in text, "it does not say: " + words
# Each plot has a label, and its values in words.
words = {}
for s in shown:
    assert s.getAttribute("role") == "img" and len(s.getAttribute("aria-label")) > 10, s.toxml()[:300]
    desc = s.getElementsByTagName("desc")
    assert len(desc) == 1 and desc[0].getAttribute("id") == s.getAttribute("aria-describedby") != "", s.toxml()[:300]
    words[s.getAttribute("aria-label")] = desc[0].firstChild.data
assert len(words) == len(shown), "two drawings are called the same: %s" % words
for label, values in (("RAM needed", r"uncompressed: 2\.0 MiB\. ramzswap lzo: [0-9.]+ [KM]iB\. zram lzo: [0-9.]+ [KM]iB\."),
                       ("Ratio against speed", r"lzo: ratio [0-9.]+, [0-9]+ MiB a second to compress, [0-9]+ MiB a second to decompress\..*lzo-999: "),
                       ("Sizes after compression with lzo@16", r"^[0-9.]+.% of the pages become a quarter or less,.* [0-9.]+.% more\.$")):
    assert any(k.startswith(label) and re.search(values, words[k]) for k in words), "%s: %s" % (label, words)
# What it was measured on.
cpu = ([l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")] or [os.uname().machine])[0]
assert "Measured on " + html.escape(cpu) in text and "Linux %s." % os.uname().release in text, "no processor or kernel"
void = {"meta", "br", "img"}
class Balance(HTMLParser):
    stack = []
    def handle_starttag(self, tag, attrs):
        if tag not in void:
            self.stack.append(tag)
    def handle_startendtag(self, tag, attrs):
        pass
    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop() == tag, "</%s> closes another tag" % tag
b = Balance()
b.feed(text)
assert not b.stack, "never closed: %s" % b.stack
END

# ---- of pages that nothing can be divided by
"$PYTHON" - "$tmpdir" <<'END'
import random, sys
rng = random.Random(1)
for name, pages in (("zeros", [bytes(4096)] * 5), ("words", [b"\0\1\2\3\4\5\6\7" * 512] * 30), ("one", [rng.randbytes(64) * 64]),
                    ("noise", [rng.randbytes(4096) for _ in range(40)])):
    open(sys.argv[1] + "/" + name, "wb").write(b"".join(pages))
END
for name in zeros words one noise; do
	rm -f "$tmpdir/other.html"
	"$tool" pages --rounds 2 --methods lzo,lzo@64 --report "$tmpdir/other.html" "$tmpdir/$name" >"$tmpdir/out" 2>&1 ||
		fail "$name: exit status $?: $(cat "$tmpdir/out")"
	! sed 's/<[^>]*>/ /g' "$tmpdir/other.html" | grep -qE '\b(nan|inf)\b|-[0-9.]+ [KMG]?i?B' || fail "$name: $(cat "$tmpdir/other.html")"
	case $name in
	zeros | words) grep -q 'Any method will do' "$tmpdir/other.html" || fail "no advice for $name" ;;
	noise) grep -q 'nothing saved' "$tmpdir/other.html" || fail "no answer for $name" ;;
	esac
done

# ---- in a browser
command -v chromium >/dev/null || skip "all but the browser: chromium is not installed"
skip_under_tools "all but the browser: a tool is at work"
browse() {
	timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$tmpdir/profile" --hide-scrollbars \
		--enable-logging=stderr "$@" "file://$page" 2>"$tmpdir/err"
}
browse --dump-dom >"$tmpdir/dom" || skip "all but the browser: chromium does not start here: $(tail -n 1 "$tmpdir/err")"
[ "$(grep -c '<svg' "$tmpdir/dom")" = 5 ] || fail "the browser has $(grep -c '<svg' "$tmpdir/dom") plots"
for scheme in 0 1; do # dark, light
	for width in 390 1280; do
		shot=$tmpdir/$scheme-$width.png
		browse --blink-settings=preferredColorScheme=$scheme --window-size=$width,2000 --screenshot="$shot" >/dev/null ||
			fail "chromium: exit status $?: $(cat "$tmpdir/err")"
		! grep -i 'CONSOLE' "$tmpdir/err" || fail "the browser complains"
		[ "$(stat -c %s "$shot")" -gt 20000 ] || fail "the picture of $width pixels is empty"
	done
	shots+=("$tmpdir/$scheme-390.png")
done
! cmp -s "${shots[@]}" || fail "dark and light look the same"
[ -z "${KEEP_SHOTS:-}" ] || cp "$tmpdir"/*.png "$KEEP_SHOTS"
