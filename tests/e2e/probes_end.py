# SPDX-License-Identifier: GPL-2.0-or-later
"""The last probe: it ends the server."""

import os
import signal
import time

from nbdprobes import after, names, probe
from nbdraw import OPT_INFO, Closed, Raw, Silent, export_data, timeout_scale


def turned_away(server):
    """A new client is not served any more: the signal has been handled."""
    try:
        Raw(server.path, seconds=5).close()
    except (Closed, Silent, ConnectionRefusedError, FileNotFoundError):
        return True
    return False


@probe("H15", "SHOULD", "option SHUTDOWN, requests served", "option closed, requests served",
       needs="pid",
       known={"nbdkit+memory": ("option *, requests [tc]*",
                                # "then ESHUTDOWN", or "closed" when it sees the signal before the request
                                "serves nobody from then on"),
              "nbdkit": ("option INFO,ACK, requests served", "plugins have no say before GO"),
              "qemu-nbd 10.0": ("option *, requests closed", "leaves, its exports maybe first"),
              "qemu-nbd": ("option closed, requests closed", "leaves at once")})
def sigterm(server):
    """SIGTERM, one client haggling, one in transmission: nobody new, the one attached is served"""
    attached, haggling = server.session(), server.connect()
    os.kill(server.pid, signal.SIGTERM)
    end = time.monotonic() + 20 * timeout_scale()
    while not turned_away(server):
        if time.monotonic() > end:
            return "lets everybody in"
    try:
        said = names(haggling.ask(OPT_INFO, export_data()))
    except Closed:
        said = "closed"
    except Silent:
        said = "silent"
    return f"option {said}, requests {after(attached).lstrip(', ') or 'served'}"
