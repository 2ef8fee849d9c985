# SPDX-License-Identifier: GPL-2.0-or-later
"""failing_calls.py WHAT FILE CONTROL PID [SOCKET [THREAD]]: whatever call of a kind fails, the server goes on.

WHAT: epoll or memory.  A conversation with the control socket, and with SOCKET several by NBD, are gone through
again and again, with the first call of the kind failing, then the second, until none is left to fail; then with all
of them failing.  Each may be cut short.  What was stored before is there all the time, to a client that was there
before; and who comes afterwards is served.  The calls are made to fail by tests/lib/fail_nth.c, through FILE."""

import array
import contextlib
import fcntl
import mmap
import os
import socket
import struct
import sys
import termios

import ctlclient
import nbdraw

what, path, control, pid = sys.argv[1:5]
nbd = sys.argv[5] if len(sys.argv) > 5 else ""
thread = sys.argv[6] if len(sys.argv) > 6 else ""
KIND = {"epoll": 0, "memory": 1}[what]
GONE = (nbdraw.Closed, ctlclient.Refused, ConnectionError, EOFError)
LISTS = 60  # of ten devices: more answers than the socket keeps for a client


class Failing:
    """The page of fail_nth.c."""

    def __init__(self, file):
        with open(file, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 64)
        self.page[:16] = thread.encode().ljust(16, b"\0")

    def put(self, field, value):
        struct.pack_into("<q", self.page, 16 + 16 * field + 8 * KIND, value)

    def arm(self, let_through, fail):
        self.put(2, 0)
        self.put(0, let_through)
        self.put(1, fail)

    def disarm(self):
        """How many have failed."""
        self.put(1, 0)
        return struct.unpack_from("<q", self.page, 16 + 32 + 8 * KIND)[0]


def end(sock):
    """Hang up, and wait for the server to do so: no call of this client's is to come then."""
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass
    sock.close()


def talk_to_control():
    c = ctlclient.Control(control)
    with contextlib.suppress(ctlclient.Refused):
        c.ask("stats", "swap0" if nbd else "rzs")
    for words in ("create x", "set x size 1M", "init x", "list", "reset x", "remove x"):
        with contextlib.suppress(ctlclient.Refused):
            c.ask(*words.split())
    # Many answers, to who does not read them yet: the server has to wait for it.
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    c.sock.sendall(b"describe\n" * 100)
    for _ in range(100):
        c.reply()
    end(c.sock)


def wait_until_deaf(h):
    """Until the server sleeps although it has not read all that was sent: it waits for h to read."""
    unread = array.array("i", [1])
    while unread[0]:
        fcntl.ioctl(h.sock, termios.TIOCOUTQ, unread)
        with open(f"/proc/{pid}/task/{pid}/stat", encoding="ascii") as f:
            if f.read().rpartition(")")[2].split()[0] == "S":
                return
        os.sched_yield()


def haggle_long():
    """A handshake with more answers than its client reads at once, and with bytes one by one."""
    h = nbdraw.Raw(nbd, export=None)
    h.greet()
    h.send_bytewise(nbdraw.option(nbdraw.OPT_LIST))
    h.option_replies(nbdraw.OPT_LIST)
    h.send(nbdraw.option(nbdraw.OPT_LIST) * LISTS)
    wait_until_deaf(h)
    for _ in range(LISTS):
        h.option_replies(nbdraw.OPT_LIST)
    h.ask(nbdraw.OPT_ABORT)
    h.read_to_end()
    h.close()


def use():
    h = nbdraw.Raw(nbd, export=None)
    h.greet()
    h.go()
    if h.call(nbdraw.WRITE, 8192, 4096, data=b"new." * 1024).error:
        sys.exit("FAIL: a write is refused")
    h.send(nbdraw.request(nbdraw.DISC, 1, 0, 0))
    h.read_to_end()
    h.close()


def descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


def still_serves(holder):
    os.kill(int(pid), 0)
    if nbd:
        if holder.call(nbdraw.READ, 4096, 4096).data != b"kept" * 1024:
            sys.exit("FAIL: what was stored is gone")
        use()
    c = ctlclient.Control(control)
    with contextlib.suppress(ctlclient.Refused):
        c.ask("remove", "x")  # as far as that had come
    c.ask("list")
    end(c.sock)


def main():
    failing = Failing(path)
    holder = None
    if nbd:
        holder = nbdraw.Raw(nbd, export=None)
        holder.greet()
        holder.go()
        holder.call(nbdraw.WRITE, 4096, 4096, data=b"kept" * 1024)
    still_serves(holder)
    usual = descriptors()
    scenes = [talk_to_control] + ([haggle_long, use] if nbd else [])
    for scene in scenes:
        n = 0
        while True:
            failing.arm(n, 1)
            with contextlib.suppress(*GONE):
                scene()
            failed = failing.disarm()
            still_serves(holder)
            if not failed:
                break
            n += 1
        if n == 0:
            sys.exit(f"FAIL: {scene.__name__} makes no call of {what}, so this shows nothing")
        failing.arm(0, 1 << 40)
        for _ in range(3):
            with contextlib.suppress(*GONE, TimeoutError):
                scene()
        failing.disarm()
        still_serves(holder)
        if descriptors() > usual:
            sys.exit(f"FAIL: {descriptors()} descriptors, there were {usual}")
        print(f"{scene.__name__}: {n} calls of {what} have failed in their turn")


main()
