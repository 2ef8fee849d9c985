#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What rzscontrol does with servers that are broken, evil, or something else.
#
# Red when: one that hangs up, says nonsense or nothing is waited for, believed or not named; what
# it says reaches the terminal as control characters; one such in /run/rzs hides the others.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

# abuse STATUS TEXT [OPTION..]: a socket that speaks as standard input says.
abuse() {
	local status=$1 text=$2

	shift 2
	serve_text "$tmpdir/abuse.sock"
	complains "$status" "$text" list --socket "$tmpdir/abuse.sock" "$@"
	grep -qF "$tmpdir/abuse.sock: " "$err" || fail "does not say who: $(cat "$err")"
	end_server "$tmpdir/abuse.sock"
}

make_machine
abuse 1 'no answer within 1 s' --timeout 1 <<<'!stay'
abuse 1 'hung up in the middle' <<<'!close'
abuse 1 'no answer within 1 s' --timeout 1 <<<'!raw 72616d7a73776170'
abuse 4 "this is not a control socket: it sends 'NBDMAGIC'" \
	<<<'!raw 4e42444d41474943494841564F505400'
abuse 4 "this is not a control socket: it sends 'SSH-2.0-'" <<<'SSH-2.0-OpenSSH'
abuse 4 "this is not a control socket: it sends '??[2J???'" <<<'!raw 011b5b324a010203'
abuse 5 'it speaks protocol 2, this rzscontrol 1' <<<'ramzswap-control 2 rzsd 9.9'
serve_text "$tmpdir/full.sock" <<<$'error 11 16 clients are served already; try again\n!close'
complains 1 '16 clients are served already' list --socket "$tmpdir/full.sock"
end_server "$tmpdir/full.sock"
greeting='ramzswap-control 1 rzsd 0.1.0' info=$'> server\n pid 1\nok'
abuse 1 'no answer within 1 s' --timeout 1 <<<"$greeting"$'\n> server\n!stay'
abuse 1 'no answer within 1 s' --timeout 1 <<<"$greeting"$'\n> server\n pid 1\n!stay'
abuse 1 'hung up in the middle' <<<"$greeting"$'\n> server\n pid 1\n!close'
abuse 1 "its answer to 'server' makes no sense" <<<"$greeting"$'\n> server\nwhat?'
abuse 1 "its answer to 'server' makes no sense" <<<"$greeting"$'\n> server\n pid -1\nok'
abuse 1 'a line of more than 4096 bytes' <<<"$greeting"$'\n> server\n'" $(printf '%05000d' 0)"
abuse 1 "its answer to 'list' makes no sense" \
	<<<"$greeting"$'\n'"$info"$'\n> list\n!repeat 5000 \x20swap0'
abuse 1 "its answer to 'list' makes no sense" \
	<<<"$greeting"$'\n'"$info"$'\n> list\n'" $(printf '%0100d' 0) state=off"
abuse 1 "its answer to 'list' makes no sense" \
	<<<"$greeting"$'\n'"$info"$'\n> list\n swap0 size=99999999999999999999\nok'
abuse 1 "its answer to 'list' makes no sense" <<<"$greeting"$'\n'"$info"$'\n> list\n swap%0\nok'

# What it says is shown, but not obeyed; what it adds is passed over.
serve_text "$tmpdir/odd.sock" <<-'END'
	ramzswap-control 1 rz%1Bsd 0.1.0
	> server
	 pid 1
	 colour red more
	ok
	> list
	 sw%1B[2Jap state=new size=1 shape=round swap-uuid=- more
	ok
	> params sw?[2Jap
	 label %C3%28%0A
	ok
	> process
	 protect lock ok more
	 word
	ok
	> remove sw?[2Jap
	error 5 no?
END
gives 0 list --socket "$tmpdir/odd.sock"
says 'sw?[2Jap'
gives 0 params "$tmpdir/odd.sock" --json
json 'd["params"]["label"] == "\ufffd(?"'
gives 0 process --socket "$tmpdir/odd.sock" --json
json 'd["servers"][0]["program"] == "rz?sd"'
complains 1 'no?' remove "$tmpdir/odd.sock"
end_server "$tmpdir/odd.sock"

# In the directory: a socket that is silent, or is not a control socket, does not keep others from being found.
serve "$run/control.sock" "$table"
serve_text "$run/a-silent.sock" <<<'!stay'
silent=$server
serve_text "$run/b-nbd.sock" <<<'!raw 4e42444d41474943494841564F505400'
"$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$run/c-dead.sock"
: >"$run/d-file"
gives 0 list
says swap0
[ "$(cat "$err")" = "rzscontrol: $run/a-silent.sock: no answer within 2 s, left out; $(:
	)if it is a control socket, name it with --socket" ] || fail "of others it says $(cat "$err")"
reap "$silent" || true
end_server "$run/b-nbd.sock"
# The NBD socket, as the server tells, is left alone.
serve_text "$run/nbd.sock" <<<'!stay'
gives 0 list
! grep -q nbd.sock "$err" || fail "knocks at the NBD socket: $(cat "$err")"
end_server "$run/nbd.sock"
