#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How scripts/check runs its steps: two at a time, all of them though one fails, a summary in the order of the steps; what
# each cost; the steps whose logs are the same files one after the other; nothing after a build that failed.  On a tree
# whose make only writes down when it begins and ends.  Red when one of these is not so.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
out=$tmpdir/out
export SAID=$tmpdir/said

mkdir -p "$tmpdir/tree/scripts" "$tmpdir/bin"
cp "$srcdir"/scripts/{check,check-dist,packages,skipped,skips,until-still} "$tmpdir/tree/scripts"
printf '#!/bin/sh\n' | tee "$tmpdir/tree/configure" "$tmpdir/bin/valgrind" >"$tmpdir/bin/autoreconf"
printf '#!/bin/sh\necho "$PROCESSORS"\n' >"$tmpdir/bin/nproc"
# check ends when distcheck has begun, or has waited for that in vain.
cat >"$tmpdir/bin/make" <<'END'
#!/bin/bash
for what in "$@"; do
	case $what in all | *check*) break ;; esac
done
echo "begin $what" >>"$SAID"
if [ "$what" = check ]; then
	for ((i = 0; i < WAIT * 10; i++)); do
		! grep -q 'begin distcheck' "$SAID" || break
		sleep 0.1
	done
fi
# More than a second of a processor, which the summary is to show.
[ "$what" != check-deps ] || (ulimit -c 0 && ulimit -t 2 && while :; do :; done) 2>/dev/null || :
echo "end $what" >>"$SAID"
[ "$what" != "$BROKEN" ] || { echo "it broke"; exit 1; }
END
chmod +x "$tmpdir/bin"/* "$tmpdir/tree/configure"
export PATH="$tmpdir/bin:$PATH" TMPDIR=$tmpdir

# check STATUS STEPS PROCESSORS WAIT BROKEN
check() {
	local got=0

	: >"$SAID"
	PROCESSORS=$3 WAIT=$4 BROKEN=$5 "$tmpdir/tree/scripts/check" --no-install --only "$2" >"$out" 2>&1 </dev/null || got=$?
	[ "$got" = "$1" ] || fail "--only $2: exit status $got, not $1: $(cat "$out")"
	chmod -R u+w "$tmpdir"/rzs-check.* 2>/dev/null || :
	rm -rf "$tmpdir"/rzs-check.*
}
# in_order WORDS...: the lines of the summary that begin with one of them are in this order.
in_order() {
	local got

	got=$(sed -n '/^$/,$p' "$out" | awk -v names=" $* " \
		'index(names, " " $1 " ") && (/ [0-9]+ s/) { printf "%s%s", sep, $1; sep = " " }')
	[ "$got" = "$*" ] || fail "the summary is in the order '$got', not '$*': $(cat "$out")"
}
line_of() { grep -nxF "$1" "$SAID" | cut -d: -f1; }
before() { [ "$(line_of "$1")" -lt "$(line_of "$2")" ] || fail "not '$1' before '$2': $(cat "$SAID")"; }

check 0 check,distcheck,check-deps,check-asan 2 60 ''
before 'begin distcheck' 'end check'
in_order bootstrap configure build check check-deps distcheck check-asan all
sed -n '/^$/,$p' "$out" | grep -qE '^check-deps +[0-9]+ s +[1-9][0-9]* s  passed' || fail "processor time: $(cat "$out")"
grep -q '^7 passed, 0 failed' "$out" || fail "what passed: $(cat "$out")"

check 0 check,check-valgrind 2 3 ''
before 'end check' 'begin check-valgrind'
check 0 check,distcheck 1 0 ''
before 'end check' 'begin distcheck'

check 1 check,distcheck,check-deps,check-asan 2 60 check-asan
before 'begin check-asan' 'begin check-deps'
in_order bootstrap configure build check check-deps distcheck check-asan all
sed -n '/^$/,$p' "$out" | grep -q '^check-asan .*FAILED' || fail "what failed: $(cat "$out")"
grep -q '^6 passed, 1 failed' "$out" || fail "what passed: $(cat "$out")"

check 1 check,distcheck 2 0 all
! grep -q 'check' "$SAID" || fail "steps were run after a build that failed: $(cat "$SAID")"
