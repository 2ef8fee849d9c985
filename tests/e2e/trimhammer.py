# SPDX-License-Identifier: GPL-2.0-or-later
"""trimhammer.py URI: writers, readers, and one that drops everything again and again."""

import os
import random
import sys
import threading

import nbd

PAGE = 4096
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
uri = sys.argv[1]
failures = []
done = threading.Event()


def connect():
    h = nbd.NBD()
    h.connect_uri(uri)
    return h


def content(page, serial):
    """Names its page and its write, and compresses in its own way."""
    line = b"%10d %20d." % (page, serial)
    return line * (PAGE // 32) if serial % 3 else (line * 8 + random.Random(serial).randbytes(3840))[:PAGE]


def writer(seed):
    """Its own pages lie among everybody's.  What it reads is zeros or its own last write, whole."""
    h = connect()
    rng = random.Random(seed)
    pages = h.get_size() // PAGE
    mine = [p for p in range(seed % 4, min(pages, 4096), 4)]
    last = {}
    for serial in range(4000 // SCALE):
        if failures:
            return
        page = rng.choice(mine)
        if rng.randrange(3):
            data = content(page, serial)
            h.pwrite(data, page * PAGE)
            last[page] = data
        got = h.pread(PAGE, page * PAGE)
        if got != last.get(page) and got != bytes(PAGE):
            failures.append(f"page {page} holds neither zeros nor its last write (seed {SEED})")
    h.shutdown()


def dropper():
    h = connect()
    size = h.get_size()
    rounds = 0
    while not done.is_set():
        (h.trim if rounds % 2 else h.zero)(size, 0)
        rounds += 1
    print(f"dropped everything {rounds} times")
    if rounds < 3:
        failures.append("whole-device trims take too long to have hammered anything")
    h.shutdown()


dropping = threading.Thread(target=dropper)
writers = [threading.Thread(target=writer, args=(SEED + i,)) for i in range(4)]
for t in (dropping, *writers):
    t.start()
for t in writers:
    t.join()
done.set()
dropping.join()
if failures:
    sys.exit("FAIL: " + failures[0])

h = connect()
h.pwrite(content(7, 1), 7 * PAGE)
assert h.pread(PAGE, 7 * PAGE) == content(7, 1)
h.trim(h.get_size(), 0)
for at in range(0, h.get_size(), 32 << 20):
    if any(h.pread(32 << 20, at)):
        sys.exit("FAIL: data is left after the last trim")
h.shutdown()
