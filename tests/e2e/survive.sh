#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsd with --survive=yes is replaced again and again while clients write, trim and read, in all states of their
# requests; and goes on when the new program is none, ends at once, or refuses.  Red when a connection ends, a byte
# is wrong, or a server that could have gone on is lost; or rzscontrol upgrade calls it replaced when it was not, or
# does not say why it was not.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"
program=${RZSD# }
[ "${program##* }" = "$program" ] || skip "it is not run by itself"

[ "$(wc -l </proc/swaps)" -le 1 ] || skip "swap is on: a server is not replaced then"

# The installed program, which is replaced.
RZSD=$tmpdir/rzsd
cp "$program" "$RZSD"
start_rzsd --survive=yes --device second,size=16M,memlimit=12M --threads 2 -- size=32M protect=off
keeper=$pid
first=1

replace() { # TIMES
	"$PYTHON" "$srcdir/tests/e2e/survive.py" "$sock" "$keeper" "$log" "$first" "$1" || {
		show_log "$log"
		fail "see above"
	}
	first=$((first + $1))
}

times=20
[ "$T_TIMEOUT_SCALE" -le 1 ] || times=5
replace "$times"
[ "$(cat "$pidfile")" = "$keeper" ] || fail "the pid file has another process"

# A program that ends, one that says what it does not know, and one that is none.
refusals=0
refused() {
	[ "$(grep -c 'not replaced: .*old server goes on' "$log")" -gt "$refusals" ]
}
for new in '#!/bin/sh
exit 3' '#!/bin/sh
sleep 0.1' 'no program'; do
	printf '%s\n' "$new" >"$RZSD.new"
	chmod +x "$RZSD.new"
	mv "$RZSD.new" "$RZSD"
	kill -USR2 "$keeper"
	wait_for 30 refused || fail "nothing is said of a new program that is: $new"
	refusals=$((refusals + 1))
done

# By hand: rzscontrol says how it went.
tool=$top_builddir/tools/rzscontrol/rzscontrol
fails_with "not replaced: " "the old server goes on" -- "$tool" upgrade --socket "$sock.control"

# The right one again.
cp "$program" "$RZSD.new"
mv "$RZSD.new" "$RZSD"
upgraded() { said=$("$tool" upgrade --socket "$sock.control" --timeout $((60 * T_TIMEOUT_SCALE))); }
wait_for 30 upgraded || fail "rzscontrol upgrade fails" # the first time if the one before has not ended yet
[[ $said == *"goes on in place of"*"clients waited "[0-9]*" (takeover $first)" ]] || fail "upgrade says: $said"
first=$((first + 1))
replace 1

stop_server
[ ! -e "$sock" ] || fail "the socket is left behind"
[ ! -e "$sock.control" ] || fail "the control socket is left behind"
[ ! -e "$pidfile" ] || fail "the pid file is left behind"

# Without protections it is not replaced while swap is on.  The list of areas is the test's own, in a mount namespace.
printf 'Filename\tType\tSize\tUsed\tPriority\n/dev/none partition 1000 0 1\n' >"$tmpdir/swaps"
cat >"$tmpdir/swapping" <<EOF
#!/bin/sh
mount --bind "$tmpdir/swaps" /proc/swaps && exec "$tmpdir/rzsd" "\$@"
EOF
chmod +x "$tmpdir/swapping"
if unshare --mount mount --bind "$tmpdir/swaps" /proc/swaps 2>/dev/null; then
	RZSD="unshare --mount $tmpdir/swapping"
	start_rzsd --survive=yes -- size=4M protect=off
	fails_with "not replaced: swap is on" -- "$tool" upgrade --socket "$sock.control"
	wait_for 30 grep -q 'not replaced: swap is on.*old server goes on' "$log" || fail "replaced while swap is on"
	stop_server
else
	say "not with swap: this user cannot mount"
fi
