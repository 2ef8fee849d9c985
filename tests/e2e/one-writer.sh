#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Of several clients of one device one may write, whichever form serves it; those that look are in nobody's way, and
# those that come one after the other do not meet.  Red when the server lets two write; when a looker, or a client that
# has hung up, keeps others from writing; when one that has hung up still changes what the next one has written; or when
# the control socket does not say who has the device.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires "$PYTHON" -c 'import os; os.pidfd_open(os.getpid())'
requires nbdcopy --version

check_form() {
	local control

	next_server
	control=$tmpdir/sock$((server_nr + 1)).control
	[ $form = rzsd ] && start size=16M protect=off || start size=16M protect=off control="$control"
	"$PYTHON" "$srcdir/tests/e2e/one_writer.py" "$form" "$sock" "$control" || fail "see above"
	stop_server

	start size=16M protect=off shared=yes
	"$PYTHON" "$srcdir/tests/e2e/one_writer.py" shared "$sock" || fail "see above, of a shared device"
	stop_server
}

each_form check_form
