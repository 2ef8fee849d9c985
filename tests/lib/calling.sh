# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Calling a program and looking at what it says.  Whoever sources this, after functions.sh, sets
# tool, the program; or the array call, the program with what stands before its arguments.

call=()
out=$tmpdir/out
err=$tmpdir/err

# gives STATUS ARGUMENT..: it ends with that.  What it says is then in $out and $err.
gives() {
	local want=$1 code=0

	shift
	timeout $((60 * T_TIMEOUT_SCALE)) "${call[@]:-$tool}" "$@" >"$out" 2>"$err" </dev/null || code=$?
	[ "$code" = "$want" ] || fail "'$*' gives $code, not $want: $(cat "$out" "$err")"
}

says() {
	grep -qF -- "$1" "$out" "$err" || fail "does not say '$1': $(cat "$out" "$err")"
}

# complains STATUS TEXT ARGUMENT..: ends so, with one line of complaint, and nothing else.
complains() {
	local want=$1 text=$2

	shift 2
	gives "$want" "$@"
	says "$text"
	[ ! -s "$out" ] || fail "'$*' fails, and prints $(cat "$out")"
	[ "$(wc -l <"$err")" = 1 ] || fail "'$*' complains with $(cat "$err")"
}

# json EXPRESSION..: over d, what was printed.
json() {
	"$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
for e in sys.argv[2:]:
    assert eval(e), (e, d)' "$out" "$@" || fail "--json: not $*"
}
