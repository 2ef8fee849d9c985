# SPDX-License-Identifier: GPL-2.0-or-later
"""extents.py URI free|limited|huge: block status against what was written."""

import os
import random
import sys

import nbd

PAGE = 4096
HOLE, ZERO = nbd.STATE_HOLE, nbd.STATE_ZERO
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))

uri, kind = sys.argv[1:]
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
h = nbd.NBD()
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri(uri)
size = h.get_size()
scarce = HOLE if kind == "limited" or kind == "huge" else 0


def status(length, offset, flags=0):
    """One answer: a list of (length, state)."""
    out = []

    def extent(context, at, entries, error):
        assert context == nbd.CONTEXT_BASE_ALLOCATION and at == offset, (context, at)
        out.extend(zip(entries[0::2], entries[1::2]))

    h.block_status(length, offset, extent, flags)
    return out


def whole(offset, length):
    """As many answers as it takes, neighbours of one state joined."""
    out = []
    at = offset
    while at < offset + length:
        got = status(min(offset + length - at, 0xfffff000), at)
        assert got and all(n > 0 for n, _ in got), got
        for n, state in got:
            n = min(n, offset + length - at)
            if out and out[-1][1] == state:
                out[-1] = (out[-1][0] + n, state)
            else:
                out.append((n, state))
            at += n
    return out


def expect(offset, length, want, what):
    got = whole(offset, length)
    if got != want:
        sys.exit(f"FAIL: {what}: extents at {offset}+{length} are {got[:20]}, should be {want[:20]} "
                 f"(seed {SEED})")


def huge():
    expect(0, size, [(size, HOLE | ZERO)], "empty 6T")
    if any(n >= 1 << 32 for n, _ in status(0xfffff000, 0)):
        sys.exit("FAIL: an extent of 4 GiB or more")
    at = 5 << 40
    h.pwrite(rng.randbytes(PAGE), at)
    expect(at - (8 << 30), 16 << 30,
           [(8 << 30, HOLE | ZERO), (PAGE, HOLE), ((8 << 30) - PAGE, HOLE | ZERO)], "one page in 6T")
    h.trim(1 << 31, at - (1 << 30))
    expect(at - (8 << 30), 16 << 30, [(16 << 30, HOLE | ZERO)], "trimmed again")


def small():
    expect(0, size, [(size, HOLE | ZERO)], "empty")

    h.pwrite(rng.randbytes(3 * PAGE), 5 * PAGE)
    h.pwrite(b"ab" * 2048, 8 * PAGE)
    expect(0, 16 * PAGE, [(5 * PAGE, HOLE | ZERO), (4 * PAGE, scarce), (7 * PAGE, HOLE | ZERO)],
           "four pages of data, coalesced")
    expect(5 * PAGE + 100, PAGE, [(PAGE, scarce)], "from inside a page")
    expect(4 * PAGE + 4095, 2, [(1, HOLE | ZERO), (1, scarce)], "two bytes over an edge")
    expect(size - 1, 1, [(1, HOLE | ZERO)], "the last byte")

    got = status(16 * PAGE, 0, nbd.CMD_FLAG_REQ_ONE)
    if got != [(5 * PAGE, HOLE | ZERO)]:
        sys.exit(f"FAIL: REQ_ONE at 0 gave {got}")
    got = status(2 * PAGE, 6 * PAGE, nbd.CMD_FLAG_REQ_ONE)
    if got != [(2 * PAGE, scarce)]:
        sys.exit(f"FAIL: REQ_ONE within data gave {got}")

    h.pwrite(bytes(PAGE), 6 * PAGE)  # zeros that were written read as zeros: say so
    got = whole(5 * PAGE, 4 * PAGE)
    if [n for n, _ in got] != [PAGE, PAGE, 2 * PAGE] or not got[1][1] & ZERO:
        sys.exit(f"FAIL: a page of written zeros among data gave {got}")
    h.zero(PAGE, 7 * PAGE)
    h.trim(PAGE, 5 * PAGE)
    expect(7 * PAGE, PAGE, [(PAGE, HOLE | ZERO)], "zeroed")
    expect(5 * PAGE, PAGE, [(PAGE, HOLE | ZERO)], "trimmed")
    h.trim(16 * PAGE, 0)
    expect(0, 16 * PAGE, [(16 * PAGE, HOLE | ZERO)], "all trimmed")


def against_a_model():
    """Random single pages; ZERO is never claimed for data, and never missing for zeros."""
    pages = 4096
    model = [0] * pages  # 0 nothing, 1 data, 2 written zeros
    for _ in range(6000 // SCALE):
        page = rng.randrange(pages)
        what = rng.randrange(4)
        if what == 3:
            n = min(rng.randrange(1, 40), pages - page)
            h.trim(n * PAGE, page * PAGE)
            model[page:page + n] = [0] * n
        else:
            model[page] = 2 if what == 2 else 1
            h.pwrite(bytes(PAGE) if what == 2 else b"%16d" % rng.randrange(1 << 40) * 256, page * PAGE)
    at = 0
    for n, state in whole(0, pages * PAGE):
        if n % PAGE:
            sys.exit(f"FAIL: an extent of {n} bytes")
        for page in range(at // PAGE, (at + n) // PAGE):
            if bool(state & ZERO) != (model[page] != 1):
                sys.exit(f"FAIL: page {page}, kind {model[page]}, has state {state} (seed {SEED})")
            if model[page] == 0 and not state & HOLE:
                sys.exit(f"FAIL: page {page} holds nothing and is not a hole (seed {SEED})")
            if scarce and not state & HOLE:
                sys.exit(f"FAIL: page {page} has state {state}: a write there may fail with ENOSPC")
            if not scarce and model[page] == 1 and state & HOLE:
                sys.exit(f"FAIL: page {page} is data and called a hole (seed {SEED})")
        at += n


def bounded():
    """Alternating pages: one answer stays short, the next goes on from there, nothing is left out."""
    pages = min(16384, size // PAGE) // SCALE // 2 * 2
    for page in range(0, pages, 2):
        h.pwrite(b"%8d" % page * 512, page * PAGE)
    if pages * PAGE < size:
        h.trim(size - pages * PAGE, pages * PAGE)
    for page in range(1, pages, 2):
        h.trim(PAGE, page * PAGE)
    got = status(pages * PAGE, 0)
    if len(got) > 8192:
        sys.exit(f"FAIL: {len(got)} extents in one answer")
    expect(0, pages * PAGE, [(PAGE, scarce), (PAGE, HOLE | ZERO)] * (pages // 2), "alternating pages")


if kind == "huge":
    huge()
else:
    small()
    against_a_model()
    bounded()
h.shutdown()
