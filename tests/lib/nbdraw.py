# SPDX-License-Identifier: GPL-2.0-or-later
"""NBD by hand, for what a well-behaved library does not do: breaking the rules, sending thousands
of requests in one go, looking at each chunk of a reply, vanishing in the middle.

The handshake is fixed newstyle.  Nothing here judges a server; what cannot be gone on from is
raised: Closed, Silent, Garbled."""

import array
import contextlib
import fcntl
import os
import socket
import struct
import termios
import threading
import time

# Options, and replies to them.
(OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_PEEK_EXPORT, OPT_STARTTLS, OPT_INFO, OPT_GO,
 OPT_STRUCTURED, OPT_LIST_META, OPT_SET_META, OPT_EXTENDED) = range(1, 12)
REP_ACK, REP_SERVER, REP_INFO, REP_META = range(1, 5)
REP_ERROR = 1 << 31
REPLY_NAMES = {
    1: "ACK", 2: "SERVER", 3: "INFO", 4: "META",
    REP_ERROR + 1: "UNSUP", REP_ERROR + 2: "POLICY", REP_ERROR + 3: "INVALID",
    REP_ERROR + 4: "PLATFORM", REP_ERROR + 5: "TLS_REQD", REP_ERROR + 6: "UNKNOWN",
    REP_ERROR + 7: "SHUTDOWN", REP_ERROR + 8: "BLOCK_SIZE_REQD", REP_ERROR + 9: "TOO_BIG",
    REP_ERROR + 10: "EXT_HEADER_REQD",
}
INFO_EXPORT, INFO_NAME, INFO_DESCRIPTION, INFO_BLOCK_SIZE = range(4)

# Transmission flags.
(HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_FUA, ROTATIONAL, SEND_TRIM, SEND_ZEROES, SEND_DF,
 MULTI_CONN, SEND_RESIZE, SEND_CACHE, SEND_FAST_ZERO) = (1 << bit for bit in range(12))

# Commands and their flags.
READ, WRITE, DISC, FLUSH, TRIM, CACHE, ZEROES, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO = (1 << bit for bit in range(5))
ERROR_NAMES = {0: "ok", 1: "EPERM", 5: "EIO", 12: "ENOMEM", 22: "EINVAL", 28: "ENOSPC",
               75: "EOVERFLOW", 95: "ENOTSUP", 108: "ESHUTDOWN"}

# Chunks of a structured reply.
CHUNK_NONE, CHUNK_DATA, CHUNK_HOLE, CHUNK_STATUS = 0, 1, 2, 5
CHUNK_ERROR, CHUNK_ERROR_OFFSET = 0x8001, 0x8002
DONE = 1
STATE_HOLE, STATE_ZERO = 1, 2

REQUEST = struct.Struct(">IHHQQI")
REPLY = struct.Struct(">IIQ")
CHUNK = struct.Struct(">IHHQI")
OPTION_REPLY = struct.Struct(">QIII")
REQUEST_MAGIC, REPLY_MAGIC, CHUNK_MAGIC = 0x25609513, 0x67446698, 0x668e33ef
OPTION_REPLY_MAGIC = 0x3e889045565a9
LARGEST_CHUNK = 80 << 20  # larger than any server is asked for


def timeout_scale():
    return max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))


class Closed(Exception):
    """The server has hung up."""


class Silent(Exception):
    """The server owes an answer and gives none."""


class Garbled(Exception):
    """What the server sent is not NBD."""


class Raw:
    """A connection.  With export given, past its handshake by EXPORT_NAME, simple replies; else one
    at which nothing was read or said yet.  .size and .flags are the export's, once agreed on."""

    def __init__(self, path, export=b"", seconds=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(seconds * timeout_scale())
        self.size = self.flags = None
        self.infos = {}
        self.structured = False
        self.waiting = {}  # cookie -> length, of READs
        self.chunks = {}  # cookie -> those of a reply that has not ended
        try:
            self.sock.connect(path)
        except (ConnectionError, FileNotFoundError) as e:
            raise Closed from e
        if export is not None:
            self.greet()
            self.export_name(export)

    # ---- bytes

    def read(self, n):
        out = bytearray(n)
        self.read_into(memoryview(out))
        return bytes(out)

    def read_into(self, view):
        while view:
            try:
                got = self.sock.recv_into(view)
            except TimeoutError as e:
                raise Silent from e
            except ConnectionError as e:
                raise Closed from e
            if got == 0:
                raise Closed
            view = view[got:]

    def send(self, data):
        try:
            self.sock.sendall(data)
        except TimeoutError as e:
            raise Silent from e
        except ConnectionError as e:
            raise Closed from e

    def send_bytewise(self, data):
        """Each byte by itself: the next one is sent when the server has taken the last."""
        for i in range(len(data)):
            self.send(data[i:i + 1])
            self.wait_until_taken()

    def wait_until_taken(self):
        """Until the server has read all that was sent, or has hung up."""
        unread = array.array("i", [1])
        deadline = time.monotonic() + self.sock.gettimeout()
        while unread[0]:
            if time.monotonic() > deadline:
                raise Silent
            try:
                fcntl.ioctl(self.sock, termios.TIOCOUTQ, unread)
            except OSError as e:
                raise Closed from e
            os.sched_yield()

    def read_to_end(self):
        """All that comes until the server hangs up."""
        out = b""
        while True:
            try:
                got = self.sock.recv(1 << 20)
            except TimeoutError as e:
                raise Silent from e
            except ConnectionError:
                return out
            if not got:
                return out
            out += got

    def close(self):
        self.sock.close()

    # ---- handshake

    def greet(self, client_flags=3):
        """Sets and returns the server's handshake flags."""
        magic, options, flags = struct.unpack(">8s8sH", self.read(18))
        if (magic, options) != (b"NBDMAGIC", b"IHAVEOPT"):
            raise Garbled(f"greeting {magic} {options}")
        self.send(struct.pack(">I", client_flags))
        return flags

    def export_name(self, name=b"", zeroes=0):
        self.send(option(OPT_EXPORT_NAME, name))
        self.size, self.flags = struct.unpack(">QH", self.read(10))
        if any(self.read(zeroes)):
            raise Garbled("padding that is not zero")

    def option_replies(self, kind):
        """[(type, payload)] to the option, up to the one that ends it."""
        out = []
        while True:
            magic, echo, reply, length = OPTION_REPLY.unpack(self.read(20))
            if magic != OPTION_REPLY_MAGIC or echo != kind or length > 1 << 20:
                raise Garbled(f"option reply {magic:#x} to {echo}, {length} bytes")
            out.append((reply, self.read(length)))
            if reply == REP_ACK or reply & REP_ERROR:
                return out

    def ask(self, kind, data=b""):
        self.send(option(kind, data))
        return self.option_replies(kind)

    def go(self, name=b"", infos=(), kind=OPT_GO):
        """INFO or GO; sets what the answer tells."""
        replies = self.ask(kind, export_data(name, infos))
        for reply, payload in replies:
            if reply != REP_INFO:
                continue
            if len(payload) < 2:
                raise Garbled("INFO without a type")
            what = int.from_bytes(payload[:2], "big")
            self.infos.setdefault(what, []).append(payload[2:])
            if what == INFO_EXPORT:
                self.size, self.flags = struct.unpack(">QH", payload[2:])
        return replies

    def start_structured(self):
        replies = self.ask(OPT_STRUCTURED)
        self.structured = replies[-1][0] == REP_ACK
        return replies

    # ---- transmission

    def request(self, kind, cookie, offset=0, length=0, flags=0, data=b"", magic=REQUEST_MAGIC):
        if kind == READ:
            self.waiting[cookie] = length
        self.send(request(kind, cookie, offset, length, flags, magic) + data)

    def reply(self):
        """The next one that is whole; chunks of others may come between its own."""
        while True:
            magic = int.from_bytes(self.read(4), "big")
            if magic == REPLY_MAGIC:
                error, cookie = struct.unpack(">IQ", self.read(12))
                length = self.waiting.pop(cookie, 0)
                return Reply(cookie, error, b"" if error else self.read(length))
            if magic != CHUNK_MAGIC:
                raise Garbled(f"reply magic {magic:#x}")
            flags, kind, cookie, length = struct.unpack(">HHQI", self.read(16))
            if length > LARGEST_CHUNK:
                raise Garbled(f"chunk of {length} bytes")
            self.chunks.setdefault(cookie, []).append((flags, kind, self.read(length)))
            if flags & DONE:
                self.waiting.pop(cookie, None)
                chunks = self.chunks.pop(cookie)
                return Reply(cookie, error_of(chunks), b"", chunks)

    def burst(self, requests):
        """As many replies as there are requests (bytes).  They are sent while replies are read: a
        server may stop to read while nobody takes what it has to say."""
        sender = threading.Thread(target=self.send_quietly, args=(b"".join(requests),))
        sender.start()
        try:
            return [self.reply() for _ in requests]
        except BaseException:
            self.sock.shutdown(socket.SHUT_RDWR)
            raise
        finally:
            sender.join()

    def send_quietly(self, data):
        """What cannot be sent shows as a missing reply."""
        with contextlib.suppress(Closed, Silent):
            self.send(data)

    def call(self, kind, offset=0, length=0, flags=0, data=b"", cookie=0x1122334455667788):
        """Request and reply.  The answer must be this request's."""
        self.request(kind, cookie, offset, length, flags, data)
        reply = self.reply()
        if reply.cookie != cookie:
            raise Garbled(f"cookie {reply.cookie:#x} for {cookie:#x}")
        return reply


class Reply:
    """chunks is None of a simple one; .error the number on the wire, 0 for success."""

    def __init__(self, cookie, error, data=b"", chunks=None):
        self.cookie, self.error, self.data, self.chunks = cookie, error, data, chunks

    def __str__(self):
        return ERROR_NAMES.get(self.error, f"error {self.error}")


def error_of(chunks):
    """The first error among them, or 0."""
    for _, kind, payload in chunks:
        if kind & 0x8000:
            least = 14 if kind == CHUNK_ERROR_OFFSET else 6
            if len(payload) < least:
                raise Garbled(f"error chunk of {len(payload)} bytes")
            error, text = struct.unpack(">IH", payload[:6])
            if error == 0 or text > len(payload) - least:
                raise Garbled(f"error chunk: error {error}, {text} bytes of text")
            return error
    return 0


def option(kind, data=b"", length=None, magic=b"IHAVEOPT"):
    """length: what is claimed, if not the truth."""
    return magic + struct.pack(">II", kind, len(data) if length is None else length) + data


def export_data(name=b"", infos=(), name_length=None, count=None):
    """What INFO and GO carry."""
    return (struct.pack(">I", len(name) if name_length is None else name_length) + name +
            struct.pack(">H", len(infos) if count is None else count) +
            b"".join(struct.pack(">H", i) for i in infos))


def meta_data(name=b"", queries=(), count=None):
    """What LIST_META and SET_META carry."""
    return (struct.pack(">I", len(name)) + name +
            struct.pack(">I", len(queries) if count is None else count) +
            b"".join(struct.pack(">I", len(q)) + q for q in queries))


def request(kind, cookie, offset, length, flags=0, magic=REQUEST_MAGIC):
    return REQUEST.pack(magic, flags, kind, cookie, offset, length)


def check_replies(buf, count, payload):
    """count simple replies of payload bytes each in buf: right magic, no error."""
    size = REPLY.size + payload
    for at in range(0, count * size, size):
        magic, error, cookie = REPLY.unpack_from(buf, at)
        if magic != REPLY_MAGIC or error:
            raise AssertionError(f"reply {cookie}: magic {magic:#x} error {error}")
