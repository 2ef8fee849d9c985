# SPDX-License-Identifier: GPL-2.0-or-later
"""rzsd-manager.py DIRECTORY RZSD..: start it as systemd would, with sockets made for it and one for its messages."""

import os
import select
import signal
import socket
import struct
import sys

import nbd

folder, command = sys.argv[1], sys.argv[2:]
SCALE = max(1, int(float(os.environ.get("T_TIMEOUT_SCALE", "1"))))


def listen(name):
    s = socket.socket(socket.AF_UNIX)
    s.bind(os.path.join(folder, name))
    s.listen()
    return s


def start(fds, names):
    """Run it with these as descriptors 3, 4.."""
    pid = os.fork()
    if pid:
        return pid
    fds = [os.dup(f.fileno()) for f in fds]
    fds = [os.dup2(f, 100 + i) for i, f in enumerate(fds)]
    for i, f in enumerate(fds):
        os.dup2(f, 3 + i)
    os.closerange(3 + len(fds), 200)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names,
                      NOTIFY_SOCKET=os.path.join(folder, "notify"))
    os.execvp(command[0], command)


def told(wanted):
    """The next message, which must contain this."""
    text = notify.recv(1000).decode()
    if wanted not in text:
        sys.exit(f"FAIL: the message {text!r} came instead of {wanted!r}")
    return text


notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.path.join(folder, "notify"))
notify.settimeout(30 * SCALE)
def peer(name):
    """The process that a client sees as its peer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(folder, name))
        return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def refused(fds, names, what):
    """It does not start with these."""
    pid = start(fds, names)
    ended = os.pidfd_open(pid)
    if notify in select.select([notify, ended], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
        sys.exit(f"FAIL: {what} is taken: {notify.recv(1000)!r}")
    os.close(ended)
    _, code = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(code) != 1:
        sys.exit(f"FAIL: {what}: the wrong exit status, {code}")


given = [listen("given.nbd"), listen("given.control")]
pid = start(given, "nbd:control")
status = told("READY=1")
if "STATUS=Serving 1 of 1 devices" not in status:
    sys.exit(f"FAIL: {status!r}")

h = nbd.NBD()
h.connect_uri("nbd+unix:///?socket=" + os.path.join(folder, "given.nbd"))
h.pwrite(b"x" * 4096, 0)
# Though somebody else has made them.
for name in "given.nbd", "given.control":
    if peer(name) != pid:
        sys.exit(f"FAIL: {name} is process {peer(name)}'s, not {pid}'s")
control = socket.socket(socket.AF_UNIX)
control.settimeout(30 * SCALE)
control.connect(os.path.join(folder, "given.control"))
hello = control.recv(100)
if not hello.startswith(b"ramzswap-control 1 rzsd "):
    sys.exit(f"FAIL: the control socket greets with {hello!r}")
control.close()

os.kill(pid, signal.SIGTERM)
told("STOPPING=1")
told("STATUS=Stopping, waiting for 1 connections to end: swap0 1")
if h.pread(4096, 0) != b"x" * 4096:
    sys.exit("FAIL: wrong data after the signal")
h.shutdown()
_, code = os.waitpid(pid, 0)
if code:
    sys.exit(f"FAIL: ended with {code}")
# They are not its own, so it does not remove them.
for name in "given.nbd", "given.control":
    os.stat(os.path.join(folder, name))

# A socket that listens elsewhere than on loopback has to be allowed.
tcp = socket.socket()
tcp.bind(("0.0.0.0", 0))
tcp.listen()
refused([tcp], "", "a socket for everybody")
refused([tcp], "control", "a control socket over TCP")
tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
tcp.listen()
refused([tcp], "control", "a control socket over TCP on loopback")

# There is one control socket, and it has to listen; a second one must not become anything else.
refused([listen("one"), listen("two")], "control:control", "a second control socket")
refused([socket.socket(socket.AF_UNIX)], "control", "a control socket that does not listen")
tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
tcp.listen()
pid = start([tcp], "")
told("READY=1")
h = nbd.NBD()
h.connect_tcp("127.0.0.1", str(tcp.getsockname()[1]))
h.pwrite(b"y" * 4096, 0)
h.shutdown()
os.kill(pid, signal.SIGTERM)
told("STOPPING=1")
_, code = os.waitpid(pid, 0)
if code:
    sys.exit(f"FAIL: ended with {code} after TCP")
