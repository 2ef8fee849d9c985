# SPDX-License-Identifier: GPL-2.0-or-later
"""rzsd-silent.py SOCKET PID nothing|some: a thousand clients that do not come to the point."""

import os
import select
import socket
import sys
import time

import nbd

path, pid, sayings = sys.argv[1], sys.argv[2], sys.argv[3]
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
NR = 1000


def rss():
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


def client():
    h = nbd.NBD()
    h.connect_unix(path)
    h.pwrite(b"x" * 4096, 0)
    assert h.pread(4096, 0) == b"x" * 4096
    h.shutdown()


def wait(what, condition):
    end = time.monotonic() + 30 * SCALE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"FAIL: {what}")
        time.sleep(0.01)


# What clients in transmission take, and leave to the next ones, is not what this is about.
held = [nbd.NBD() for _ in range(4)]
for h in held:
    h.connect_unix(path)
for h in held:
    h.shutdown()
client()
before, files = rss(), descriptors()
silent = []
for i in range(NR):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    if sayings == "some":
        # Flags, and the beginning of an option with much data.
        try:
            s.sendall(b"\0\0\0\3IHAVEOPT\0\0\0\7\0\0\x10\0" + b"x" * 1000)
        except OSError:  # it was hung up on already
            pass
    silent.append(s)
    if i % 100 == 99:
        client()
cost = rss() - before
print(f"{NR} clients that say {sayings}: {cost} bytes, {descriptors()} descriptors")
if SCALE == 1 and cost > 2 << 20:
    sys.exit(f"FAIL: they cost {cost} bytes")

# Each is hung up on, the last ones after the handshake's time.
poll = select.poll()
for s in silent:
    poll.register(s, select.POLLRDHUP)
wait("not all were hung up on", lambda: len(poll.poll(0)) == NR)
for s in silent:
    s.close()
wait("descriptors stay", lambda: descriptors() <= files)
client()
