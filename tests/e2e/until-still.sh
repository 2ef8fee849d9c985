#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scripts/until-still ends what stands still, and nothing else: not what works, not what starts one short process after
# the other, however long that takes.  Red when one of these is ended, or a hang is not.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
still=$srcdir/scripts/until-still

# ends STATUS SECONDS COMMAND...
ends() {
	local want=$1 got=0

	shift
	"$still" "$@" >"$tmpdir/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "'$*' ended with $got, should be $want: $(cat "$tmpdir/out")"
}

ends 0 60 true
ends 7 60 sh -c 'exit 7'
grep -q 'no progress' "$tmpdir/out" && fail "what ended by itself was ended"

# Works for longer than it may stand still, in one process and in many.
cat >"$tmpdir/works" <<'END'
until=$(($(date +%s) + 7))
while [ "$(date +%s)" -lt $until ]; do :; done
exit 3
END
ends 3 5 sh "$tmpdir/works"

# A hang, with a child that would outlive it.
ends 137 2 sh -c "echo \$\$ >$tmpdir/pid; sleep 1000 & wait"
grep -q 'no progress for 2 s' "$tmpdir/out" || fail "it says $(cat "$tmpdir/out")"
read -r pid <"$tmpdir/pid"
group_gone() { ! kill -0 -- "-$pid" 2>/dev/null; } # once init has asked how they ended
wait_for 30 group_gone || fail "something of the group is left"

ends 2 nonsense true
ends 2 0 true
ends 2 5
