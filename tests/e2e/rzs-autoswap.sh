#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-autoswap as it is built: its command line, and traces.
#
# Red when: the manual page's example prints something else; what is not a trace, or cannot be read, is taken; wrong usage
# has another status; the completion or the manual page leaves out an option that --help names.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

tool=${builddir:-.}/tools/autoswap/rzs-autoswap
[ -x "$tool" ] || fail "no $tool: build first"
page=$srcdir/tools/autoswap/rzs-autoswap.pod

# ---- the example of the manual page
example() { sed -n '/^=head1 EXAMPLES/,/^=head1 SEE/p' "$page" | sed -n 's/^ //p'; }
trace=$tmpdir/shortage.trace
example | sed -n '/^rzs-autoswap-trace/,/^\$/p' | grep -v '^\$' >"$trace"
gives 0 --simulate "$trace"
[ "$(cat "$out")" = "$(example | sed -n '/^0.000 s/,$p')" ] || fail "the example prints $(cat "$out")"
code=0
"$tool" --simulate - <"$trace" >"$err" || code=$?
[ "$code" = 0 ] || fail "standard input gives $code"
cmp "$out" "$err" || fail "from standard input it prints $(cat "$err")"
gives 0 --simulate "$trace" --json
json 'd["ticks"] == 3 and d["actions"]["add-file"] == 1 and d["ms_in_state"]["hungry"] == 1000' \
	'[e["state"] for e in d["events"]] == ["steady", "hungry", "hungry"]'

# ---- what is not one
complains 1 "$tmpdir/none: cannot be opened: No such file" --simulate "$tmpdir/none"
complains 1 "$tmpdir:1: cannot be read: Is a directory" --simulate "$tmpdir"
echo hello >"$trace"
complains 1 "$trace:1: not a trace" --simulate "$trace"

# ---- usage
complains 2 'nothing to do'
complains 2 '--nonsense: no such option' --nonsense
complains 2 '--simulate: needs a value' --simulate
complains 2 'x: unexpected' --simulate - x
gives 0 --version
says 'rzs-autoswap (ramzswap) '
[ ! -w /dev/full ] || { code=0 && "$tool" --help >/dev/full 2>"$err" || code=$?; [ "$code" = 1 ] || fail "/dev/full gives $code"; }

# ---- completion, and the manual page
completed() {
	COMP_WORDS=(rzs-autoswap "$@") COMP_CWORD=$#
	COMPREPLY=()
	_rzs_autoswap
}
complete() { :; }
compopt() { :; }
# shellcheck source=/dev/null
. "$srcdir/tools/completions/rzs-autoswap"
completed --simulate "$tmpdir/short"
[ "${COMPREPLY[*]}" = "$tmpdir/shortage.trace" ] || fail "completed to ${COMPREPLY[*]}"
completed --
gives 0 --help
while read -r option; do
	[[ " ${COMPREPLY[*]} " == *" $option "* ]] || fail "the completion has no $option"
	grep -qE "^=item .*B<$option>" "$page" || fail "the manual page has no $option"
done < <(grep -oE -- '--[a-z-]+' "$out" | sort -u)
