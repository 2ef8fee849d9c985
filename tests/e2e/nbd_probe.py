# SPDX-License-Identifier: GPL-2.0-or-later
"""nbd_probe.py [--only REGEX] NAME=SOCKET[,ro=SOCKET][,pid=PID][,version=V][,lenient] ...

Ask servers every probe there is and print their answers side by side.  Exit status 1 when one of
them is neither what the protocol asks nor what is known of that server, or stops serving."""

import importlib
import re
import sys
import time

from nbdprobes import PROBES, Server

MODULES = ("probes_handshake", "probes_bytes", "probes_requests", "probes_end")
HEAD, CELL = 92, 22


def parse(argument):
    name, _, rest = argument.partition("=")
    path, *attributes = rest.split(",")
    server = Server(name, path)
    for attribute in attributes:
        key, _, value = attribute.partition("=")
        if key == "ro":
            server.read_only = value
        elif key == "pid":
            server.pid = int(value)
        elif key == "version":
            server.version = value
        elif key == "lenient":
            server.lenient = True
        else:
            sys.exit(f"nbd_probe.py: {attribute}?")
    return server


def ask(probe, server):
    """(verdict, answer, note)"""
    if server.gone or probe.needs and getattr(server, probe.needs) is None:
        return "-", "-", None
    answer = server.ask(probe.run)
    verdict, note = probe.judge(server, answer)
    if probe.needs != "pid" and not server.serves():
        server.gone = True
        return "FAIL", f"{answer}, and serves no more", note
    return verdict, answer, note


def cut(text, width):
    return text if len(text) <= width else text[:width - 1] + "~"


def show(probe, servers, results):
    """A line; below it what did not fit, what is known, what failed."""
    head = f"{probe.row:8}{probe.level:7}{probe.title}"
    cells = "  ".join(f"{cut(answer, CELL):{CELL}}" for _, answer, _ in results)
    print(f"{cut(head, HEAD):{HEAD}}  {cells}".rstrip())
    for server, (verdict, answer, note) in zip(servers, results):
        if note or len(answer) > CELL:
            mark = "FAIL" if verdict == "FAIL" else "known" if note else ""
            print(f"{'':8}{mark:7}{server.name}: {answer}" + (f"  [{note}]" if note else ""))


def main():
    arguments = sys.argv[1:]
    only = "."
    if arguments and arguments[0] == "--only":
        only = arguments[1]
        arguments = arguments[2:]
    servers = [parse(argument) for argument in arguments]
    for name in MODULES:
        importlib.import_module(name)
    print(f"{'':{HEAD}}  " + "  ".join(f"{cut(s.name, CELL):{CELL}}" for s in servers).rstrip())
    failed, known, asked = [], 0, 0
    start = time.monotonic()
    for probe in PROBES:
        if not re.search(only, f"{probe.row} {probe.run.__name__} {probe.title}"):
            continue
        results = [ask(probe, server) for server in servers]
        show(probe, servers, results)
        asked += sum(1 for verdict, _, _ in results if verdict != "-")
        known += sum(1 for verdict, _, note in results if verdict == "ok" and note)
        failed += [f"{server.name}: {probe.title}"
                   for server, (verdict, _, _) in zip(servers, results) if verdict == "FAIL"]
    print(f"{asked} answers in {time.monotonic() - start:.0f} s, {known} known to differ, "
          f"{len(failed)} wrong")
    for line in failed:
        print(f"FAIL: {line}")
    sys.exit(1 if failed or not asked else 0)


if __name__ == "__main__":
    main()
