# SPDX-License-Identifier: GPL-2.0-or-later
"""NBD by hand, for what a well-behaved library does not do: sending thousands of requests in one go,
counting replies without looking at each, and vanishing in the middle.  Fixed newstyle, simple replies."""

import socket
import struct

READ, WRITE, DISC, FLUSH, TRIM, CACHE, ZEROES = 0, 1, 2, 3, 4, 5, 6
REQUEST = struct.Struct(">IHHQQI")
REPLY = struct.Struct(">IIQ")
REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698


class Raw:
    """A connection past its handshake; .size is the export's."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        greeting = self.read(18)
        assert greeting[:16] == b"NBDMAGICIHAVEOPT", greeting
        self.sock.sendall(struct.pack(">I", 3))  # fixed newstyle, no zeroes
        self.sock.sendall(b"IHAVEOPT" + struct.pack(">II", 1, 0))  # export ""
        self.size, self.flags = struct.unpack(">QH", self.read(10))

    def read(self, n):
        out = bytearray(n)
        self.read_into(memoryview(out))
        return bytes(out)

    def read_into(self, view):
        while view:
            got = self.sock.recv_into(view)
            if got == 0:
                raise EOFError("server closed the connection")
            view = view[got:]

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()


def request(kind, cookie, offset, length, flags=0):
    return REQUEST.pack(REQUEST_MAGIC, flags, kind, cookie, offset, length)


def check_replies(buf, count, payload):
    """count simple replies of payload bytes each in buf: right magic, no error."""
    size = REPLY.size + payload
    for at in range(0, count * size, size):
        magic, error, cookie = REPLY.unpack_from(buf, at)
        if magic != REPLY_MAGIC or error:
            raise AssertionError(f"reply {cookie}: magic {magic:#x} error {error}")
