#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGTERM, SIGINT, SIGHUP and SIGQUIT with a client attached: I/O goes on, nobody new is let in, and the
# process ends when the client leaves.  Without a client it ends at once.  Red when a request fails after the
# signal, which for a swap device kills processes, or when the server then never goes, be it for a client that
# has taken its leave and only waits for the server to hang up.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	local signal

	for signal in TERM INT HUP QUIT; do
		start size=16M protect=off
		"$PYTHON" "$srcdir/tests/e2e/drain.py" "$uri" "$pid" "$signal" "$log" ||
			fail "see above, SIG$signal"
		await_end

		start size=16M protect=off
		kill "-$signal" "$pid"
		await_end
	done

	# SIGUSR1 prints statistics and ends nothing.
	start size=16M protect=off
	kill -USR1 "$pid"
	wait_for 20 grep -q '^rzs: mem_bytes=[0-9]' "$log" || fail "no statistics on SIGUSR1"
	stop_server
}

each_form check_form

# Under --run nbdkit itself sends the signal when the command ends.
has_plugin || exit 0
# shellcheck disable=SC2086,SC2016
timeout $((60 * T_TIMEOUT_SCALE)) $NBDKIT -U - "$RZS_PLUGIN" 16M protect=off \
	--run "$PYTHON"' -m nbd -u "$uri" -c "h.pwrite(b\"x\" * 512, 0)"' || fail "--run ended with $?"
