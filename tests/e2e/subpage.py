# SPDX-License-Identifier: GPL-2.0-or-later
"""subpage.py URI: every command at every offset and length that matters around page edges, compared
with a plain array of bytes; then random commands of any size, and the largest ones.  The seed is printed;
RZS_SEED sets it."""

import itertools
import os
import random
import sys

import nbd

PAGE, LARGEST = 4096, 32 << 20
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)

print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
h = nbd.NBD()
h.connect_uri(sys.argv[1])
size = h.get_size()
assert h.get_block_size(nbd.SIZE_MINIMUM) == 1
assert h.get_block_size(nbd.SIZE_PREFERRED) == PAGE

model = bytearray(h.pread(size, 0) if size <= 1 << 20 else size)


def some_bytes(n):
    """Compressible, repeated, zero, or random."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(n)
    if kind == 1:
        return (rng.randbytes(8) * (n // 8 + 1))[:n]
    if kind == 2:
        return bytes(n)
    return (b"%d some text that repeats " % rng.randrange(1000) * (n // 20 + 1))[:n]


def read(lo, hi):
    """More than one request may ask for."""
    return b"".join(bytes(h.pread(min(LARGEST, hi - at), at)) for at in range(lo, hi, LARGEST))


def check(offset, length, what):
    """What the device holds there and around it is what the model holds."""
    lo = max(0, offset - PAGE - 7)
    hi = min(size, offset + length + PAGE + 7)
    got = read(lo, hi)
    if got != model[lo:hi]:
        at = next(i for i in range(hi - lo) if got[i] != model[lo + i])
        sys.exit(f"FAIL: after {what} at {offset}+{length}: byte {lo + at} is {got[at]:#x}, "
                 f"should be {model[lo + at]:#x} (seed {SEED})")


def do_write(offset, length, flags=0):
    data = some_bytes(length)
    h.pwrite(data, offset, flags)
    model[offset:offset + length] = data


def do_zero(offset, length, flags=0):
    h.zero(length, offset, flags)
    model[offset:offset + length] = bytes(length)


def do_trim(offset, length, flags=0):
    """Whole pages read as zeros after it; parts of pages are left as they are."""
    h.trim(length, offset, flags)
    first = -(-offset // PAGE) * PAGE
    last = (offset + length) // PAGE * PAGE
    if last > first:
        model[first:last] = bytes(last - first)


COMMANDS = {
    "write": lambda o, n: do_write(o, n),
    "write fua": lambda o, n: do_write(o, n, nbd.CMD_FLAG_FUA),
    "zero": lambda o, n: do_zero(o, n),
    "zero no-hole": lambda o, n: do_zero(o, n, nbd.CMD_FLAG_NO_HOLE),
    "zero fast": lambda o, n: do_zero(o, n, nbd.CMD_FLAG_FAST_ZERO),
    "zero fua": lambda o, n: do_zero(o, n, nbd.CMD_FLAG_FUA),
    "trim": lambda o, n: do_trim(o, n),
    "trim fua": lambda o, n: do_trim(o, n, nbd.CMD_FLAG_FUA),
    "cache": lambda o, n: h.cache(n, o),
}


def edges():
    near = (-2, -1, 0, 1, 2)
    starts = {p + d for p in (0, PAGE, 2 * PAGE, 7 * PAGE) for d in near} | {511, 512, 513, 2048}
    lengths = {p + d for p in (0, PAGE, 2 * PAGE, 3 * PAGE) for d in near} | {8, 511, 512, 513}
    tail = {size - p + d for p in (0, PAGE, 2 * PAGE) for d in near}
    for o, n in itertools.product(sorted(starts | tail), sorted(lengths)):
        if 0 <= o < size and 0 < n <= size - o:
            yield o, n


def every_edge():
    todo = list(edges())
    rng.shuffle(todo)
    for i, (o, n) in enumerate(todo[::SCALE]):
        for name in (*COMMANDS, "write"):
            COMMANDS[name](o, n)
            check(o, n, name)


def random_commands(count):
    for _ in range(count):
        name = rng.choice(list(COMMANDS))
        length = min(size, max(1, int(2 ** rng.uniform(0, 18))))
        offset = rng.randrange(0, min(size, 1 << 20) - min(length, 1 << 20) + 1)
        length = min(length, size - offset)
        COMMANDS[name](offset, length)
        check(offset, length, name)


def largest_requests():
    big = LARGEST
    for offset in (0, 1, PAGE - 1, size - big):
        if offset < 0 or offset + big > size:
            continue
        do_write(offset, big)
        got = h.pread(big, offset)
        if got != model[offset:offset + big]:
            sys.exit(f"FAIL: 32 MiB at {offset} differ (seed {SEED})")
        do_zero(offset, big // 2)
        do_trim(offset, big)
        check(offset, big, "32 MiB trim")


def beyond_the_end():
    """Refused, by the server as well as by libnbd, and nothing is changed."""
    h.set_strict_mode(h.get_strict_mode() & ~nbd.STRICT_BOUNDS)
    for offset, length in ((size, 1), (size - 1, 2), (size + PAGE, PAGE), (size - PAGE, 2 * PAGE),
                           ((1 << 62), PAGE)):
        for what, call in (("pread", lambda: h.pread(length, offset)),
                           ("pwrite", lambda: h.pwrite(b"x" * length, offset)),
                           ("zero", lambda: h.zero(length, offset)),
                           ("trim", lambda: h.trim(length, offset))):
            try:
                call()
            except nbd.Error as e:
                if e.errno not in ("EINVAL", "ENOSPC"):
                    sys.exit(f"FAIL: {what} beyond the end gave {e.errno}")
            else:
                sys.exit(f"FAIL: {what} of {length} at {offset} of {size} was accepted")
    check(max(0, size - PAGE), min(size, PAGE), "requests beyond the end")


if size <= 1 << 20:
    check(0, size, "start")
every_edge()
random_commands(3000 // SCALE)
largest_requests()
beyond_the_end()
h.flush()
if read(0, size) != model:
    sys.exit(f"FAIL: the whole device differs from the model at the end (seed {SEED})")
h.shutdown()
