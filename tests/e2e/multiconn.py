# SPDX-License-Identifier: GPL-2.0-or-later
"""multiconn.py URI: several connections on one device."""

import os
import random
import sys
import threading

import nbd

PAGE = 4096
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)


def connect():
    h = nbd.NBD()
    h.connect_uri(sys.argv[1])
    return h


handles = [connect() for _ in range(4)]
assert all(h.can_multi_conn() for h in handles)

for i in range(2000 // SCALE):
    writer, reader = rng.sample(handles, 2)
    offset = rng.randrange(0, 1 << 20)
    data = rng.randbytes(rng.randrange(1, 9000))
    flags = rng.choice((0, nbd.CMD_FLAG_FUA))
    writer.pwrite(data, offset, flags)
    if flags == 0 and rng.randrange(2):
        rng.choice(handles).flush()
    if reader.pread(len(data), offset) != data:
        sys.exit(f"FAIL: another connection read old data at {offset} (seed {SEED})")

# Each write fills pages with one pattern: a page with two patterns is a torn one.
failures = []


def hammer(h, seed):
    mine = random.Random(seed)
    for _ in range(3000 // SCALE):
        page = mine.randrange(32)
        if mine.randrange(2):
            pattern = b"%15d." % mine.randrange(1 << 40)
            h.pwrite(pattern * (PAGE // 16), page * PAGE)
        else:
            got = bytes(h.pread(PAGE, page * PAGE))
            if got != got[:16] * (PAGE // 16):
                failures.append(f"page {page} holds parts of two writes (seed {SEED})")
                return


for page in range(32):
    handles[0].pwrite(b"%15d." % page * (PAGE // 16), page * PAGE)
threads = [threading.Thread(target=hammer, args=(h, SEED + i)) for i, h in enumerate(handles)]
for t in threads:
    t.start()
for t in threads:
    t.join()
if failures:
    sys.exit("FAIL: " + failures[0])
for h in handles:
    h.shutdown()
