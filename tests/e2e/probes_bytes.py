# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes of how bytes come (H14): a whole session in pieces of one byte, in one piece, and cut off
after each byte."""

import socket
import struct

from nbdprobes import content, names, probe
from nbdraw import (BLOCK_STATUS, DISC, OPT_GO, OPT_SET_META, OPT_STRUCTURED, READ, WRITE,
                    export_data, meta_data, option, request)

EARLY_DISC = {"qemu-nbd": ("*closed", "may leave out replies once it has seen DISC")}


def whole_session():
    """A client's bytes from first to last: all phases."""
    return (struct.pack(">I", 3) + option(OPT_STRUCTURED) +
            option(OPT_SET_META, meta_data(b"", [b"base:allocation"])) +
            option(OPT_GO, export_data(infos=[1, 2, 3])) +
            request(WRITE, 1, 1 << 20, 64) + b"0123456789abcdef" * 4 +
            request(READ, 2, 2 << 20, 64) + request(BLOCK_STATUS, 3, 0, 4096) +
            request(DISC, 4, 0, 0))


def take_session(conn):
    """All that must come back."""
    conn.read(18)
    if names(conn.option_replies(OPT_STRUCTURED)) != "ACK":
        return "no structured replies"
    if names(conn.option_replies(OPT_SET_META)) != "META,ACK":
        return "no context"
    conn.option_replies(OPT_GO)
    replies = {}
    for _ in range(3):
        reply = conn.reply()
        replies[reply.cookie] = reply
    if sorted(replies) != [1, 2, 3] or any(r.error for r in replies.values()):
        return f"replies {sorted(replies)}"
    content(replies[2], 2 << 20, 64)
    return "served, closed" if not conn.read_to_end() else "more after DISC"


@probe("H14", "MUST", "served, closed", known=EARLY_DISC)
def dribble(server):
    """a whole session, byte by byte"""
    conn = server.connect(client_flags=None)
    conn.send_bytewise(whole_session())
    return take_session(conn)


@probe("H14", "MAY", "served, closed", known=EARLY_DISC)
def one_go(server):
    """a whole session in one go, nothing waited for"""
    conn = server.connect(client_flags=None)
    conn.send(whole_session())
    return take_session(conn)


@probe("H14", "MUST", "serves")
def eof_everywhere(server):
    """the end after every byte of a session, gone or half-closed"""
    data = whole_session()
    for n in range(len(data)):
        for half in (False, True):
            conn = server.connect(client_flags=None)
            conn.send(data[:n])
            if half:
                conn.sock.shutdown(socket.SHUT_WR)
                conn.read_to_end()
            conn.close()
            server.open.pop()
        if n % 50 == 0 and not server.serves():
            return f"gone after {n} bytes"
    return "serves" if server.serves() else "gone"
