# SPDX-License-Identifier: GPL-2.0-or-later
"""enospc.py URI: fill a limited device with incompressible pages, check that nothing is lost."""

import os
import random
import sys

import nbd

PAGE = 4096
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
h = nbd.NBD()
h.connect_uri(sys.argv[1])
size = h.get_size()
model = {page: bytes(h.pread(PAGE, page * PAGE)) for page in range(16)}


def write(page, data):
    """True: stored.  False: refused, with the right error."""
    try:
        h.pwrite(data, page * PAGE)
    except nbd.Error as e:
        if e.errno != "ENOSPC":
            sys.exit(f"FAIL: a full store answered {e.errno}, not ENOSPC (seed {SEED})")
        return False
    for i in range(len(data) // PAGE):
        model[page + i] = data[i * PAGE:(i + 1) * PAGE]
    return True


def check_all(what):
    for page, data in model.items():
        if h.pread(PAGE, page * PAGE) != data:
            sys.exit(f"FAIL: page {page} has changed after {what} (seed {SEED})")


def compressible():
    return (b"%d and so on, " % rng.randrange(1 << 30) * 400)[:PAGE]


def fill(first):
    page = first
    while page < size // PAGE:
        if not write(page, rng.randbytes(PAGE)):
            return page
        page += 1
    sys.exit("FAIL: the device took more than its memlimit")


# A few pages that take little, to be overwritten with ones that take much.
for page in range(16, 400):
    write(page, compressible())
full = fill(400)
print(f"full after {full} pages")
if full < 1200:
    sys.exit(f"FAIL: only {full} pages fit in the memlimit")
check_all("a refused write of a new page")

refused = 0
for page in rng.sample(range(16, 400), 300 // SCALE + 5):
    refused += not write(page, rng.randbytes(PAGE))
    if h.pread(PAGE, page * PAGE) != model[page]:
        sys.exit(f"FAIL: page {page} is neither old nor new after an overwrite (seed {SEED})")
if refused == 0:
    sys.exit("FAIL: a full store took larger pages for smaller ones")
check_all("refused overwrites")

# One request of many pages: those before the refused one may be new, the rest is old.
for _ in range(40 // SCALE + 2):
    page = rng.randrange(16, 400 - 64)
    data = rng.randbytes(64 * PAGE)
    if write(page, data):
        continue
    still_new = True
    for i in range(64):
        got = bytes(h.pread(PAGE, (page + i) * PAGE))
        new = data[i * PAGE:(i + 1) * PAGE]
        if got == new and still_new:
            model[page + i] = got
        elif got == model[page + i]:
            still_new = False
        else:
            sys.exit(f"FAIL: page {i} of a refused request of 64 is wrong (seed {SEED})")
# A part of a page, refused or not.
for _ in range(200 // SCALE):
    page = rng.randrange(16, 400)
    at = rng.randrange(PAGE - 600)
    data = rng.randbytes(600)
    try:
        h.pwrite(data, page * PAGE + at)
        model[page] = model[page][:at] + data + model[page][at + 600:]
    except nbd.Error as e:
        if e.errno != "ENOSPC":
            sys.exit(f"FAIL: a full store answered {e.errno} (seed {SEED})")
check_all("refused requests of many pages and of parts")

# Room is made, by trimming and by overwriting with less; then writes work again.
h.trim((full - 400) * PAGE, 400 * PAGE)
for page in range(400, full):
    model.pop(page)
again = fill(400)
print(f"full again after {again} pages")
if again < full * 3 // 4:
    sys.exit(f"FAIL: after a trim only {again} pages fit, {full} at first (seed {SEED})")
check_all("trim and refill")
for page in range(16, 400):
    if not write(page, bytes(PAGE)):
        sys.exit(f"FAIL: a full store refused a page of zeros (seed {SEED})")
check_all("overwriting with zeros")
h.shutdown()
