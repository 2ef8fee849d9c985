# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes of NBD servers are written with: their list, and the answers in words.

A probe is a function that does one thing to a server and returns in a few words what the server
did.  It comes with what the protocol asks (want, patterns of fnmatch) and, of a server that is
known to do something else, with that and the reason (known): a server that changes shows either
way."""

import fnmatch
import struct

from nbdraw import (BLOCK_STATUS, CHUNK_DATA, CHUNK_HOLE, CHUNK_NONE, CHUNK_STATUS, DONE, OPT_GO,
                    OPT_LIST, OPT_SET_META, READ, REPLY_NAMES, REP_ACK, REP_META, REQ_ONE, Closed,
                    Garbled, Raw, Silent, meta_data)

PROBES = []


class Probe:
    def __init__(self, run, row, level, want, known, needs):
        self.run, self.row, self.level, self.want = run, row, level, want
        self.known, self.needs = known, needs
        self.title = " ".join(run.__doc__.split())

    def judge(self, server, answer):
        """("ok" or "FAIL", note)"""
        for who, (known, why) in self.known.items():
            if not server.is_one(who):
                continue
            if fnmatch.fnmatchcase(answer, known):
                return "ok", why
            if not server.lenient:
                return "FAIL", f"known of it is '{known}': {why}"
        if any(fnmatch.fnmatchcase(answer, want) for want in self.want):
            return "ok", None
        return "FAIL", f"{self.level}: " + " or ".join(f"'{w}'" for w in self.want)


def probe(row, level, *want, known=None, needs=None):
    """row: of the protocol's checklist.  level: MUST, SHOULD or MAY of the protocol's, OURS for
    what this project asks of a server.  known: {"name" or "name version": (answer, reason)}, the
    first that fits a server counts.  needs: an attribute of the server without which there is
    nothing to ask."""
    def add(run):
        PROBES.append(Probe(run, row, level, want, known or {}, needs))
        return run
    return add


class Server:
    """name, version: known answers go by what they begin with.  lenient: of another version than
    known answers were seen with, so those of any version may be its own, and right answers are
    right too where others are known.  other: a second export.  gone: it serves no more."""

    def __init__(self, name, path):
        self.name, self.path, self.lenient, self.gone = name, path, False, False
        self.read_only = self.pid = None
        self.version = ""
        self.other = b"other"
        self.open = []

    def is_one(self, who):
        """who: of a probe's known answers.  Version 1.4 is not 1.42."""
        name, _, version = who.partition(" ")
        fits = not version or self.lenient or f"{self.version}.".startswith(f"{version}.")
        return fits and self.name.startswith(name)

    def connect(self, client_flags=3, path=None):
        """A connection that was greeted, unless client_flags is None."""
        conn = Raw(path or self.path, None)
        self.open.append(conn)
        if client_flags is not None:
            conn.greet(client_flags)
        return conn

    def session(self, structured=True, meta=False, path=None):
        """A connection in transmission.  conn.context is base:allocation's id, if agreed on."""
        conn = self.connect(path=path)
        if structured and names(conn.start_structured()) != "ACK":
            raise Garbled("no structured replies")
        if meta:
            replies = conn.ask(OPT_SET_META, meta_data(b"", [b"base:allocation"]))
            if names(replies) != "META,ACK":
                raise Garbled(f"no base:allocation: {names(replies)}")
            conn.context = int.from_bytes(replies[0][1][:4], "big")
        if conn.go()[-1][0] != REP_ACK or conn.size is None:
            raise Garbled("GO for the default export failed")
        return conn

    def ask(self, run):
        """The answer to a probe, in words; all its connections are gone after it."""
        try:
            answer = run(self)
        except Closed:
            answer = "closed"
        except Silent:
            answer = "silent"
        except Garbled as e:
            answer = f"garbled: {e}"
        finally:
            while self.open:
                self.open.pop().close()
        return answer

    def serves(self):
        """A new client is served."""
        def look(server):
            return after(server.session(structured=False)) or "serves"
        return self.ask(look) == "serves"


# ---- answers in words

def names(replies):
    """Of several alike in a row, one."""
    all_kinds = [kind for kind, _ in replies]
    kinds = [k for i, k in enumerate(all_kinds) if i == 0 or k != all_kinds[i - 1]]
    return ",".join(REPLY_NAMES.get(kind, f"{kind:#x}") for kind in kinds)


def outcome(conn, kind):
    """The answer to an option that was sent, and whether what comes next is understood."""
    replies = conn.option_replies(kind)
    said = names(replies)
    if kind == OPT_GO and replies[-1][0] == REP_ACK:
        return said + after(conn)
    try:
        end = names(conn.ask(OPT_LIST)).rpartition(",")[2]
    except Closed:
        return said + ", closed"
    except Garbled:
        return said + ", out of step"
    return said if end == "ACK" else f"{said}, then {end}"


def after(conn):
    """Nothing when the connection is still in step, else what it is."""
    try:
        reply = conn.call(READ, 0, 512, cookie=0x5afe)
        content(reply, 0, 512)
    except Closed:
        return ", closed"
    except Silent:
        return ", then silent"
    except Garbled:
        return ", out of step"
    return "" if reply.error == 0 else f", then {reply}"


def said_of(conn, *args, **kwargs):
    """The answer to a request, and whether the next one is understood."""
    return str(conn.call(*args, **kwargs)) + after(conn)


def summary(answers):
    """answers: (what, words).  "all X" if everything is X; else what differs from the most."""
    words = [word for _, word in answers]
    most = max(words, key=words.count)
    rest = [f"{what} {word}" for what, word in answers if word != most]
    return f"all {most}" if not rest else f"{most} but " + ", ".join(rest)


# ---- what replies hold, by the rules for them

def content(reply, offset, length):
    """The bytes a READ's reply brings.  Garbled when chunks break a rule."""
    if reply.error:
        return None
    if reply.chunks is None:
        return reply.data
    out, seen = bytearray(length), bytearray(length)
    for i, (flags, kind, payload) in enumerate(reply.chunks):
        if flags & ~DONE or bool(flags) != (i == len(reply.chunks) - 1):
            raise Garbled(f"flags {flags:#x} of chunk {i} of {len(reply.chunks)}")
        if kind == CHUNK_NONE and flags and not payload:
            continue
        if kind == CHUNK_DATA and len(payload) > 8:
            at, size, data = int.from_bytes(payload[:8], "big"), len(payload) - 8, payload[8:]
        elif kind == CHUNK_HOLE and len(payload) == 12:
            at, size = struct.unpack(">QI", payload)
            data = bytes(size) if size <= length else b""
        else:
            raise Garbled(f"chunk of type {kind} with {len(payload)} bytes")
        if size == 0 or at < offset or at + size > offset + length:
            raise Garbled(f"chunk of {at}+{size} for {offset}+{length}")
        if any(seen[at - offset:at - offset + size]):
            raise Garbled(f"chunks overlap at {at}+{size}")
        seen[at - offset:at - offset + size] = b"\1" * size
        out[at - offset:at - offset + size] = data
    if not all(seen):
        raise Garbled("chunks leave something out")
    return bytes(out)


def descriptors(conn, offset, length, flags=0):
    """[(length, state)] of one BLOCK_STATUS.  Garbled when the reply breaks a rule."""
    reply = conn.call(BLOCK_STATUS, offset, length, flags)
    if reply.error:
        raise Garbled(f"BLOCK_STATUS {offset}+{length}: {reply}")
    if reply.chunks is None:
        raise Garbled("BLOCK_STATUS with a simple reply")
    found = [c for c in reply.chunks if c[1] == CHUNK_STATUS]
    if len(found) != 1 or any(c[1] not in (CHUNK_STATUS, CHUNK_NONE) for c in reply.chunks):
        raise Garbled(f"chunks of types {[c[1] for c in reply.chunks]}")
    payload = found[0][2]
    if len(payload) < 12 or len(payload) % 8 != 4:
        raise Garbled(f"BLOCK_STATUS of {len(payload)} bytes")
    if int.from_bytes(payload[:4], "big") != conn.context:
        raise Garbled("another context's id")
    out = [struct.unpack_from(">II", payload, at) for at in range(4, len(payload), 8)]
    if any(n == 0 for n, _ in out):
        raise Garbled("a descriptor of 0 bytes")
    if sum(n for n, _ in out[:-1]) >= length:
        raise Garbled("descriptors beyond the request")
    if flags & REQ_ONE and (len(out) != 1 or out[0][0] > length):
        raise Garbled(f"REQ_ONE: {out}")
    return out


def contexts(replies):
    """{name: id} of META replies."""
    return {payload[4:]: int.from_bytes(payload[:4], "big")
            for kind, payload in replies if kind == REP_META}
