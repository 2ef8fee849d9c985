# SPDX-License-Identifier: GPL-2.0-or-later
"""rzsbench-instructions.py METHOD CODEC ROUNDS BENCH.callgrind BARE.callgrind JSON "PAGES BYTES"

Holds what "rzsbench pages" did for a page, and the sizes it found, against a bare loop over the library.
Both profiles are callgrind's, without compressed names or positions.
"""
import json
import sys

WITHIN = 0.05


class Profile:
    """Calls and inclusive instructions of each edge between functions."""

    def __init__(self, path):
        self.edges = {}
        caller = callee = None
        calls = 0
        for line in open(path):
            line = line.strip()
            if line.startswith("fn="):
                caller = line[3:]
            elif line.startswith("cfn="):
                callee = line[4:]
            elif line.startswith("calls="):
                calls = int(line[6:].split()[0])
            elif callee and line[:1].isdigit():
                edge = self.edges.setdefault((caller, callee), [0, 0])
                edge[0] += calls
                edge[1] += int(line.split()[1])
                callee = None

    def into(self, callee, caller=None):
        found = [e for (a, b), e in self.edges.items() if b == callee and caller in (None, a)]
        if not found:
            sys.exit("no calls of %s in the profile" % callee)
        return sum(e[0] for e in found), sum(e[1] for e in found)


def main():
    method, codec, rounds, bench, bare, lines, sizes = sys.argv[1:]
    pages, size = map(int, sizes.split())
    bench, bare = Profile(bench), Profile(bare)
    line = next(d for d in map(json.loads, open(lines)) if d.get("method") == method)
    if (line["units"], line["units_used"], line["object_bytes"]) != (pages, pages, size):
        sys.exit("%s: rzsbench has %d pages and %d bytes, the library %d and %d" %
                 (method, line["units_used"], line["object_bytes"], pages, size))
    ok = True
    for what, alone in (("compress", "compress_page"), ("decompress", "decompress_page")):
        calls, cost = bench.into("%s_%s" % (codec, what))
        # What a timed loop does besides: all of it is put on this method, of which it is the larger part.
        loop = bench.into(what + "_all")[1] - bench.into("rzsb_method_" + what, what + "_all")[1]
        ours = cost / calls + loop / (pages * int(rounds))
        calls, cost = bare.into(alone)
        theirs = cost / calls
        print("%s %s: %.0f instructions a page, the library alone %.0f: %+.2f %%" %
              (method, what, ours, theirs, 100 * (ours / theirs - 1)))
        ok &= abs(ours / theirs - 1) <= WITHIN
    sys.exit(0 if ok else "they differ by more than %.0f %%" % (100 * WITHIN))


main()
