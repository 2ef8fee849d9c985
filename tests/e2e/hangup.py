# SPDX-License-Identifier: GPL-2.0-or-later
"""hangup.py [--no-status] SOCKET steps | random ROUNDS

Vanish in every way there is, and check each time that others are served and a marker is still
stored.  steps: after each step of a session, in each way.  random: after any byte sent and any byte
read.  --no-status: with no BLOCK_STATUS in flight."""

import contextlib
import os
import random
import socket
import struct
import sys

from nbdraw import (BLOCK_STATUS, DISC, OPT_GO, OPT_LIST, OPT_SET_META, OPT_STRUCTURED, READ, TRIM,
                    WRITE, ZEROES, Closed, Garbled, Raw, Silent, check_replies, export_data,
                    meta_data, option, request, timeout_scale)

PAGE = 4096
IN_FLIGHT = 64
SEED = int(os.environ.get("RZS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
print(f"seed {SEED} (RZS_SEED={SEED} repeats this)")
rng = random.Random(SEED)
arguments = sys.argv[1:]
with_status = arguments[0] != "--no-status"
path, mode, *rounds = arguments[not with_status:]
MARKER = b"%15d." % SEED * (PAGE // 16)
MARKER_AT = 5 * PAGE
AREA, AREA_SIZE = 1 << 20, 4 << 20  # where vanishing clients write: always full


def some_requests(kinds, count=IN_FLIGHT):
    out = []
    for cookie in range(count):
        kind = rng.choice(kinds)
        length = rng.choice((1, 512, PAGE, PAGE + 1, 65536))
        offset = AREA + rng.randrange(0, AREA_SIZE - length)
        out.append(request(kind, cookie, offset, length))
        if kind == WRITE:
            out.append(rng.randbytes(length))
    return b"".join(out)


def large_reads():
    """More than any socket's buffer takes."""
    return b"".join(request(READ, i, AREA + i * PAGE, 262144) for i in range(IN_FLIGHT))


HANDSHAKE = (
    struct.pack(">I", 3),
    option(OPT_STRUCTURED),
    option(OPT_LIST),
    option(OPT_SET_META, meta_data(b"", [b"base:allocation"])),
    option(OPT_GO, export_data(infos=[1, 2, 3])),
)
HEADER = request(WRITE, 1, AREA, PAGE)
# What comes after the handshake, before the end: each by itself.
TRANSMISSION = {
    "nothing": lambda: b"",
    "half a header": lambda: HEADER[:14],
    "a header without its data": lambda: HEADER,
    "half of the data": lambda: HEADER + bytes(PAGE // 2),
    "a large write cut off": lambda: (request(WRITE, 1, AREA, 1 << 20) +
                                      bytes(rng.randrange(1 << 20))),
    "reads": lambda: some_requests([READ]),
    "writes": lambda: some_requests([WRITE]),
    "trims and zeroes": lambda: some_requests([TRIM, ZEROES]),
    "status": lambda: b"".join(request(BLOCK_STATUS, i, AREA, AREA_SIZE) for i in range(IN_FLIGHT)),
    "all kinds": lambda: some_requests([READ, WRITE, TRIM, ZEROES]),
    "all kinds, and half a header": lambda: some_requests([READ, WRITE, TRIM]) + HEADER[:9],
    "large reads": large_reads,
    "reads, then goodbye": lambda: some_requests([READ]) + request(DISC, 99, 0, 0),
    "a wrong magic": lambda: some_requests([READ]) + bytes(28),
}
if not with_status:
    TRANSMISSION.pop("status")
WAYS = ("close", "half-close", "half-close and read", "read some")


def vanish(sock, way):
    with contextlib.suppress(TimeoutError, ConnectionError):
        if way == "read some":
            sock.settimeout(0.05)
            sock.recv(rng.randrange(1, 100000))
        elif way.startswith("half-close"):
            sock.shutdown(socket.SHUT_WR)
    if way == "half-close and read":
        read_to_end(sock)
    sock.close()


def read_to_end(sock):
    """A server knows from the end of what it gets that there is no more to do."""
    sock.settimeout(60 * timeout_scale())
    with contextlib.suppress(ConnectionError):
        while sock.recv(1 << 20):
            pass


def send_all_that_goes(conn, data):
    """A full socket buffer must not keep this client here: it leaves anyway."""
    conn.sock.settimeout(0.05)
    with contextlib.suppress(TimeoutError, ConnectionError):
        conn.sock.sendall(data)


def each_step():
    """As (what, function that returns a connection to vanish from)."""
    def haggled(steps, cut, answers):
        """After that many options, the last one cut off; with the answers read or not."""
        conn = Raw(path, None)
        if answers:
            conn.greet()
        for i, data in enumerate(HANDSHAKE[:steps]):
            if i or not answers:
                conn.send(data[:cut] if i == steps - 1 else data)
            if i and answers and (i < steps - 1 or cut is None):
                conn.option_replies(int.from_bytes(data[8:12], "big"))
        return conn

    def transmitting(make):
        conn = haggled(len(HANDSHAKE), None, True)
        send_all_that_goes(conn, make())
        return conn

    for steps in range(len(HANDSHAKE) + 1):
        for cut in (None, 3, 12, 20):
            for answers in (False, True):
                yield (f"{steps} options, the last {cut or 'whole'}",
                       lambda s=steps, c=cut, a=answers: haggled(s, c, a))
    for what, make in TRANSMISSION.items():
        yield what, lambda m=make: transmitting(m)


def run_steps():
    for what, begin in each_step():
        for way in WAYS:
            yield f"{what}, {way}"
            vanish(begin().sock, way)


def run_random(rounds):
    """Everything sent without waiting, up to any byte; any part of what comes back is read."""
    for _ in range(rounds):
        what = rng.choice(sorted(TRANSMISSION))
        data = b"".join(HANDSHAKE) + TRANSMISSION[what]()
        cut = rng.randrange(len(data) + 1)
        yield f"{what}, {cut} of {len(data)} bytes"
        conn = Raw(path, None)
        send_all_that_goes(conn, data[:cut])
        vanish(conn.sock, rng.choice(WAYS))


def check_marker(conn):
    conn.request(READ, 2, MARKER_AT, PAGE)
    reply = conn.reply()
    if reply.error or reply.data != MARKER:
        sys.exit(f"FAIL: the marker is gone, {reply} (seed {SEED})")


first = Raw(path)
first.send(request(WRITE, 1, MARKER_AT, PAGE) + MARKER)
first.send(request(WRITE, 1, AREA, AREA_SIZE) + rng.randbytes(AREA_SIZE))
check_replies(first.read(32), 2, 0)
done = 0
what = "nothing yet"
try:
    for what in run_steps() if mode == "steps" else run_random(int(rounds[0])):
        check_marker(first)
        done += 1
        if done % 10 == 0:
            another = Raw(path)
            check_marker(another)
            another.close()
except (Closed, Silent, Garbled, TimeoutError) as e:
    sys.exit(f"FAIL: {type(e).__name__} {e}: {what} (seed {SEED})")
print(f"{done} clients have vanished")
first.send(request(DISC, 3, 0, 0))
first.close()
