# SPDX-License-Identifier: GPL-2.0-or-later
"""protect.py URI PID: be a client, and meanwhile print a line per thread of the server that serves or
helps to (all but its main thread): tid, name, scheduling policy, kernel flags."""

import os
import sys
import time

import nbd

uri, pid = sys.argv[1], int(sys.argv[2])
handles = []
for _ in range(3):
    h = nbd.NBD()
    h.connect_uri(uri)
    handles.append(h)

data = os.urandom(1 << 20)
for at in range(0, min(handles[0].get_size(), 24 << 20) - len(data), len(data)):
    for h in handles:
        h.pwrite(data, at)
assert handles[1].pread(4096, 0) == data[:4096]


def threads():
    for tid in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
        with open(f"/proc/{pid}/task/{tid}/stat") as f:
            name, fields = f.read().split("(", 1)[1].rsplit(") ", 1)
        fields = fields.split()
        # SCHED_BATCH is as ordinary as SCHED_OTHER.
        policy = 0 if int(fields[38]) == os.SCHED_BATCH else int(fields[38])
        if int(tid) != pid:
            yield tid, name.replace(" ", "_"), policy, int(fields[6])


# Threads of ours set themselves up as they start; one may be on its way.
deadline = time.monotonic() + 10
while True:
    now = list(threads())
    if len({policy for _, name, policy, _ in now if name != "rzs-upkeep"}) == 1 or time.monotonic() > deadline:
        break
    time.sleep(0.02)
for line in now:
    print(*line)
for h in handles:
    h.shutdown()
