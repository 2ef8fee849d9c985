# SPDX-License-Identifier: GPL-2.0-or-later
"""crowd.py SOCKET PID greedy LIMIT_KIB | flood | slow SECONDS | full N

Clients that want more than their share, and one beside them that wants little and has to get it.
greedy: ask for gigabytes and read none; the server may grow by LIMIT_KIB for each.  flood: send
large requests without end.  slow: a handshake a byte at a time, to be over after SECONDS.  full: as
many clients as are allowed, and one more."""

import contextlib
import sys
import threading
import time

from nbdprobes import content, names
from nbdraw import (OPT_GO, READ, TRIM, WRITE, ZEROES, Closed, Raw, Silent, export_data, option,
                    request, timeout_scale)

PAGE, MB = 4096, 1 << 20
UNKNOWN_OPTION = 0x0badf00d
SCALE = timeout_scale()
path, pid, mode, *arguments = sys.argv[1:]


def rss_kib():
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def small_wishes(what, count=200):
    """One page at a time, on a connection of its own; returns the longest that one took."""
    conn = Raw(path)
    worst = 0
    for i in range(count):
        start = time.monotonic()
        data = b"%15d." % i * (PAGE // 16)
        conn.call(WRITE, 0, PAGE, data=data)
        if conn.call(READ, 0, PAGE).data != data:
            sys.exit(f"FAIL: wrong data beside {what}")
        worst = max(worst, time.monotonic() - start)
    conn.close()
    print(f"beside {what} a write and a read take at most {worst * 1000:.1f} ms")
    # Far above what it takes, far below what it would take to wait for all of them.
    if worst > 2 * SCALE:
        sys.exit(f"FAIL: somebody waits {worst:.1f} s for {what}")


def greedy(limit_kib):
    """64 READs of 32 MiB each, by each of 8 clients."""
    fill = Raw(path)
    noise = bytes(range(256)) * (MB // 256)
    for at in range(0, 33 * MB, MB):
        fill.call(WRITE, at, MB, data=noise)
    Raw(path).close()
    before = rss_kib()
    clients = []
    for structured in (False, True) * 4:
        conn = Raw(path, None)
        conn.greet()
        if structured:
            conn.start_structured()
        conn.go()
        conn.send(b"".join(request(READ, i, PAGE, 32 * MB) for i in range(64)))
        clients.append(conn)
    small_wishes("clients that do not read")
    cost = rss_kib() - before
    print(f"{len(clients)} clients that do not read cost {cost} KiB")
    if cost > limit_kib * len(clients):
        sys.exit(f"FAIL: clients that do not read cost {cost} KiB")
    # What they have asked for is right in the end.
    late = content(clients[1].reply(), PAGE, 32 * MB)
    if late != (noise * 33)[PAGE:PAGE + 32 * MB]:
        sys.exit("FAIL: wrong data for a client that reads late")
    for conn in clients:
        conn.close()


def flood():
    """Large requests, the next before the last is answered, until done is set."""
    done = threading.Event()

    def one(kind):
        conn = Raw(path)
        data = request(kind, 1, 32 * MB, 16 * MB) + (bytes(16 * MB) if kind == WRITE else b"")
        payload = 16 * MB if kind == READ else 0
        conn.send(data)
        while not done.is_set():
            conn.send(data)
            conn.read(16 + payload)
        conn.close()

    threads = [threading.Thread(target=one, args=(kind,)) for kind in (WRITE, READ, TRIM, ZEROES)]
    for t in threads:
        t.start()
    try:
        small_wishes("a flood of large requests")
    finally:
        done.set()
        for t in threads:
            t.join()


def slow(seconds):
    """A client that goes on slowly does not get more time than one that says nothing."""
    data = b"\0\0\0\3" + option(UNKNOWN_OPTION, bytes(60000))
    conn = Raw(path, None)
    start = time.monotonic()
    served = 0
    for i in range(len(data)):
        try:
            conn.send_bytewise(data[i:i + 1])
        except Closed:
            break
        beside = Raw(path)
        beside.call(READ, 0, PAGE)
        beside.close()
        served += 1
        if time.monotonic() - start > (seconds + 20) * SCALE:
            sys.exit("FAIL: a slow handshake goes on and on")
    took = time.monotonic() - start
    print(f"a slow handshake was ended after {took:.1f} s, {served} others were served meanwhile")
    # A busy server may have looked at its clock a little earlier.
    if took < seconds / 2:
        sys.exit(f"FAIL: hung up on after {took:.1f} s of {seconds}")


def full(count):
    """All places taken: the next gets an error, the others notice nothing, a place left is free."""
    clients = [Raw(path) for _ in range(count)]
    late = Raw(path, None)
    late.greet()
    said = names(late.ask(OPT_GO, export_data()))
    print(f"with all places taken GO is answered {said}")
    if said not in ("POLICY", "PLATFORM", "SHUTDOWN"):
        sys.exit(f"FAIL: with all places taken GO is answered {said}")
    with contextlib.suppress(Closed, Silent):
        Raw(path)
        sys.exit("FAIL: with all places taken EXPORT_NAME is served")
    for conn in clients:
        if conn.call(READ, 0, PAGE).error:
            sys.exit("FAIL: the first ones make no progress")
    clients.pop().close()
    end = time.monotonic() + 20 * SCALE
    while names(late.ask(OPT_GO, export_data()))[-3:] != "ACK":
        if time.monotonic() > end:
            sys.exit("FAIL: a place left is not free")
        late.close()
        late = Raw(path, None)
        late.greet()
    if late.call(READ, 0, PAGE).error:
        sys.exit("FAIL: the one who waited is not served")


if mode == "greedy":
    greedy(int(arguments[0]))
elif mode == "flood":
    flood()
elif mode == "slow":
    slow(int(arguments[0]))
elif mode == "full":
    full(int(arguments[0]))
else:
    sys.exit(f"crowd.py: {mode}?")
