#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads OpenMetrics text strictly, and fails on what breaks the specification's rules.

usage: openmetrics.py FILE EXPRESSION...   each must be true; in it
    value("name", label="text", ...) is a sample's value, types["family"] its family's type,
    families["family"]["samples"] are all of its samples,
    quantile("family", 500, label="text", ...) where a histogram has 500 of 1000: (more than, at most)
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r"(%s)(?:\{((?:%s,)*%s)\})? (\S+)$" % (NAME, LABEL, LABEL))
NUMBER = re.compile(r"\d+(\.\d+)?$")
SUFFIXES = {
    "gauge": {""},
    "counter": {"_total"},
    "summary": {"", "_count", "_sum"},
    "histogram": {"_bucket", "_count", "_sum"},
}


def histograms(family):
    """By labels without le: {"_bucket": [(le, count)], "_count": n, "_sum": n}, in order."""
    found = {}
    for name, labels, value in family["samples"]:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        h = found.setdefault(key, {"_bucket": []})
        suffix = name[len(family["name"]) :]
        if suffix == "_bucket":
            h["_bucket"].append((float(labels["le"]), value))
        else:
            h[suffix] = value
    return found


def check_histograms(family):
    for labels, h in histograms(family).items():
        what = "%s %s: %s" % (family["name"], labels, h)
        bounds = [le for le, _ in h["_bucket"]]
        counts = [count for _, count in h["_bucket"]]
        assert len(bounds) > 1 and bounds[-1] == float("inf"), "no +Inf: " + what
        assert all(a < b for a, b in zip(bounds, bounds[1:])), "bounds: " + what
        assert all(a <= b for a, b in zip(counts, counts[1:])), "not cumulative: " + what
        assert h.get("_count") == counts[-1], "count: " + what
        each = [b - a for a, b in zip([0] + counts, counts)]
        least = sum(n * low for n, low in zip(each, [0] + bounds))
        most = sum(n * high for n, high in zip(each, bounds) if n)
        assert least <= h["_sum"] <= most, "a sum that cannot be: " + what


def parse(text):
    """Families in order: name -> {"type", "unit", "help", "samples": [(name, labels, value)]}."""
    assert text.endswith("# EOF\n"), "no # EOF at the end"
    families, current, seen = {}, None, set()
    for line in text[: -len("# EOF\n")].splitlines():
        assert line == line.rstrip() or line.startswith("# HELP "), line
        if line.startswith("# "):
            word, name, rest = (line[2:].split(" ", 2) + [""])[:3]
            assert word in ("TYPE", "UNIT", "HELP"), line
            if word == "TYPE":
                assert name not in families, "a family in two pieces: " + line
                assert rest in SUFFIXES, line
                current = families[name] = {"type": rest, "samples": []}
                current["name"] = name
            assert current and current["name"] == name, line
            assert word.lower() not in current or word == "TYPE", line
            assert not current["samples"], "metadata behind samples: " + line
            current[word.lower()] = rest
            continue
        match = SAMPLE.match(line)
        assert match, "not a sample: " + line
        name, value = match.group(1), match.groups()[-1]
        labels = dict(re.findall(LABEL, match.group(2) or ""))
        assert len(labels) == len(re.findall(LABEL, match.group(2) or "")), line
        assert current and name.startswith(current["name"]), line
        suffix = name[len(current["name"]) :]
        assert suffix in SUFFIXES[current["type"]], line
        assert (current["type"] == "summary" and suffix == "") == ("quantile" in labels), line
        assert (suffix == "_bucket") == ("le" in labels), line
        assert NUMBER.match(value), line
        key = (name, tuple(sorted(labels.items())))
        assert key not in seen, "twice: " + line
        seen.add(key)
        current["samples"].append((name, labels, float(value)))
    for name, family in families.items():
        unit = family.get("unit")
        assert family.get("help"), name + " has no HELP"
        assert not unit or name.endswith("_" + unit), name
        for known in ("bytes", "seconds"):
            assert not name.endswith("_" + known) or unit == known, name + " has no UNIT"
        assert not name.endswith("_total"), name
        if family["type"] == "histogram":
            check_histograms(family)
    return families


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        families = parse(f.read())
    types = {name: family["type"] for name, family in families.items()}

    def value(name, **labels):
        found = [
            v
            for family in families.values()
            for n, have, v in family["samples"]
            if n == name and all(have.get(k) == text for k, text in labels.items())
        ]
        assert len(found) == 1, "%s %s: %d samples" % (name, labels, len(found))
        return found[0]

    def quantile(name, per_mille, **labels):
        found = [
            h
            for key, h in histograms(families[name]).items()
            if all(dict(key).get(k) == text for k, text in labels.items())
        ]
        assert len(found) == 1, "%s %s: %d histograms" % (name, labels, len(found))
        below = 0
        for le, count in found[0]["_bucket"]:
            if count * 1000 >= found[0]["_count"] * per_mille:
                return below, le
            below = le

    known = {"families": families, "quantile": quantile, "types": types, "value": value}
    for expression in sys.argv[2:]:
        assert eval("(%s)" % expression, known), expression


if __name__ == "__main__":
    main()
