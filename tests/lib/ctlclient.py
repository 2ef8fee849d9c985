# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the control protocol (docs/CONTROL-PROTOCOL), written from that page alone."""

import re
import socket


class Refused(Exception):
    def __init__(self, number, text):
        super().__init__(f"{number} {text}")
        self.number, self.text = number, text


def encode(word):
    if word == "":
        return b"%-"
    return b"".join(b"%%%02X" % c if c <= 0x20 or c in (0x7F, 0x25) else bytes([c])
                    for c in word.encode("utf-8", "surrogateescape"))


def decode(word):
    if word == b"%-":
        return ""
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), word)
    return raw.decode("utf-8", "surrogateescape")


class Control:
    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buf = b""
        self.greeting = self.line().split(b" ")
        if self.greeting[0] == b"error":
            raise Refused(int(self.greeting[1]), b" ".join(self.greeting[2:]).decode())
        if self.greeting[:2] != [b"ramzswap-control", b"1"]:
            raise ValueError(f"not a control socket: {self.greeting}")

    def line(self):
        """The next line without its end; an error when there is none."""
        while b"\n" not in self.buf:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the server has hung up")
            self.buf += more
        line, self.buf = self.buf.split(b"\n", 1)
        return line

    def send(self, *words):
        self.sock.sendall(b" ".join(encode(str(w)) for w in words) + b"\n")

    def reply(self):
        """The data lines of the next reply, as lists of words."""
        data = []
        while True:
            line = self.line()
            if line == b"ok":
                return data
            if line.startswith(b"error "):
                number, _, text = line[6:].partition(b" ")
                raise Refused(int(number), text.decode())
            if not line.startswith(b" "):
                raise ValueError(f"not a line of a reply: {line}")
            data.append([decode(w) for w in line[1:].split(b" ")])

    def ask(self, *words):
        self.send(*words)
        return self.reply()

    def numbers(self, *words):
        """A reply of lines STAT VALUE, as a dict."""
        return {line[0]: int(line[1]) for line in self.ask(*words) if len(line) == 2}

    def latency(self, device):
        return {line[0]: {k: int(v) for k, v in (w.split("=") for w in line[1:])}
                for line in self.ask("latency", device)}

    def buckets(self, device):
        """By kind: what its requests took together, and [(at most so many ns, requests)]."""
        kinds = {}
        for line in self.ask("buckets", device):
            kind = kinds.setdefault(line[0], {"sum_ns": None, "buckets": []})
            for key, value in (w.split("=") for w in line[1:]):
                if key == "sum_ns":
                    kind["sum_ns"] = int(value)
                else:
                    kind["buckets"].append((int(key), int(value)))
        return kinds

    def devices(self):
        return {line[0]: dict(w.split("=", 1) for w in line[1:]) for line in self.ask("list")}

    def close(self):
        self.sock.close()
