# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes of the transmission phase: requests and replies as such, flags, then each command, and
BLOCK_STATUS with base:allocation."""

import random

from nbdprobes import after, content, descriptors, probe, said_of, summary
from nbdraw import (BLOCK_STATUS, CACHE, CHUNK_DATA, CHUNK_HOLE, DF, DISC, FAST_ZERO, FLUSH, FUA,
                    MULTI_CONN, NO_HOLE, READ, REQ_ONE, SEND_CACHE, SEND_FLUSH, SEND_FUA, SEND_TRIM,
                    SEND_ZEROES, STATE_HOLE, STATE_ZERO, TRIM, WRITE, ZEROES, Closed, request)

PAGE = 4096
MB = 1 << 20
AREA = 4 * MB  # below it nobody writes but the handshake's probes
COMMANDS = {READ: "READ", WRITE: "WRITE", FLUSH: "FLUSH", TRIM: "TRIM", CACHE: "CACHE",
            ZEROES: "ZEROES", BLOCK_STATUS: "STATUS"}
FLAGS = {FUA: "FUA", NO_HOLE: "NO_HOLE", DF: "DF", REQ_ONE: "REQ_ONE", FAST_ZERO: "FAST_ZERO"}
ALLOWED = {READ: DF, ZEROES: NO_HOLE | FAST_ZERO, BLOCK_STATUS: REQ_ONE}


def small(conn, kind, flags=0, offset=AREA, length=PAGE):
    """One page's worth of a command."""
    if kind == FLUSH:
        offset = length = 0
    return said_of(conn, kind, offset, length, flags, b"w" * length if kind == WRITE else b"")


def in_both(server, ask):
    """The answers with simple and with structured replies."""
    one, two = ask(server.session(structured=False)), ask(server.session())
    return one if one == two else f"simple {one}, structured {two}"


def beyond(size):
    """Ranges that are not within size, with and without an overflow."""
    return [(size, 1), (size - 1, 2), (size - PAGE, 2 * PAGE), (size + PAGE, PAGE), (size, PAGE),
            (1 << 62, PAGE), (1 << 63, PAGE), ((1 << 63) - 1, PAGE), ((1 << 64) - 1, 1),
            ((1 << 64) - PAGE, PAGE), ((1 << 64) - PAGE, 2 * PAGE), ((1 << 64) - 1, PAGE)]


def each_beyond(server, kind, structured=True, meta=False):
    conn = server.session(structured, meta)
    return summary([(f"{offset:#x}+{length}",
                     said_of(conn, kind, offset, length, data=b"x" * length * (kind == WRITE)))
                    for offset, length in beyond(conn.size)])


# ---- requests and replies

@probe("request", "MUST", "closed",
       known={"qemu-nbd": ("EINVAL, closed", "tells before it leaves")})
def wrong_magic(server):
    """wrong request magic"""
    conn = server.session()
    conn.request(READ, 1, 0, 512, magic=0x25609514)
    return str(conn.reply()) + after(conn)


@probe("request", "SHOULD", "all EINVAL")
def unknown_commands(server):
    """unknown commands, cookie echoed"""
    def ask(conn):
        return summary([(f"{kind}", said_of(conn, kind, 0, 512))
                        for kind in (8, 9, 77, 255, 256, 0xffff)])
    return in_both(server, ask)


@probe("replies", "MUST", "simple 16, structured 20")
def kind_of_reply(server):
    """READ: replies of 16 bytes' head, chunks of 20 if structured"""
    def ask(conn):
        reply = conn.call(READ, 0, PAGE)
        content(reply, 0, PAGE)
        return "16" if reply.chunks is None else "20"
    return in_both(server, ask)


@probe("replies", "MUST", "EINVAL, structured")
def kind_of_error(server):
    """READ: errors are structured too"""
    conn = server.session()
    reply = conn.call(READ, conn.size, PAGE)
    return f"{reply}, {'simple' if reply.chunks is None else 'structured'}"


@probe("replies", "MUST", "ok")
def cookies(server):
    """200 cookies of any value in flight, each echoed once"""
    def ask(conn):
        rng = random.Random(1)
        sent = [0, (1 << 64) - 1, 1 << 63, 1, *(rng.randrange(1 << 64) for _ in range(196))]
        conn.waiting = {cookie: 512 for cookie in sent[1::2]}
        got = conn.burst([request(READ, cookie, 0, 512) if cookie in conn.waiting
                          else request(FLUSH, cookie, 0, 0) for cookie in sent])
        if any(r.error for r in got):
            return "errors"
        return "ok" if sorted(r.cookie for r in got) == sorted(sent) else "other cookies"
    return in_both(server, ask)


@probe("replies", "OURS", "3 replies")
def cookie_reused(server):
    """the same cookie three times in flight"""
    conn = server.session()
    got = conn.burst([request(FLUSH, 5, 0, 0)] * 3)
    return f"{sum(1 for r in got if r.cookie == 5 and not r.error)} replies" + after(conn)


@probe("replies", "MUST", "ok")
def chunk_rules(server):
    """READ: chunks within the request, no overlap, nothing left out, DONE last"""
    conn = server.session()
    expected = bytearray(64 * PAGE)
    conn.call(ZEROES, AREA, len(expected))
    for page in (1, 2, 7, 8, 9, 40):
        expected[page * PAGE:(page + 1) * PAGE] = bytes([page]) * PAGE
        conn.call(WRITE, AREA + page * PAGE, PAGE, data=bytes([page]) * PAGE)
    rng = random.Random(2)
    ranges = [(0, len(expected)), (PAGE - 1, 2), (3 * PAGE, 1), (0, 1), (0, PAGE), (PAGE, PAGE)]
    ranges += [(a, rng.randrange(1, len(expected) - a)) for a in (rng.randrange(62 * PAGE)
                                                                  for _ in range(100))]
    for at, n in ranges:
        if content(conn.call(READ, AREA + at, n), AREA + at, n) != expected[at:at + n]:
            return f"wrong data at {at}+{n}"
    return "ok"


@probe("replies", "MUST", "2000 answered")
def many_at_once(server):
    """2000 requests of all kinds without reading, then all replies"""
    def ask(conn):
        rng = random.Random(3)
        out = []
        for cookie in range(2000):
            kind = rng.choice((READ, WRITE, FLUSH, TRIM, ZEROES))
            at, n = AREA + 512 * rng.randrange(100), 512 * rng.randrange(1, 9)
            if kind == FLUSH:
                at = n = 0
            if kind == READ:
                conn.waiting[cookie] = n
            out.append(request(kind, cookie, at, n) + (bytes(n) if kind == WRITE else b""))
        got = conn.burst(out)
        if any(r.error for r in got):
            return f"errors: {sorted({str(r) for r in got})}"
        return f"{len({r.cookie for r in got})} answered"
    return in_both(server, ask)


# ---- flags

@probe("flags", "MUST", "all ok")
def fua_on_all(server):
    """FUA on every command"""
    conn = server.session(meta=True)
    if not conn.flags & SEND_FUA:
        return "not announced"
    return summary([(name, small(conn, kind, FUA)) for kind, name in COMMANDS.items()])


@probe("flags", "SHOULD", "all EINVAL")
def unknown_flags(server):
    """unknown flags on every command; a WRITE's data is taken all the same"""
    answers = []
    for bit in (5, 6, 9, 15):
        conn = server.session(meta=True)
        answers += [(f"{name}+{bit}", small(conn, kind, 1 << bit))
                    for kind, name in COMMANDS.items()]
    return summary(answers)


@probe("flags", "SHOULD", "all EINVAL")
def foreign_flags(server):
    """flags of other commands"""
    answers = []
    conn = server.session(meta=True)
    for kind, name in COMMANDS.items():
        for flag, flag_name in FLAGS.items():
            if flag not in (FUA, FUA | ALLOWED.get(kind, 0)) and not flag & ALLOWED.get(kind, 0):
                answers.append((f"{name}+{flag_name}", small(conn, kind, flag)))
    return summary(answers)


@probe("flags", "SHOULD", "EINVAL")
def df_without_structured(server):
    """DF without structured replies"""
    return small(server.session(structured=False), READ, DF)


@probe("flags", "MUST", "announced, visible")
def multi_conn(server):
    """MULTI_CONN: what one connection wrote, another reads at once, and after FLUSH and FUA"""
    one, two = server.session(), server.session()
    if not one.flags & MULTI_CONN:
        return "not announced"
    for i, flags in enumerate((0, FUA, 0)):
        data = bytes([i + 1]) * PAGE
        one.call(WRITE, AREA, PAGE, flags, data)
        if i == 2:
            two.call(FLUSH)
        if content(two.call(READ, AREA, PAGE), AREA, PAGE) != data:
            return "announced, not visible"
    return "announced, visible"


# ---- READ

@probe("READ", "SHOULD", "all EINVAL")
def read_beyond(server):
    """READ beyond the end, also where offset + length overflows"""
    return each_beyond(server, READ)


@probe("READ", "SHOULD", "all EINVAL")
def read_beyond_simple(server):
    """the same with simple replies: no data follows an error"""
    return each_beyond(server, READ, structured=False)


def chunks_of(reply):
    n = sum(1 for c in reply.chunks if c[1] in (CHUNK_DATA, CHUNK_HOLE))
    return "one chunk" if n == 1 else f"{n} chunks"


@probe("READ", "MUST", "all one chunk")
def read_df(server):
    """READ+DF of up to 64 KiB over data and holes: one chunk"""
    conn = server.session()
    conn.call(ZEROES, AREA, 64 * PAGE)
    conn.call(WRITE, AREA + 3 * PAGE, PAGE, data=b"d" * PAGE)
    answers = []
    want = bytes(3 * PAGE) + b"d" * PAGE + bytes(28 * PAGE)
    for at, n in ((0, 65536), (0, PAGE), (8192, 16384), (3 * PAGE - 1, 3), (32768, 65536)):
        reply = conn.call(READ, AREA + at, n, DF)
        if content(reply, AREA + at, n) != want[at:at + n]:
            return f"{reply} or wrong data at {at}+{n}"
        answers.append((f"{at}+{n}", chunks_of(reply)))
    return summary(answers)


@probe("READ", "MUST", "ok, DF in one chunk", "ok, DF EOVERFLOW")
def read_largest(server):
    """READ of 32 MiB of data and holes, whole and with DF"""
    conn = server.session()
    conn.call(ZEROES, AREA, 32 * MB)
    for at in range(0, 32 * MB, 4 * MB):
        conn.call(WRITE, AREA + at, MB, data=b"l" * MB)
    want = (b"l" * MB + bytes(3 * MB)) * 8
    for flags in (0, DF):
        reply = conn.call(READ, AREA, 32 * MB, flags)
        if flags and str(reply) == "EOVERFLOW":
            return "ok, DF EOVERFLOW"
        if content(reply, AREA, 32 * MB) != want:
            return f"{reply} or wrong data"
    return f"ok, DF in {chunks_of(reply)}"


@probe("READ", "OURS", "EINVAL*", "EOVERFLOW*", "ENOMEM*", "ok", "closed")
def read_too_large(server):
    """READ of 40 MiB, more than a client may ask for"""
    return said_of(server.session(), READ, AREA, 40 * MB)


@probe("READ", "MAY", "EINVAL", "ok")
def read_nothing(server):
    """READ of nothing"""
    return in_both(server, lambda conn: said_of(conn, READ, AREA, 0))


# ---- WRITE

@probe("WRITE", "MUST", "all ok")
def write_read(server):
    """WRITE of 1 byte to 32 MiB at odd places, read back"""
    conn = server.session()
    rng = random.Random(4)
    answers = []
    for at, n in ((0, 1), (4095, 2), (511, 513), (1, PAGE), (0, PAGE), (7, 3 * PAGE), (1, 32 * MB)):
        data = rng.randbytes(n)
        error = conn.call(WRITE, AREA + at, n, data=data)
        same = content(conn.call(READ, AREA + at, n), AREA + at, n) == data
        answers.append((f"{at}+{n}", str(error) if same else "other data"))
    return summary(answers)


@probe("WRITE", "SHOULD", "all ENOSPC",
       known={"qemu-nbd": ("all EINVAL", "has one error for all of these")})
def write_beyond(server):
    """WRITE beyond the end, data taken all the same"""
    return each_beyond(server, WRITE)


@probe("WRITE", "OURS", "ENOSPC, nothing changed", "EINVAL, nothing changed")
def write_over_the_end(server):
    """WRITE over the end leaves what is before it"""
    conn = server.session()
    conn.call(WRITE, conn.size - PAGE, PAGE, data=b"o" * PAGE)
    reply = conn.call(WRITE, conn.size - PAGE, 2 * PAGE, data=b"n" * PAGE * 2)
    kept = content(conn.call(READ, conn.size - PAGE, PAGE), conn.size - PAGE, PAGE) == b"o" * PAGE
    return f"{reply}, {'nothing' if kept else 'something'} changed"


@probe("WRITE", "MAY", "ok", "EINVAL", "ENOSPC")
def write_nothing(server):
    """WRITE of nothing"""
    return in_both(server, lambda conn: said_of(conn, WRITE, AREA, 0))


@probe("WRITE", "OURS", "closed", "EINVAL", "ENOSPC", "ok")
def write_too_large(server):
    """WRITE of 40 MiB, more than a client may send"""
    return said_of(server.session(), WRITE, AREA, 40 * MB, data=bytes(40 * MB))


@probe("WRITE", "OURS", "closed", "E* closed")
def write_of_4g(server):
    """WRITE with length 0xffffffff: neither waited for nor taken"""
    conn = server.session()
    conn.request(WRITE, 1, 0, 0xffffffff, data=bytes(MB))
    return str(conn.reply()) + (", closed" if not conn.read_to_end() else ", more")


@probe("WRITE", "SHOULD", "all EPERM", needs="read_only",
       known={"qemu-nbd": ("all EINVAL", "has one error for all of these")})
def read_only(server):
    """WRITE, TRIM, WRITE_ZEROES on a read-only export"""
    conn = server.session(path=server.read_only)
    return summary([(COMMANDS[kind], small(conn, kind)) for kind in (WRITE, TRIM, ZEROES)])


# ---- DISC

@probe("DISC", "MUST", "closed")
def disconnect(server):
    """DISC: no reply"""
    conn = server.session()
    conn.request(DISC, 1)
    return "closed" if not conn.read_to_end() else "a reply"


@probe("DISC", "MUST", "64 answered",
       known={"qemu-nbd": ("*answered", "may leave out replies once it has seen DISC")})
def disconnect_in_flight(server):
    """DISC behind 64 READs: all are answered first"""
    def ask(conn):
        for cookie in range(64):
            conn.request(READ, cookie, cookie * PAGE, PAGE)
        conn.request(DISC, 64)
        got = set()
        try:
            while True:
                got.add(conn.reply().cookie)
        except Closed:
            return f"{len(got)} answered"
    return in_both(server, ask)


@probe("DISC", "MAY", "all closed")
def disconnect_oddly(server):
    """DISC with FUA, with offset and length, with bytes behind it"""
    answers = []
    for what, data in (("FUA", request(DISC, 1, 0, 0, FUA)), ("range", request(DISC, 1, 512, 512)),
                       ("more", request(DISC, 1, 0, 0) + request(READ, 2, 0, 512) + b"x" * 100)):
        conn = server.session()
        conn.send(data)
        answers.append((what, "closed" if not conn.read_to_end() else "a reply"))
    return summary(answers)


# ---- the rest

@probe("FLUSH", "MUST", "ok")
def flush(server):
    """FLUSH"""
    conn = server.session()
    return said_of(conn, FLUSH) if conn.flags & SEND_FLUSH else "not announced"


@probe("FLUSH", "MAY", "ok", "EINVAL")
def flush_with_range(server):
    """FLUSH with offset and length, beyond the end"""
    return said_of(server.session(), FLUSH, 1 << 63, 512)


@probe("TRIM", "MUST", "ok")
def trim(server):
    """TRIM at odd places leaves the neighbours; the whole device"""
    conn = server.session()
    if not conn.flags & SEND_TRIM:
        return "not announced"
    for at, n in ((0, PAGE), (1, PAGE), (100, 50), (4095, PAGE + 2), (PAGE, 8 * PAGE - 1)):
        conn.call(WRITE, AREA, 16 * PAGE, data=b"k" * 16 * PAGE)
        reply = conn.call(TRIM, AREA + at, n)
        got = content(conn.call(READ, AREA, 16 * PAGE), AREA, 16 * PAGE)
        if reply.error or got[:at] + got[at + n:] != b"k" * (16 * PAGE - n):
            return f"{reply} or lost neighbours at {at}+{n}"
    return said_of(conn, TRIM, 0, conn.size)


@probe("TRIM", "SHOULD", "all EINVAL")
def trim_beyond(server):
    """TRIM beyond the end"""
    return each_beyond(server, TRIM)


@probe("CACHE", "MAY", "ok", "not announced")
def cache(server):
    """CACHE"""
    conn = server.session()
    return small(conn, CACHE) if conn.flags & SEND_CACHE else "not announced"


@probe("CACHE", "SHOULD", "all EINVAL")
def cache_beyond(server):
    """CACHE beyond the end"""
    return each_beyond(server, CACHE)


@probe("ZEROES", "MUST", "all ok")
def zeroes(server):
    """WRITE_ZEROES at odd places, with and without NO_HOLE, and of the whole device: read back"""
    conn = server.session()
    if not conn.flags & SEND_ZEROES:
        return "not announced"
    answers = []
    for flags in (0, NO_HOLE):
        for at, n in ((0, PAGE), (1, PAGE), (100, 50), (4095, PAGE + 2), (PAGE, 8 * PAGE - 1)):
            conn.call(WRITE, AREA, 16 * PAGE, data=b"k" * 16 * PAGE)
            reply = conn.call(ZEROES, AREA + at, n, flags)
            want = b"k" * at + bytes(n) + b"k" * (16 * PAGE - at - n)
            same = content(conn.call(READ, AREA, 16 * PAGE), AREA, 16 * PAGE) == want
            answers.append((f"{at}+{n}", str(reply) if same else "other data"))
    answers.append(("whole", said_of(conn, ZEROES, 0, conn.size)))
    return summary(answers)


@probe("ZEROES", "MUST", "ok", "ENOTSUP")
def zeroes_fast(server):
    """WRITE_ZEROES with FAST_ZERO"""
    return small(server.session(), ZEROES, FAST_ZERO)


@probe("ZEROES", "SHOULD", "all ENOSPC",
       known={"qemu-nbd": ("all EINVAL", "has one error for all of these")})
def zeroes_beyond(server):
    """WRITE_ZEROES beyond the end"""
    return each_beyond(server, ZEROES)


@probe("lengths", "SHOULD", "all refused")
def lengths_of_4g(server):
    """length 0xffffffff where no data follows: an error, nothing waited for"""
    conn = server.session(meta=True)
    answers = []
    for kind in (READ, TRIM, CACHE, ZEROES, BLOCK_STATUS):
        said = said_of(conn, kind, 0, 0xffffffff)
        refused = said in ("EINVAL", "ENOSPC", "EOVERFLOW")
        answers.append((COMMANDS[kind], "refused" if refused else said))
    return summary(answers)


@probe("lengths", "MAY", "all ok", "all EINVAL", "EINVAL but ZEROES ENOSPC")
def nothing_at_all(server):
    """TRIM, CACHE, WRITE_ZEROES of nothing"""
    conn = server.session()
    return summary([(COMMANDS[kind], small(conn, kind, length=0))
                    for kind in (TRIM, CACHE, ZEROES)])


# ---- BLOCK_STATUS

@probe("STATUS", "SHOULD", "EINVAL")
def status_without_context(server):
    """BLOCK_STATUS without a context, also without structured replies"""
    return in_both(server, lambda conn: said_of(conn, BLOCK_STATUS, 0, PAGE))


@probe("STATUS", "SHOULD", "EINVAL")
def status_of_nothing(server):
    """BLOCK_STATUS of nothing"""
    return said_of(server.session(meta=True), BLOCK_STATUS, 0, 0)


@probe("STATUS", "SHOULD", "all EINVAL")
def status_beyond(server):
    """BLOCK_STATUS beyond the end"""
    return each_beyond(server, BLOCK_STATUS, meta=True)


def checkered(server):
    """Data in every other of 64 groups of 4 pages."""
    conn = server.session(meta=True)
    conn.call(TRIM, 0, conn.size)
    conn.call(ZEROES, AREA, 256 * PAGE)
    for group in range(0, 64, 2):
        conn.call(WRITE, AREA + group * 4 * PAGE, 4 * PAGE, data=b"data" * 4 * 1024)
    return conn


@probe("STATUS", "MUST", "ok")
def status_rules(server):
    """BLOCK_STATUS: lengths, sums, ids, odd ranges, REQ_ONE; ZERO only where zeros are read"""
    conn = checkered(server)
    rng = random.Random(5)
    ranges = [(AREA, 256 * PAGE), (0, conn.size), (conn.size - 1, 1), (AREA + 1, 1), (AREA - 1, 2),
              (AREA + 4 * PAGE - 1, 2)]
    ranges += [(AREA + rng.randrange(100 * PAGE), rng.randrange(1, 100 * PAGE)) for _ in range(100)]
    for offset, length in ranges:
        for flags in (0, REQ_ONE):
            at = offset
            for n, state in descriptors(conn, offset, length, flags):
                n = min(n, offset + length - at)
                if state & ~(STATE_HOLE | STATE_ZERO):
                    return f"state {state:#x}"
                if state & STATE_ZERO and n <= MB:
                    if any(content(conn.call(READ, at, n), at, n)):
                        return f"data at {at}+{n} is said to be zero"
                at += n
    return "ok"


@probe("STATUS", "SHOULD", "ok")
def status_coalesced(server):
    """BLOCK_STATUS: neighbours differ"""
    found = descriptors(checkered(server), AREA, 256 * PAGE)
    return "ok" if all(a[1] != b[1] for a, b in zip(found, found[1:])) else "alike neighbours"


@probe("STATUS", "SHOULD", "ok", "no difference")
def status_tells(server):
    """BLOCK_STATUS: the zeros between data are found"""
    found = descriptors(checkered(server), AREA, 256 * PAGE)
    if len(found) == 1:
        return "no difference"
    want = [(4 * PAGE, 0), (4 * PAGE, STATE_ZERO)] * 32
    return "ok" if [(n, s & STATE_ZERO) for n, s in found] == want else "other borders"
