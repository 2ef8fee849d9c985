#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that want more than their share: who asks for gigabytes and reads none, who sends large requests without end,
# who takes a handshake a byte at a time, and one more than are allowed.  Red when what they ask for is kept in memory,
# when others wait for them, or when there is no end to a handshake.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99

crowd() {
	"$PYTHON" "$srcdir/tests/e2e/crowd.py" "$sock" "$pid" "$@" || fail "see above"
}

check_form() {
	# rzsd has buffers of a fixed size; nbdkit has one for each client, as large as its largest request.
	local limit=1024

	[ "$form" = rzsd ] || limit=36864
	start size=96M swap-header=false protect=off
	[ "$T_TIMEOUT_SCALE" = 1 ] || limit=$((limit * 8))
	crowd greedy $limit
	crowd flood
	stop_server
	# nbdkit waits for a client as long as that likes, and has no bound on their number.
	[ "$form" = rzsd ] || return 0
	start --handshake-timeout 2 --max-connections 8 -- size=4M protect=off
	crowd slow 2
	crowd full 8
	stop_server
}

each_form check_form
