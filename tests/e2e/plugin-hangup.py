# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin-hangup.py SOCKET ROUNDS: vanish in every way there is, then check that a marker is still stored."""

import os
import random
import socket
import struct
import sys

from rawnbd import DISC, FLUSH, READ, TRIM, WRITE, ZEROES, Raw, check_replies, request

PAGE = 4096
path, rounds = sys.argv[1], int(sys.argv[2])
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
MARKER = b"%15d." % SEED * (PAGE // 16)
MARKER_AT = 5 * PAGE
AREA, AREA_SIZE = 1 << 20, 4 << 20  # where vanishing clients write: always full, so memory is steady


def plain_connection():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(path)
    return s


def in_the_handshake(n):
    s = plain_connection()
    if n:
        s.recv(18)
        s.sendall((struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 7, 100) + b"x" * 50)[:n])
    s.close()


def requests_in_flight(count, kinds):
    """count requests, no reply read."""
    out = bytearray()
    for cookie in range(count):
        kind = rng.choice(kinds)
        length = rng.choice((1, 512, PAGE, PAGE + 1, 65536))
        offset = AREA + rng.randrange(0, AREA_SIZE - length)
        out += request(kind, cookie, offset, length)
        if kind == WRITE:
            out += rng.randbytes(length)
    return out


def vanish():
    way = rng.randrange(6)
    if way == 0:
        return in_the_handshake(rng.randrange(0, 40))
    conn = Raw(path)
    # A full socket buffer must not keep this client here: it leaves anyway.
    conn.sock.settimeout(0.05)
    try:
        if way == 1:  # inside a header
            conn.send(request(WRITE, 1, AREA, PAGE)[:rng.randrange(1, 28)])
        elif way == 2:  # inside a payload
            conn.send(request(WRITE, 1, AREA, 1 << 20) + bytes(rng.randrange(0, 1 << 20)))
        elif way == 3:  # many reads whose replies nobody takes
            conn.send(b"".join(request(READ, i, AREA + i * PAGE, 262144) for i in range(64)))
        elif way == 4:
            conn.send(requests_in_flight(300, (READ, WRITE, TRIM, ZEROES)))
        else:  # some replies taken, then a request begun
            conn.send(requests_in_flight(40, (READ,)) + request(FLUSH, 1, 0, 0)[:9])
            conn.sock.recv(100000)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    if rng.randrange(2):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


first = Raw(path)
first.send(request(WRITE, 1, MARKER_AT, PAGE) + MARKER)
first.send(request(WRITE, 1, AREA, AREA_SIZE) + rng.randbytes(AREA_SIZE))
check_replies(first.read(32), 2, 0)
for _ in range(rounds):
    vanish()
    first.send(request(READ, 2, MARKER_AT, PAGE))
    reply = first.read(16 + PAGE)
    check_replies(reply, 1, PAGE)
    if reply[16:] != MARKER:
        sys.exit(f"FAIL: the marker is gone (seed {SEED})")
first.send(request(DISC, 3, 0, 0))
first.close()
