#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What one connection has written, flushed or not, every other one reads at once; and four at once on
# the same pages never mix two writes within a page.  Red when connections have a state of their own.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	start size=16M protect=off
	"$PYTHON" "$srcdir/tests/e2e/multiconn.py" "$uri" || fail "see above"
	stop_server
}

each_form check_form
