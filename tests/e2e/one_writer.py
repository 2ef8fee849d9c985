# SPDX-License-Identifier: GPL-2.0-or-later
"""one_writer.py plugin|rzsd SOCKET CONTROL | shared SOCKET | client SOCKET

Clients are processes: this program again, which obeys commands on its standard input, a line
each."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ctlclient import Control
from nbdraw import (MULTI_CONN, READ, READ_ONLY, TRIM, WRITE, ZEROES, Raw, request,
                    timeout_scale)

form, path = sys.argv[1:3]
PAGE = 4096
ROUNDS = max(4, 40 // timeout_scale())


def page(n):
    return bytes([n]) * PAGE


def connect(structured):
    """By GO, with structured replies as libraries do or without as kernels."""
    c = Raw(path, None)
    c.greet()
    if structured:
        c.start_structured()
    c.go()
    return c


def client():
    """Obey a command; the answer is one line."""
    c = []
    for line in sys.stdin:
        what, *args = line.split()
        answer = "done"
        if what in ("connect", "look"):
            c.append(connect(what == "look"))
            if c[-1].flags is None:
                c.pop().close()
                answer = "refused"
            else:
                answer = "read-only" if c[-1].flags & READ_ONLY else "writer"
                answer += "" if c[-1].flags & MULTI_CONN else ", alone"
        elif what == "name":
            with open("/proc/self/comm", "w", encoding="ascii") as f:
                f.write(args[0])
        elif what == "write":
            answer = c[-1].call(WRITE, 0, PAGE, data=page(int(args[0])))
        elif what in ("trim", "zero"):
            answer = c[-1].call(TRIM if what == "trim" else ZEROES, PAGE, PAGE)
        elif what == "read":
            reply = c[-1].call(READ, 0, PAGE)
            data = reply.data or (reply.chunks[0][2][8:] if reply.chunks else b"")
            answer = data[0] if data == page(data[0]) and len(data) == PAGE else reply
        elif what == "close":
            c.pop().close()
        elif what == "flood":
            # No answer is waited for, and the process is gone before the server is done with these.
            c[-1].send(b"".join(request(WRITE, i, 0, PAGE) + page(int(args[0])) for i in range(20)))
            os._exit(0)
        elif what == "leave" and os.fork() == 0:
            # The connection goes on in another process, as nbd-client's does in the kernel.
            os.setsid()
            continue
        elif what == "leave":
            os._exit(0)
        print(answer, flush=True)


def fail(text):
    sys.exit(f"FAIL: {form}: {text}")


class Client:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__, "client", path], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid

    def tell(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def __call__(self, what, wanted="done"):
        self.tell(what)
        answer = self.process.stdout.readline().strip()
        if answer != str(wanted):
            fail(f"{what}: {answer!r}, should be {wanted!r}")

    def end(self):
        """Its connections end with it, and with who has them from it."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def holder():
    c = Control(sys.argv[3])
    lines = c.ask("list")
    c.sock.close()
    return lines[0][-1]


def holds(wanted):
    if holder() != f"holder={wanted}":
        fail(f"{holder()}, should be {wanted}")


def nbdcopy(source, target):
    return subprocess.run(["nbdcopy", source, target], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode


def who_writes():
    looker, writer, late = Client(), Client(), Client()
    looker("look", "writer")
    holds("-")
    writer("look", "writer")
    writer("write 1", "ok")
    holds(writer.pid)
    for change in "write 2", "trim", "zero":
        looker(change, "EPERM")
    looker("read", 1)
    late("connect", "read-only")
    late("look", "read-only")
    late("write 3", "EPERM")
    late("read", 1)
    # More connections of the process that has it; it has it as long as one of them lives.
    writer("connect", "writer")
    writer("write 4", "ok")
    writer("close")
    writer("write 5", "ok")
    holds(writer.pid)
    if nbdcopy(f"nbd+unix:///?socket={path}", "null:"):
        fail("nbdcopy may not look at the device")
    if nbdcopy(__file__, f"nbd+unix:///?socket={path}") == 0:
        fail("nbdcopy writes to the device")
    writer.end()
    # Who could have written before may now.
    late("look", "writer")
    looker("write 6", "ok")
    holds(looker.pid)
    late("write 7", "EPERM")
    late("read", 6)
    looker.end()
    late.end()
    third = Client()
    third("connect", "writer")
    third.end()


def kernels():
    """Whose process ends, and whose connection does not."""
    kernel, late = Client(), Client()
    kernel("connect", "writer")
    holds(kernel.pid if form == "rzsd" else "-")
    late("connect", "read-only" if form == "rzsd" else "writer")
    kernel.tell("leave")
    kernel.process.wait()
    late("close")
    late("connect", "read-only")
    holds(kernel.pid)
    kernel("write 8", "ok")
    kernel("close")
    late("close")
    late("connect", "writer")
    kernel.end()
    late.end()


def nbd_clients():
    """A kernel would swap to a read-only device, too: it is not let in."""
    first, second = Client(), Client()
    first("name nbd-client")
    second("name nbd-client")
    first("connect", "writer")
    holds(first.pid)
    first("connect", "writer")
    second("connect", "refused")
    second("name another")
    second("connect", "read-only")
    second("close")
    second("name nbd-client")
    first("close")
    second("connect", "refused")
    first("close")
    second("connect", "writer")
    first("connect", "refused")
    first.end()
    second.end()


def one_after_the_other():
    for i in range(ROUNDS):
        c = Client()
        c("connect", "writer")
        c(f"write {2 * i}", "ok")
        for _ in range(5):
            c("read", 2 * i)
        c.tell(f"flood {2 * i + 1}")
        c.process.wait()


def shared():
    a, b = Client(), Client()
    a("connect", "writer")
    b("look", "writer")
    a("write 1", "ok")
    b("write 2", "ok")
    a("trim", "ok")
    b("zero", "ok")
    a.end()
    b.end()


if form == "client":
    client()
elif form == "shared":
    shared()
else:
    who_writes()
    kernels()
    nbd_clients()
    one_after_the_other()
    # The last one's end is noticed without anybody's coming.
    end = time.monotonic() + 20 * timeout_scale()
    while holder() != "holder=-" and time.monotonic() < end:
        os.sched_yield()
    holds("-")
