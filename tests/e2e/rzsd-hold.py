# SPDX-License-Identifier: GPL-2.0-or-later
"""rzsd-hold.py URI FILE: be a client until FILE is there; everything read must be right meanwhile."""

import os
import sys
import time

import nbd

uri, release = sys.argv[1:]
h = nbd.NBD()
h.connect_uri(uri)
h.pwrite(b"held" * 1024, 4096)
print("held")
while not os.path.exists(release):
    if h.pread(4096, 4096) != b"held" * 1024:
        sys.exit("FAIL: wrong data")
    time.sleep(0.01)
h.shutdown()
