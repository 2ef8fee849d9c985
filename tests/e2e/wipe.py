# SPDX-License-Identifier: GPL-2.0-or-later
"""wipe.py SOCKET PID: write secrets, read them back, drop them, leave; then look for them in the
memory of the server, all of it."""

import os
import random
import struct
import sys
import time

from nbdraw import OPT_EXPORT_NAME, READ, TRIM, WRITE, Raw, option, request, timeout_scale

PAGE, NEEDLE, EARLY = 4096, 32, 300
path, pid = sys.argv[1:]
rng = random.Random(os.urandom(8))
raw = rng.randbytes(PAGE)
half = rng.randbytes(PAGE // 2) + bytes(PAGE // 2)
early = rng.randbytes(EARLY)


def memory():
    """What can be written to, piece by piece."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            place, mode = line.split()[:2]
            start, end = (int(x, 16) for x in place.split("-"))
            while mode.startswith("rw") and start < end:
                try:
                    mem.seek(start)
                    piece = mem.read(min(end - start, 1 << 22))
                except OSError:  # not there any more
                    break
                yield piece
                start += len(piece)


def found():
    """Which secrets there are, by any part of them."""
    parts = {name: [data[i:i + NEEDLE] for i in range(0, n - NEEDLE + 1, NEEDLE)]
             for name, data, n in (("raw", raw, PAGE), ("half", half, PAGE // 2),
                                   ("early", early, EARLY))}
    seen = set()
    for piece in memory():
        for name, needles in parts.items():
            if any(needle in piece for needle in needles):
                seen.add(name)
    return seen


def main():
    c = Raw(path, export=None)
    c.greet()
    # A write comes with the last bytes of the handshake.
    c.send(option(OPT_EXPORT_NAME) + request(WRITE, 1, 40 * PAGE, EARLY) + early)
    c.size, c.flags = struct.unpack(">QH", c.read(10))
    assert c.reply().error == 0
    for slot, data in ((10, raw), (11, half), (12, raw + half)):
        assert c.call(WRITE, slot * PAGE, len(data), data=data).error == 0
        reply = c.call(READ, slot * PAGE, len(data))
        assert (reply.error, reply.data) == (0, data)
    # A part of one.
    assert c.call(WRITE, 10 * PAGE + 100, 1000, data=half[:1000]).error == 0
    assert found() == {"raw", "half", "early"}, "what is not wiped yet was not found"
    assert c.call(TRIM, 0, 100 * PAGE).error == 0
    c.close()
    end = time.monotonic() + 20 * timeout_scale()
    while left := found():
        if time.monotonic() > end:
            sys.exit(f"FAIL: {', '.join(sorted(left))} still in the server's memory")


main()
