# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin-control.py WHAT SOCKET [ARG..]: one part of plugin-control.sh, through the control socket."""

import errno
import os
import random
import select
import socket
import sys
import time

import nbd

from ctlclient import Control, Refused

PAGE = 4096
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))
WAIT = 20 * SCALE


def fail(text):
    sys.exit(f"FAIL: {text}")


def check(got, want, what):
    if got != want:
        fail(f"{what}: {got}, should be {want}")


def control(path):
    return Control(path, timeout=WAIT)


def attach(uri):
    h = nbd.NBD()
    h.add_meta_context("base:allocation")
    h.connect_uri(uri)
    return h


def refused(c, number, part, *words):
    try:
        c.ask(*words)
    except Refused as e:
        if e.number != number or part not in e.text:
            fail(f"{words}: {e}, should be {number} and say '{part}'")
    else:
        fail(f"{words}: not refused")


def identities(s):
    check(s["pages_stored"], s["pages_same"] + s["pages_compressed"] + s["pages_raw"], "pages_stored")
    check(s["orig_bytes"], s["pages_stored"] * PAGE, "orig_bytes")
    check(s["mem_bytes"], s["block_bytes"] + s["table_bytes"] + s["fixed_bytes"] + s["reserve_bytes"],
          "mem_bytes")
    check(s["block_bytes"], s["object_bytes"] + s["object_meta_bytes"] + s["slack_bytes"], "block_bytes")
    check(s["impossible"], 0, "impossible")


def check_buckets(latency, histogram):
    """The histogram that these quantiles come from."""
    check(histogram["sum_ns"], latency["sum_ns"], "sum_ns of the buckets")
    check(sum(n for _, n in histogram["buckets"]), latency["count"], "requests in buckets")
    ends = [le for le, _ in histogram["buckets"]]
    check(ends, sorted(set(ends)), "ends of buckets")
    check(ends[-1], latency["max_ns"], "the last bucket")
    for per_mille, name in ((500, "p50_ns"), (900, "p90_ns"), (990, "p99_ns"), (999, "p999_ns")):
        before = 0
        for le, n in histogram["buckets"]:
            before += n
            if before * 1000 >= latency["count"] * per_mille:
                check(le, latency[name], f"{name} by the buckets")
                break


def conversation(path, uri, pid):
    c = control(path)
    program, version = c.greeting[2].decode(), c.greeting[3].decode()
    check(program, "nbdkit", "the greeting's program")
    check(c.ask("server"), [["program", "nbdkit"], ["version", version], ["pid", pid]], "server")
    check(list(c.devices()), ["rzs"], "devices")
    check(c.devices()["rzs"]["swap-uuid"], "01234567-89ab-4cde-8f01-23456789abcd", "swap-uuid")
    check(c.devices()["rzs"]["state"], "ready", "state")
    check(c.devices()["rzs"]["connections"], "0", "connections")

    before, kinds = c.numbers("stats", "rzs"), c.latency("rzs")
    h, other = attach(uri), attach(uri)
    check(c.devices()["rzs"]["connections"], "2", "connections")
    sent = {"read": [0, 0], "write": [0, 0], "discard": [0, 0]}
    rng = random.Random(7)
    for _ in range(2000 // SCALE):
        kind = rng.choice(list(sent))
        size = rng.choice([512, PAGE, 3 * PAGE, 65536])
        at = rng.randrange(1, 4000) * PAGE
        size = min(size, (16 << 20) - at)
        client = rng.choice([h, other])
        if kind == "read":
            client.pread(size, at)
        elif kind == "write":
            client.pwrite(rng.randbytes(size // 2) + bytes(size - size // 2), at)
        elif rng.random() < 0.5:
            client.trim(size, at)
        else:
            client.zero(size, at)
        sent[kind][0] += 1
        sent[kind][1] += size
    h.flush()
    h.block_status(1 << 20, 0, lambda *_: 0)

    # A reply is on its way before nbdkit's thread is done with the request; ours counts before that.
    stats, now = c.numbers("stats", "rzs"), c.latency("rzs")
    for kind, (count, size) in sent.items():
        n = {k: now[kind][k] - kinds[kind][k] for k in ("count", "bytes", "sum_ns")}
        check(n["count"], count, f"{kind} requests")
        check(n["bytes"], size, f"bytes in {kind} requests")
        check(stats[f"{kind}_requests"], now[kind]["count"], f"{kind}_requests")
        check(stats[f"{kind}_p99_ns"], now[kind]["p99_ns"], f"{kind}_p99_ns")
        one = now[kind]
        if not 0 < one["p50_ns"] <= one["p90_ns"] <= one["p99_ns"] <= one["p999_ns"] <= one["max_ns"]:
            fail(f"latencies of {kind}: {one}")
        if not one["count"] <= one["sum_ns"] <= one["count"] * one["max_ns"]:
            fail(f"latencies of {kind} add up to: {one}")
        check_buckets(one, c.buckets("rzs")[kind])
    identities(stats)
    if stats["writes"] <= before["writes"] or stats["connections"] != 2:
        fail(f"stats: {stats}")
    device = c.devices()["rzs"]
    check(int(device["stored"]), stats["orig_bytes"], "stored")
    check(int(device["mem"]), stats["mem_bytes"], "mem")

    known = {(kind, name) for kind, name, *_ in c.ask("describe")}
    check({n for k, n in known if k == "device"}, set(stats), "what describe tells of stats")
    process = c.numbers("process")
    check({n for k, n in known if k == "process"}, set(process), "what describe tells of process")
    protections = {line[1]: line[2] for line in c.ask("process") if line[0] == "protect"}
    if not protections or set(protections.values()) - {"ok", "refused", "off"}:
        fail(f"protections: {protections}")
    h.pwrite(bytes(PAGE), 0)
    check(c.devices()["rzs"]["swap-uuid"], "-", "swap-uuid of no swap header")
    params = {key: value for key, value in c.ask("params", "rzs")}
    check(params["uuid"], "01234567-89ab-4cde-8f01-23456789abcd", "uuid")
    check((params["size"], params["wipe"], params["label"]), ("16777216", "false", ""), "params")


def kinds_of(h):
    """Types of the extents of the first 64 KiB."""
    types = []
    h.block_status(65536, 0, lambda m, o, entries, e: types.extend(entries[1::2]) or 0)
    return set(types)


def changes(path, uri):
    c = control(path)
    h = attach(uri)
    for at in range(0, 8 << 20, 65536):
        h.pwrite(random.randbytes(65536), at)
    check(kinds_of(h), {0}, "extents without a limit")
    c.ask("set", "rzs", "memlimit=14M")
    check(kinds_of(h), {nbd.STATE_HOLE}, "extents with a limit")
    check(c.devices()["rzs"]["memlimit"], str(14 << 20), "memlimit in list")
    check(dict(c.ask("params", "rzs"))["memlimit"], str(14 << 20), "memlimit in params")
    check(c.numbers("stats", "rzs")["limit_bytes"], 14 << 20, "limit_bytes")
    try:
        for at in range(8 << 20, 16 << 20, 65536):
            h.pwrite(random.randbytes(65536), at)
        fail("more than the limit was taken")
    except nbd.Error as e:
        check(e.errno, "ENOSPC", "a write beyond the limit")
    refused(c, errno.ENOSPC, "are held now", "set", "rzs", "memlimit=7M")
    refused(c, errno.EINVAL, "needs at least", "set", "rzs", "memlimit=1")
    refused(c, errno.EINVAL, "memlimit=much", "set", "rzs", "memlimit=much")
    check(c.devices()["rzs"]["memlimit"], str(14 << 20), "memlimit after refusals")
    c.ask("set", "rzs", "memlimit=0")
    check(kinds_of(h), {0}, "extents without a limit again")
    h.pwrite(random.randbytes(8 << 20), 8 << 20)

    refused(c, errno.EOPNOTSUPP, "only memlimit", "set", "rzs", "wipe=true")
    refused(c, errno.ENOENT, "no such device", "set", "other", "memlimit=0")
    for words in (("create", "x"), ("init", "rzs"), ("reset", "rzs"), ("remove", "rzs")):
        refused(c, errno.EOPNOTSUPP, "nbdkit has one device", *words)
    refused(c, errno.EINVAL, "no such verb", "frobnicate")
    refused(c, errno.ENOENT, "no such device", "stats", "rzs0")


def alive(path):
    check(list(control(path).devices()), ["rzs"], "devices")


def abuse(path, uri):
    h = attach(uri)
    page = random.randbytes(PAGE)

    def io():
        h.pwrite(page, 5 * PAGE)
        check(h.pread(PAGE, 5 * PAGE), page, "data")

    # More than there is room for; the others get an error that says so.
    many, turned_away = [], 0
    for _ in range(40):
        try:
            many.append(control(path))
        except Refused as e:
            check(e.number, errno.EAGAIN, "one too many")
            turned_away += 1
    check((len(many), turned_away), (16, 24), "clients served, and turned away")
    for c in many:
        check(list(c.devices()), ["rzs"], "devices")
    io()

    # Some vanish with replies under way, some ask and never read, one sends without an end.
    for c in many[:8]:
        c.sock.sendall(b"describe\n" * 20)
        c.close()
    for c in many[8:12]:
        c.sock.setblocking(False)
        try:
            while True:
                c.sock.send(b"describe\nstats rzs\n" * 50)
        except BlockingIOError:
            pass
    many[12].sock.sendall(b"x" * 1000)
    many[13].sock.sendall(b"list\n" + b"y" * 2000)
    check(many[13].reply()[0][0], "rzs", "the reply before a line too long")
    refused_end = b""
    try:
        refused_end = many[13].line()
        many[13].line()
        fail("no end after a line too long")
    except (EOFError, ConnectionResetError):
        check(refused_end[:9], b"error 22 ", "the reply to a line too long")
    io()
    end = time.monotonic() + WAIT
    while True:
        try:
            c = control(path)
            break
        except Refused:
            if time.monotonic() > end:
                fail("clients that have gone still take their places")
    identities(c.numbers("stats", "rzs"))

    # Who asks and does not read is let go, after 10 s.
    deaf = select.poll()
    for client in many[8:12]:
        deaf.register(client.sock, select.POLLHUP)
    gone = set()
    end = time.monotonic() + 10 + WAIT
    while len(gone) < 4:
        gone |= {fd for fd, event in deaf.poll(1000) if event & select.POLLHUP}
        if time.monotonic() > end:
            fail("clients that do not read are kept")
        for fd in gone:
            try:
                deaf.unregister(fd)
            except KeyError:
                pass
        check(list(c.devices()), ["rzs"], "devices")
        io()


def hang_about(path, pid, ready):
    """Clients of all sorts, for as long as the server lives."""
    idle, half, deaf = control(path), control(path), control(path)
    half.sock.sendall(b"sta")
    deaf.sock.setblocking(False)
    try:
        while True:
            deaf.sock.send(b"describe\n" * 100)
    except BlockingIOError:
        pass
    open(ready, "w").close()
    for c in (idle, half):
        c.sock.settimeout(WAIT)
        try:
            check(c.sock.recv(100), b"", "what an idle client hears at the end")
        except ConnectionResetError:
            pass


parts = {"conversation": conversation, "changes": changes, "alive": alive, "abuse": abuse,
         "hang-about": hang_about}
parts[sys.argv[1]](*sys.argv[2:])
