# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes of the handshake, by the rows of its checklist: greeting and client flags (H1, H2),
options as such (H3, H4), each option (H5 to H12), strings (H13), bounds (H14)."""

import struct

from nbdprobes import after, contexts, names, outcome, probe, summary
from nbdraw import (BLOCK_STATUS, HAS_FLAGS, INFO_BLOCK_SIZE, INFO_DESCRIPTION, INFO_EXPORT,
                    INFO_NAME, OPT_ABORT, OPT_EXPORT_NAME, OPT_EXTENDED, OPT_GO, OPT_INFO, OPT_LIST,
                    OPT_LIST_META, OPT_PEEK_EXPORT, OPT_SET_META, OPT_STARTTLS, OPT_STRUCTURED,
                    READ, REP_ACK, REP_SERVER, SEND_DF, SEND_FAST_ZERO, SEND_RESIZE, SEND_ZEROES,
                    Closed, Silent, export_data, meta_data, option, timeout_scale)

BASE = b"base:allocation"
UNKNOWN_OPTION = 0x0badf00d
ANY_NAME = "nbdkit leaves names to its plugins, and this one serves all"


def ask_raw(server, data, kind):
    """The answer to these bytes after the greeting."""
    conn = server.connect()
    conn.send(data)
    return outcome(conn, kind)


def ask_each(server, cases, *kinds, first=()):
    """Each of cases, (what, data), as each of the options.  first: options before it."""
    answers = []
    for kind in kinds:
        for what, data in cases:
            conn = server.connect()
            for before in first:
                conn.ask(before)
            conn.send(option(kind, data))
            try:
                answers.append((f"{kind} {what}", outcome(conn, kind)))
            except Closed:
                answers.append((f"{kind} {what}", "closed"))
    return summary(answers)


# ---- H1, H2: greeting and flags

@probe("H1", "MUST", "flags 3")
def greeting(server):
    """greeting: FIXED_NEWSTYLE, NO_ZEROES, nothing else"""
    conn = server.connect(client_flags=None)
    return f"flags {conn.greet()}"


@probe("H2", "MUST", "all closed")
def unknown_client_flags(server):
    """unknown client flags"""
    answers = []
    for flags in (4 | 3, 1 << 31 | 3, 0xffffffff):
        conn = server.connect(flags)
        try:
            answers.append((f"{flags:#x}", names(conn.ask(OPT_LIST))))
        except Closed:
            answers.append((f"{flags:#x}", "closed"))
    return summary(answers)


def by_export_name(server, client_flags, zeroes):
    conn = server.connect(client_flags)
    conn.export_name(zeroes=zeroes)
    return "served" + after(conn)


@probe("H2", "MAY", "served", "closed")
def no_client_flags(server):
    """client flags 0, EXPORT_NAME: padded with 124 zeroes"""
    return by_export_name(server, 0, 124)


@probe("H2", "MUST", "served")
def export_name_padded(server):
    """without NO_ZEROES, EXPORT_NAME: padded with 124 zeroes"""
    return by_export_name(server, 1, 124)


@probe("H2", "MUST", "served")
def go_not_padded(server):
    """without NO_ZEROES, GO: no padding"""
    conn = server.connect(1)
    conn.go()
    return "served" + after(conn)


# ---- H3, H4: options as such

@probe("H3", "MUST", "closed")
def wrong_option_magic(server):
    """wrong option magic"""
    conn = server.connect()
    conn.send(option(OPT_LIST, magic=b"IHAVEOPU"))
    return names(conn.option_replies(OPT_LIST))


@probe("H4", "MUST", "all UNSUP")
def unknown_options(server):
    """unknown options, with 0 to 4096 bytes to be skipped"""
    answers = []
    for kind in (0, OPT_PEEK_EXPORT, 12, UNKNOWN_OPTION, 0xffffffff):
        for n in (0, 1, 1000, 4096):
            answers.append((f"{kind:#x}+{n}", ask_raw(server, option(kind, b"x" * n), kind)))
    return summary(answers)


@probe("H4", "OURS", "UNSUP", "TOO_BIG", "closed", "UNSUP, closed", "TOO_BIG, closed")
def unknown_option_64k(server):
    """unknown option of 64 KiB"""
    return ask_raw(server, option(UNKNOWN_OPTION, bytes(65536)), UNKNOWN_OPTION)


@probe("H4", "OURS", "all closed", "all TOO_BIG, closed", "closed but * TOO_BIG, closed")
def option_of_4g(server):
    """every option with length 0xffffffff: neither waited for nor taken"""
    answers = []
    for kind in (OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO, OPT_GO,
                 OPT_STRUCTURED, OPT_LIST_META, OPT_SET_META, OPT_EXTENDED, UNKNOWN_OPTION):
        conn = server.connect()
        # Less than the time after which a server may give up waiting for the rest.
        conn.sock.settimeout(3 * timeout_scale())
        conn.send(option(kind, b"x" * 100, length=0xffffffff))
        try:
            said = names(conn.option_replies(kind))
            conn.read_to_end()
            answers.append((str(kind), said + ", closed"))
        except Closed:
            answers.append((str(kind), "closed"))
        except Silent:
            answers.append((str(kind), "waited for"))
    return summary(answers)


# ---- H5, H6, H7: EXPORT_NAME, ABORT, LIST

@probe("H5", "MUST", "closed", known={"nbdkit": ("served", ANY_NAME)})
def export_name_unknown(server):
    """EXPORT_NAME of an unknown name"""
    conn = server.connect()
    conn.export_name(b"no such export")
    return "served" + after(conn)


@probe("H5", "MUST", "all closed",
       known={"nbdkit": ("closed but 4096 served", ANY_NAME)})
def export_name_lengths(server):
    """EXPORT_NAME of 4096, 4097, 65536 bytes"""
    answers = []
    for n in (4096, 4097, 65536):
        conn = server.connect()
        try:
            conn.export_name(b"n" * n)
            answers.append((str(n), "served"))
        except Closed:
            answers.append((str(n), "closed"))
    return summary(answers)


@probe("H5", "MUST", "structured")
def export_name_after_structured(server):
    """STRUCTURED_REPLY, then EXPORT_NAME: structured replies"""
    conn = server.connect()
    conn.start_structured()
    conn.export_name()
    reply = conn.call(READ, 0, 512)
    return "simple" if reply.chunks is None else "structured" + after(conn)


@probe("H6", "MUST", "ACK, closed")
def abort(server):
    """ABORT"""
    conn = server.connect()
    said = names(conn.ask(OPT_ABORT))
    return said + (", closed" if not conn.read_to_end() else ", more")


@probe("H6", "MAY", "ACK, closed", "INVALID", "INVALID, closed", "closed")
def abort_with_data(server):
    """ABORT with data"""
    return ask_raw(server, option(OPT_ABORT, b"because"), OPT_ABORT)


@probe("H6", "SHOULD", "serves")
def abort_and_gone(server):
    """ABORT, gone without waiting, 50 times"""
    for _ in range(50):
        conn = server.connect()
        conn.send(option(OPT_ABORT))
        conn.close()
    return "serves" if server.serves() else "gone"


@probe("H7", "MUST", "ok",
       known={"nbdkit": ("first SERVER,ACK, then INVALID", "lists once in a connection")})
def list_exports(server):
    """LIST: names within their replies, twice the same"""
    conn = server.connect()
    replies = conn.ask(OPT_LIST)
    for kind, payload in replies[:-1]:
        if kind != REP_SERVER or len(payload) < 4:
            return names(replies)
        if int.from_bytes(payload[:4], "big") > min(len(payload) - 4, 4096):
            return "a name longer than its reply"
    if len(replies) < 2 or replies[-1] != (REP_ACK, b""):
        return names(replies)
    again = conn.ask(OPT_LIST)
    return "ok" if again == replies else f"first {names(replies)}, then {names(again)}"


@probe("H7", "MUST", "INVALID")
def list_with_data(server):
    """LIST with data"""
    return ask_raw(server, option(OPT_LIST, b"x"), OPT_LIST)


# ---- H8: INFO and GO

@probe("H8", "MUST", "ok")
def info_equals_go(server):
    """INFO, GO, EXPORT_NAME tell the same; INFO_EXPORT once in each"""
    seen = set()
    for kind in (OPT_INFO, OPT_GO):
        conn = server.connect()
        replies = conn.go(infos=[INFO_NAME, INFO_DESCRIPTION, INFO_BLOCK_SIZE], kind=kind)
        if replies[-1][0] != REP_ACK or len(conn.infos.get(INFO_EXPORT, ())) != 1:
            return names(replies)
        seen.add((conn.size, conn.flags))
    conn = server.connect()
    conn.export_name()
    seen.add((conn.size, conn.flags))
    return "ok" if len(seen) == 1 else f"{seen}"


@probe("H8", "MUST", "served")
def info_then_go(server):
    """INFO changes nothing: INFO, unknown INFO, GO"""
    conn = server.connect()
    conn.go(kind=OPT_INFO)
    conn.go(b"no such export", kind=OPT_INFO)
    conn.go()
    return "served" + after(conn)


@probe("CVE", "MUST", "served")
def info_then_export_name(server):
    """CVE-2019-14851: INFO, then EXPORT_NAME"""
    conn = server.connect()
    conn.go(kind=OPT_INFO)
    conn.export_name()
    return "served" + after(conn)


@probe("H8", "SHOULD", "ok */*/*",
       known={"nbdkit+memory 1.42": ("ok */*/*", "the plugin says since then"),
              "nbdkit+memory": ("none", "the plugin does not say")})
def block_size(server):
    """BLOCK_SIZE: powers of two, in order, large enough"""
    conn = server.connect()
    conn.go(infos=[INFO_BLOCK_SIZE])
    if INFO_BLOCK_SIZE not in conn.infos:
        return "none"
    least, preferred, most = struct.unpack(">III", conn.infos[INFO_BLOCK_SIZE][0])
    good = (least & (least - 1) == 0 and 1 <= least <= 65536 and
            preferred & (preferred - 1) == 0 and preferred >= max(512, least) and
            most >= max(preferred, 1 << 20) and (most == 0xffffffff or most % least == 0))
    return f"{'ok' if good else 'against the rules'} {least}/{preferred}/{most >> 20}M"


@probe("H8", "MAY", "NAME=* DESCRIPTION=*")
def asked_infos(server):
    """GO: NAME and DESCRIPTION when asked for"""
    conn = server.connect()
    conn.go(infos=[INFO_NAME, INFO_DESCRIPTION])
    return " ".join(f"{what}={'yes' if len(conn.infos.get(i, ())) == 1 else 'no'}"
                    for i, what in ((INFO_NAME, "NAME"), (INFO_DESCRIPTION, "DESCRIPTION")))


@probe("H8", "MUST", "all INFO,ACK")
def odd_infos(server):
    """GO: infos unknown, or 100 times the same, are no error"""
    answers = []
    for what, infos in (("unknown", [0x7fff, 0xffff, 77]), ("repeated", [INFO_EXPORT] * 100)):
        conn = server.connect()
        replies = conn.go(infos=infos)
        if len(conn.infos.get(INFO_EXPORT, ())) != 1:
            return f"{what}: {names(replies)}"
        answers.append((what, "INFO,ACK" if replies[-1][0] == REP_ACK else names(replies)))
        answers[-1] = (what, answers[-1][1] + after(conn))
    return summary(answers)


@probe("H8", "MUST", "all UNKNOWN", known={"nbdkit": ("all INFO,ACK", ANY_NAME)})
def go_unknown(server):
    """INFO and GO of an unknown name"""
    data = export_data(b"no such export")
    return summary([(str(kind), ask_raw(server, option(kind, data), kind))
                    for kind in (OPT_INFO, OPT_GO)])


@probe("H8", "MUST", "all INVALID")
def go_malformed(server):
    """INFO and GO with lengths that lie"""
    cases = [
        ("empty", b""),
        ("short", b"\0\0\0"),
        ("no count", b"\0\0\0\0"),
        ("half a count", b"\0\0\0\0\0"),
        ("name beyond", export_data(b"abc", name_length=4)),
        ("name 4G", export_data(b"abc", name_length=0xffffffff)),
        ("name 4G-6", export_data(b"abc", name_length=0xfffffffa)),
        ("infos beyond", export_data(b"", [1], count=2)),
        ("infos 65535", export_data(b"", [1], count=65535)),
        ("infos fewer", export_data(b"", [1, 2], count=1)),
        ("half an info", export_data(b"", [1]) + b"\0"),
    ]
    return ask_each(server, cases, OPT_INFO, OPT_GO)


@probe("CVE", "OURS", "*up to 5 replies*", "TOO_BIG", "INVALID", "closed",
       known={"nbdkit+rzs": ("INFO,ACK, 65537 replies", "nbdkit answers each, if the plugin says"),
              "nbdkit+memory 1.42": ("INFO,ACK, 65537 replies", "this plugin says since then")})
def go_65535_infos(server):
    """CVE-2019-14850: INFO with 65535 infos: not 65535 answers"""
    conn = server.connect()
    replies = conn.ask(OPT_INFO, export_data(b"", [INFO_BLOCK_SIZE] * 65535))
    return f"{names(replies)}, {'up to 5' if len(replies) <= 5 else len(replies)} replies"


@probe("H8", "MUST", "ok *")
def transmission_flags(server):
    """transmission flags: HAS_FLAGS; DF if structured; FAST_ZERO not alone; none unknown"""
    plain, structured = server.session(structured=False).flags, server.session().flags
    for flags in (plain, structured):
        if not flags & HAS_FLAGS or flags & SEND_RESIZE or flags >> 12:
            return f"{flags:#x}"
        if flags & SEND_FAST_ZERO and not flags & SEND_ZEROES:
            return "FAST_ZERO without WRITE_ZEROES"
    if plain & SEND_DF:
        return "DF without structured replies"
    return f"ok {structured:#x}"


# ---- H9, H10: structured replies, contexts

@probe("H9", "MUST", "INVALID")
def structured_with_data(server):
    """STRUCTURED_REPLY with data"""
    return ask_raw(server, option(OPT_STRUCTURED, b"1"), OPT_STRUCTURED)


@probe("H9", "MAY", "ACK", "INVALID")
def structured_twice(server):
    """STRUCTURED_REPLY twice"""
    conn = server.connect()
    conn.start_structured()
    conn.send(option(OPT_STRUCTURED))
    return outcome(conn, OPT_STRUCTURED)


@probe("H10", "SHOULD", "INVALID")
def set_meta_without_structured(server):
    """SET_META without structured replies"""
    return ask_raw(server, option(OPT_SET_META, meta_data(b"", [BASE])), OPT_SET_META)


def meta(server, kind, queries, name=b""):
    """The contexts that the answer names, or its error."""
    conn = server.connect()
    conn.start_structured()
    replies = conn.ask(kind, meta_data(name, queries))
    if replies[-1][0] != REP_ACK:
        return names(replies)
    found = contexts(replies)
    return "base:allocation" if list(found) == [BASE] else f"{sorted(found)}"


@probe("H10", "MUST", "base:allocation")
def list_meta_all(server):
    """LIST_META without queries: all contexts"""
    return meta(server, OPT_LIST_META, [])


@probe("H10", "MUST", "base:allocation")
def list_meta_base(server):
    """LIST_META "base:\""""
    return meta(server, OPT_LIST_META, [b"base:"])


@probe("H10", "MUST", "base:allocation")
def list_meta_exact(server):
    """LIST_META "base:allocation\""""
    return meta(server, OPT_LIST_META, [BASE])


@probe("H10", "MUST", "all []")
def meta_none(server):
    """LIST_META, SET_META of contexts that there are not"""
    return summary([(f"{kind} {query}", meta(server, kind, [query]))
                    for kind in (OPT_LIST_META, OPT_SET_META)
                    for query in (b"x-none:a", b"base:none", b"base:allocation2", b"base:alloc")])


@probe("H10", "SHOULD", "all []", "all INVALID")
def meta_no_namespace(server):
    """SET_META of queries without a namespace"""
    return summary([(f"{query}", meta(server, OPT_SET_META, [query]))
                    for query in (b"base", b"", b"x")])


@probe("H10", "MUST", "base:allocation")
def set_meta(server):
    """SET_META "base:allocation\""""
    return meta(server, OPT_SET_META, [BASE])


@probe("H10", "MUST", "[]")
def set_meta_wildcard(server):
    """SET_META "base:" selects nothing"""
    return meta(server, OPT_SET_META, [b"base:"])


@probe("H10", "MUST", "base:allocation")
def set_meta_repeated(server):
    """SET_META of the same, unknown ones between"""
    return meta(server, OPT_SET_META, [b"x-a:b", BASE, BASE, b"qemu:none", BASE])


@probe("H10", "MUST", "UNKNOWN", known={"nbdkit": ("base:allocation", ANY_NAME)})
def set_meta_unknown_name(server):
    """SET_META of an unknown export"""
    return meta(server, OPT_SET_META, [BASE], b"no such export")


def status_after(server, *steps):
    """What BLOCK_STATUS is answered after these options and GO."""
    conn = server.connect()
    conn.start_structured()
    for kind, data in steps:
        conn.ask(kind, data)
    conn.go()
    return str(conn.call(BLOCK_STATUS, 0, 4096)) + after(conn)


@probe("H10", "MUST", "ok")
def set_meta_then_others(server):
    """INFO, LIST, LIST_META leave the selection as it is"""
    return status_after(server, (OPT_SET_META, meta_data(b"", [BASE])), (OPT_INFO, export_data()),
                        (OPT_LIST, b""), (OPT_LIST_META, meta_data(b"", [b"x-a:b"])))


@probe("H10", "SHOULD", "EINVAL")
def set_meta_replaced(server):
    """SET_META replaces what was selected: then nothing"""
    return status_after(server, (OPT_SET_META, meta_data(b"", [BASE])), (OPT_SET_META, meta_data()))


@probe("H10", "MUST", "EINVAL", known={"nbdkit": ("ok", "keeps what was selected before")})
def set_meta_failed(server):
    """SET_META that fails clears the selection"""
    return status_after(server, (OPT_SET_META, meta_data(b"", [BASE])),
                        (OPT_SET_META, meta_data(b"", [BASE], count=2)))


@probe("H10", "SHOULD", "EINVAL")
def set_meta_other_name(server):
    """SET_META for one name, GO for another"""
    return status_after(server, (OPT_SET_META, meta_data(server.other, [BASE])))


@probe("H10", "MUST", "all INVALID",
       known={"nbdkit": ("INVALID but * META,INVALID", "answers queries as it gets to them")})
def meta_malformed(server):
    """LIST_META and SET_META with lengths that lie"""
    good = meta_data(b"", [BASE])
    cases = [
        ("empty", b""), ("name only", b"\0\0\0\0"), ("half a count", b"\0\0\0\0\0\0"),
        ("name beyond", b"\0\0\0\7abc\0\0\0\0"), ("name 4G", b"\xff\xff\xff\xff" + good[4:]),
        ("queries beyond", meta_data(b"", [BASE], count=2)),
        ("queries 4G", meta_data(b"", [BASE], count=0xffffffff)),
        ("query beyond", good[:8] + b"\0\0\0\x10" + BASE),
        ("query 4G", good[:8] + b"\xff\xff\xff\xff" + BASE),
    ]
    return ask_each(server, cases, OPT_LIST_META, OPT_SET_META, first=[OPT_STRUCTURED])


@probe("H10", "SHOULD", "all INVALID",
       known={"nbdkit": ("all META,ACK", "does not look at what is left over"),
              "qemu-nbd": ("all META,ACK, closed", "takes what is left over for the next option")})
def meta_left_over(server):
    """LIST_META and SET_META with more behind the queries"""
    cases = [("queries fewer", meta_data(b"", [BASE, BASE], count=1)),
             ("half a length", meta_data(b"", [BASE]) + b"\0\0")]
    return ask_each(server, cases, OPT_LIST_META, OPT_SET_META, first=[OPT_STRUCTURED])


@probe("H10", "OURS", "base:allocation", "TOO_BIG", "INVALID", "closed")
def set_meta_many(server):
    """SET_META of 2000 queries"""
    return meta(server, OPT_SET_META, [BASE] * 2000)


# ---- H11, H12: what we do not do

@probe("H11", "MUST", "UNSUP", "POLICY")
def starttls(server):
    """STARTTLS without TLS"""
    return ask_raw(server, option(OPT_STARTTLS), OPT_STARTTLS)


@probe("H11", "MUST", "UNSUP", "POLICY", "INVALID")
def starttls_with_data(server):
    """STARTTLS with data"""
    return ask_raw(server, option(OPT_STARTTLS, b"x" * 10), OPT_STARTTLS)


@probe("CVE", "MUST", "UNSUP, GO served", "POLICY, GO served", "closed")
def starttls_injection(server):
    """CVE-2021-3716: STARTTLS and options behind it in one segment: answered once, in order"""
    conn = server.connect()
    conn.send(option(OPT_STARTTLS) + option(OPT_LIST) + option(OPT_GO, export_data()))
    said = names(conn.option_replies(OPT_STARTTLS))
    conn.option_replies(OPT_LIST)
    conn.option_replies(OPT_GO)
    return f"{said}, GO served" + after(conn)


@probe("H12", "MAY", "UNSUP", "ACK", "INVALID")
def extended_headers(server):
    """EXTENDED_HEADERS"""
    return ask_raw(server, option(OPT_EXTENDED), OPT_EXTENDED)


# ---- H13: strings

@probe("H13", "MUST", "UNKNOWN", known={"nbdkit": ("INFO,ACK", ANY_NAME)})
def name_4096(server):
    """INFO: a name of 4096 bytes, the most there may be"""
    return ask_raw(server, option(OPT_INFO, export_data(b"n" * 4096)), OPT_INFO)


@probe("H13", "SHOULD", "INVALID", "TOO_BIG", "UNKNOWN")
def name_4097(server):
    """INFO: a name of 4097 bytes"""
    return ask_raw(server, option(OPT_INFO, export_data(b"n" * 4097)), OPT_INFO)


@probe("H13", "SHOULD", "INVALID", "TOO_BIG", "[[]]")
def query_4097(server):
    """SET_META: a query of 4097 bytes"""
    return meta(server, OPT_SET_META, [b"x-a:" + b"q" * 4093])


@probe("H13", "SHOULD", "all UNKNOWN", "all INVALID", "* but *INVALID*",
       known={"nbdkit": ("INFO,ACK but * INVALID", ANY_NAME)})
def name_not_text(server):
    """INFO: names that are no text (NUL, broken UTF-8, controls)"""
    odd = (b"a\0b", b"\0", b"\xff\xfe", b"\xc0\xaf", b"\n\x1b[2J", b"../x")
    return ask_each(server, [(repr(name), export_data(name)) for name in odd], OPT_INFO)


# ---- H14: bounds

@probe("H14", "OURS", "closed", known={"qemu-nbd": ("2000 answered", "has no bound")})
def many_options(server):
    """2000 options"""
    conn = server.connect()
    for _ in range(2000):
        conn.ask(OPT_LIST)
    return "2000 answered"
