# SPDX-License-Identifier: GPL-2.0-or-later
"""spill.py URI fill|change|damaged STATE: pages of which half is incompressible, and what is read of them.

fill     write all of the device, read all of it
change   write pages at random, read all
damaged  read all: a page is right, or EIO; write those that are lost, read them

STATE is a file that keeps what the device has to hold, from one call to the next."""

import os
import random
import sys

import nbd

PAGE = 4096
REQUEST = 32 * PAGE
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
h = nbd.NBD()
h.connect_uri(sys.argv[1])
size = h.get_size()


def make_page():
    if rng.randrange(2):
        return rng.randbytes(PAGE)
    return (b"%d and so on, " % rng.randrange(1 << 30) * 400)[:PAGE]


def check_all(model):
    """Pages that are lost.  A wrong one ends the test."""
    lost = []
    for at in range(0, size, PAGE):
        try:
            got = h.pread(PAGE, at)
        except nbd.Error as e:
            if e.errno != "EIO":
                sys.exit(f"FAIL: a read of page {at // PAGE} answered {e.errno} (seed {SEED})")
            lost.append(at)
            continue
        if got != model[at:at + PAGE]:
            sys.exit(f"FAIL: page {at // PAGE} is wrong (seed {SEED})")
    return lost


def fill():
    model = bytearray(b"".join(make_page() for _ in range(size // PAGE)))
    for at in range(0, size, REQUEST):
        h.pwrite(model[at:at + REQUEST], at)
    return model


def change(model):
    for _ in range(size // PAGE // SCALE):
        at = rng.randrange(size // PAGE) * PAGE
        page = make_page()
        if rng.randrange(4):
            h.pwrite(page, at)
            model[at:at + PAGE] = page
        else:  # a part of it, so the page has to be read first
            h.pwrite(page[:700], at + 300)
            model[at + 300:at + 1000] = page[:700]


def main():
    model = bytearray()
    if sys.argv[2] == "fill":
        model = fill()
    else:
        with open(sys.argv[3], "rb") as f:
            model = bytearray(f.read())
    if sys.argv[2] == "change":
        change(model)
    lost = check_all(model)
    print(f"{len(lost)} of {size // PAGE} pages are lost")
    if sys.argv[2] != "damaged" and lost:
        sys.exit(f"FAIL: pages are lost (seed {SEED})")
    if sys.argv[2] == "damaged" and not lost:
        sys.exit("FAIL: nothing was read from the part that is damaged")
    for at in lost:
        h.pwrite(model[at:at + PAGE], at)
    if lost and check_all(model):
        sys.exit(f"FAIL: a page that was written anew is lost (seed {SEED})")
    with open(sys.argv[3], "wb") as f:
        f.write(model)
    h.shutdown()


main()
