# SPDX-License-Identifier: GPL-2.0-or-later
"""nofault.py SOCKET PID REQUESTS [STRACE_OUTPUT]

Send that many 4 KiB requests over one connection, after a warm-up on it, and look at what the
server's I/O threads did meanwhile: page faults (/proc/PID/task/TID/stat), or the lines that a
running strace wrote about them.  The I/O threads are those of rzsd that are called so, or those
that appeared with the connection; the thread that refills the reserve was there before and may do
what it likes."""

import os
import random
import sys
import time

from nbdraw import READ, TRIM, WRITE, Raw, check_replies, request

PAGE, BATCH = 4096, 128
path, pid, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
calls = sys.argv[4] if len(sys.argv) > 4 else None
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)


def threads():
    return set(os.listdir(f"/proc/{pid}/task"))


def name_of(tid):
    with open(f"/proc/{pid}/task/{tid}/comm") as f:
        return f.read()


def faults(tid):
    """(minor, major) so far."""
    with open(f"/proc/{pid}/task/{tid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[7]), int(fields[9])


def call_lines():
    with open(calls) as f:
        return f.readlines()


def some_page(i):
    """From one repeated word to noise, as pages of processes are."""
    kind = i % 8
    if kind == 0:
        return rng.randbytes(8) * (PAGE // 8)
    if kind == 1:
        return rng.randbytes(PAGE)
    noise = kind * 400
    return rng.randbytes(noise) + (b"%d, " % rng.randrange(1 << 40) * 512)[:PAGE - noise]


PAGES = [some_page(i) for i in range(512)]
before = threads()
conn = Raw(path)
conn.send(request(READ, 0, 0, PAGE))
check_replies(conn.read(16 + PAGE), 1, PAGE)
io_threads = {tid for tid in threads() if name_of(tid).startswith("rzs-io-")} or threads() - before
if not io_threads:
    sys.exit("FAIL: no thread appeared with the connection: cannot tell the I/O threads")

REPLIES = memoryview(bytearray(BATCH * (16 + PAGE)))
EXPECTED = {}  # page number -> index in PAGES


def batch(kind, pages):
    """BATCH requests in one go, and their replies."""
    out = []
    for i, page in enumerate(pages):
        out.append(request(kind, i, page * PAGE, PAGE))
        if kind == WRITE:
            EXPECTED[page] = rng.randrange(len(PAGES))
            out.append(PAGES[EXPECTED[page]])
        elif kind == TRIM:
            EXPECTED.pop(page, None)
    payload = PAGE if kind == READ else 0
    conn.send(b"".join(out))
    view = REPLIES[:len(pages) * (16 + payload)]
    conn.read_into(view)
    check_replies(view, len(pages), payload)
    if kind == READ:
        # Replies may come in any order: the cookie tells which page this is.
        at = rng.randrange(len(pages)) * (16 + PAGE)
        page = pages[int.from_bytes(view[at + 8:at + 16], "big")]
        want = PAGES[EXPECTED[page]] if page in EXPECTED else bytes(PAGE)
        if view[at + 16:at + 16 + PAGE] != want:
            sys.exit(f"FAIL: page {page} reads wrong (seed {SEED})")


OLD = range(1, 20000)  # pages written over and over; page 0 has a swap header from the beginning
fresh = OLD.stop


def run(total):
    global fresh
    for n in range(0, total, BATCH):
        turn = n // BATCH % 16
        if turn % 2:
            batch(READ, [rng.choice(OLD) for _ in range(BATCH)])
        elif turn == 14:
            batch(TRIM, rng.sample(OLD, BATCH))
        elif turn == 12 and (fresh + BATCH) * PAGE < conn.size:
            batch(WRITE, list(range(fresh, fresh + BATCH)))
            fresh += BATCH
        else:
            batch(WRITE, rng.sample(OLD, BATCH))


run(min(count, 100000))  # warm-up: nbdkit grows this connection's buffers at its first requests
lines_before = len(call_lines()) if calls else 0
faults_before = {tid: faults(tid) for tid in io_threads}
start = time.monotonic()
run(count)
seconds = time.monotonic() - start

if not calls:
    for tid in io_threads:
        minor, major = (b - a for a, b in zip(faults_before[tid], faults(tid)))
        if minor or major:
            sys.exit(f"FAIL: I/O thread {tid} took {minor} minor and {major} major page faults (seed {SEED})")
else:
    guilty = [line for line in call_lines()[lines_before:] if line.split()[0] in io_threads]
    if guilty:
        sys.exit(f"FAIL: {len(guilty)} calls by I/O threads, such as: {guilty[0].strip()} (seed {SEED})")
print(f"{count} requests in {seconds:.1f} s on {len(io_threads)} I/O threads: "
      f"{'no memory calls' if calls else 'no page faults'}")
conn.close()
