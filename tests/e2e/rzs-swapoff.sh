#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-swapoff as it is built, on a made-up machine; swapoff(2) is never called: all is refused before.
#
# Red when: what does not fit is not refused, with both numbers; a name with blanks or newlines is not found, or reaches
# the terminal as it is; a damaged file of notes ends the command; the completion offers what is not swapped to, or leaves
# out an option that --help names; the manual page leaves one out.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

tool=${builddir:-.}/tools/swapoff/rzs-swapoff
[ -x "$tool" ] || fail "no $tool: build first"
make_machine

newline=$'/dev/new\nline'
touch "$RZS_SYSROOT/dev/a b" "$RZS_SYSROOT/dev/sdz" "$RZS_SYSROOT$newline"
ln -s "a b" "$RZS_SYSROOT/dev/link"
printf '/dev/a\\040b partition 100000 50000 5\n/dev/new\\012line partition 4000 3000 -2\n' >>"$RZS_SYSROOT/proc/swaps"
printf 'MemTotal: 524288 kB\nMemAvailable: 30000 kB\nSwapCached: 0 kB\n' >"$RZS_SYSROOT/proc/meminfo"

# 1000 KiB of the other area, 13616 KiB of memory.
complains 2 'rzs-swapoff: /dev/a b: refused: 50000 KiB to bring back to memory for it, and room for 14616 KiB' '/dev/a b'
for name in '//dev//a b' /dev/./link '/dev/a b'; do
	complains 2 '/dev/a b: refused' --dry-run "$name"
done
gives 0 --dry-run "$newline"
says 'swapoff /dev/new?line: 3000 KiB to bring back'
complains 4 '/dev/sdz: it is not swapped to' /dev/sdz
complains 4 '/dev/none: there is no such device or file' /dev/none
gives 0 -e /dev/none
gives 32 -a -n
says '53000 KiB to bring back to memory for all of them, and room for 13616 KiB'
gives 2 -n --json "$newline" /dev/link '/dev/a b'
json '[(a["name"], a["used_bytes"]) for a in d["areas"]] == [("/dev/new\nline", 3072000), ("/dev/a b", 51200000)]'
json '{a["outcome"] for a in d["areas"]} == {"refused"}'
json 'd["exit_status"] == 2 and d["doubt"] is None and d["areas"][0]["have_bytes"] == 13616 * 1024'
[ ! -s "$err" ] || fail "--json prints $(cat "$err")"

# ---- notes that are damaged
echo damaged >"$run/areas"
gives 2 '/dev/a b'
says '/run/rzs/areas: '
says '/dev/a b: refused'
gives 2 --json '/dev/a b'
json '"/run/rzs/areas" in d["doubt"]'
rm "$run/areas"

# ---- completion, and the manual page
PATH=$(realpath "${builddir:-.}/tools/swapon"):$PATH
completed() {
	COMP_WORDS=(rzs-swapoff "$@") COMP_CWORD=$#
	COMPREPLY=()
	_rzs_swapoff
}
complete() { :; }
# shellcheck source=/dev/null
. "$srcdir/tools/completions/rzs-swapoff"
completed /dev/a
[ "${COMPREPLY[*]}" = '/dev/a\ b' ] || fail "completed to ${COMPREPLY[*]}"
completed /dev/
[ ${#COMPREPLY[@]} = 2 ] || fail "completed to ${COMPREPLY[*]}"
completed --timeout 1
[ ${#COMPREPLY[@]} = 0 ] || fail "completed a number to ${COMPREPLY[*]}"
completed --
gives 0 --help
while read -r option; do
	[[ " ${COMPREPLY[*]} " == *" $option "* ]] || fail "the completion has no $option"
	grep -qE "^=item .*B<$option>" "$srcdir/tools/swapoff/rzs-swapoff.pod" || fail "the manual page has no $option"
done < <(grep -oE -- '--[a-z-]+' "$out" | sort -u)
