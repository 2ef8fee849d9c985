# SPDX-License-Identifier: GPL-2.0-or-later
"""drain.py URI PID SIGNAL LOG: send the signal with two clients attached; go on until the log tells of
it; leave.  A third has said that it leaves (NBD_CMD_DISC) and waits for the server to close, as it
may: it holds nobody up."""

import os
import signal
import sys
import time

import nbd

from nbdraw import DISC, READ, Closed, Raw, Silent

PAGE = 4096
uri, pid, name, log = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))


def connect():
    h = nbd.NBD()
    h.connect_uri(uri)
    return h


def told():
    with open(log) as f:
        return "rzs: asked to stop: serving" in f.read()


def go_on(h, rounds, what):
    """Reads, writes and the rest work, in order and with many in flight."""
    for i in range(rounds):
        page = i % 256
        data = b"%8d" % (i + rounds) * (PAGE // 8)
        try:
            h.pwrite(data, page * PAGE)
            if h.pread(PAGE, page * PAGE) != data:
                sys.exit(f"FAIL: wrong data {what}")
            if i % 16 == 0:
                h.flush()
                h.trim(PAGE, (300 + page) * PAGE)
                h.zero(PAGE, (600 + page) * PAGE)
        except nbd.Error as e:
            sys.exit(f"FAIL: {e.errno} {what}")


def is_gone(path):
    """Nobody listens there any more."""
    try:
        Raw(path, None).close()
    except Closed:
        return True
    return False


def is_refused():
    """The signal is handled when a new client is turned away."""
    try:
        connect().shutdown()
    except nbd.Error:
        return True
    return False


def until(done, between, what):
    """Some 20 s, counted by looks: on a busy machine the server has its turns as rarely as this does."""
    for _ in range(2000 * SCALE):
        if done():
            return
        between()
    sys.exit(f"FAIL: {what}")


first, second = connect(), connect()
polite = Raw(uri.partition("socket=")[2])
first.pwrite(b"kept" * 1024, 1000 * PAGE)
os.kill(pid, getattr(signal, "SIG" + name))

until(is_refused, lambda: time.sleep(0.01), "new clients are still let in")
go_on(first, 500 // SCALE, "after the signal")
os.kill(pid, getattr(signal, "SIG" + name))
go_on(second, 500 // SCALE, "after the second signal")
until(
    told,
    lambda: go_on(second, 50, "while waiting for the log to tell of it"),
    "the log does not tell that the server waits for its clients",
)
first.shutdown()
go_on(second, 500 // SCALE, "after the other client has left")
if second.pread(PAGE, 1000 * PAGE) != b"kept" * 1024:
    sys.exit("FAIL: data from before the signal is gone")
polite.call(READ, 0, PAGE)
polite.request(DISC, 1)
os.kill(pid, 0)
second.shutdown()
try:
    polite.read_to_end()
except Silent:
    sys.exit("FAIL: the server does not hang up on a client that has sent NBD_CMD_DISC")
until(
    lambda: is_gone(uri.partition("socket=")[2]),
    lambda: time.sleep(0.01),
    "the server waits for a client that has sent NBD_CMD_DISC",
)
