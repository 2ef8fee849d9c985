#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With CI=true scripts/check fails when something is skipped that scripts/skips does not list: a script, a test of a
# program, a guest, a whole step.  It runs on a tree whose make prints what this script chooses.  Red when a skip is not
# noticed, when a listed one fails, or when the real list names something that does not exist.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
out=$tmpdir/out

mkdir -p "$tmpdir/tree/scripts" "$tmpdir/tree/tests/vm" "$tmpdir/bin"
cp "$srcdir"/scripts/{check,check-dist,packages,skipped,skips,until-still} "$tmpdir/tree/scripts"
printf '#!/bin/sh\n' | tee "$tmpdir/tree/configure" "$tmpdir/tree/tests/vm/selftest" >"$tmpdir/bin/autoreconf"
cat >"$tmpdir/tree/tests/vm/matrix" <<'END'
printf '%-64s %7s %7s %5s %5s %4s %5s  %s\n' case passed stall hangs wrong oom other '' \
	"first-swap kernel=6.1 ram=384 cpus=1" 1/1 10 0 0 0 0 "" "onset kernel=7 ram=384 cpus=1" 0/0 - 0 0 0 0 "$GUEST"
END
cat >"$tmpdir/bin/make" <<'END'
#!/bin/sh
case " $* " in
*' check '* | *' distcheck '*)
	mkdir -p tests/unit
	printf '1..1\n%s\n# 0.01 s\n' "$FUNCTION" >tests/unit/test_x.log
	echo "$WHOLE"
	;;
esac
END
cat >"$tmpdir/tree/scripts/in-root" <<'END'
#!/bin/sh
[ "$1" != --path ] || { echo /nowhere; exit; }
mkdir -p "$2/build/tests/unit"
printf '1..1\n%s\n' "$FUNCTION" >"$2/build/tests/unit/test_x.log"
END
cp "$tmpdir/bin/autoreconf" "$tmpdir/tree/tests/vm/run"
chmod +x "$tmpdir/bin"/* "$tmpdir/tree/configure"
export PATH="$tmpdir/bin:$PATH" TMPDIR=$tmpdir

# check STATUS STEP [NAME=VALUE...]
check() {
	local want=$1 step=$2 got=0

	shift 2
	env -u CI WHOLE= FUNCTION= GUEST= "$@" "$tmpdir/tree/scripts/check" --no-install --only "$step" >"$out" 2>&1 </dev/null ||
		got=$?
	[ "$got" = "$want" ] || fail "check --only $step, $*: exit status $got, not $want: $(cat "$out")"
	chmod -R u+w "$tmpdir"/rzs-check.* 2>/dev/null || :
	rm -rf "$tmpdir"/rzs-check.*
}
says() { tail -n 12 "$out" | grep -qF -- "$1" || fail "no '$1' at the end of: $(cat "$out")"; }
unlisted="skipped, not listed in scripts/skips: "
list=$tmpdir/tree/scripts/skips

check 0 check CI=true
! grep -q "$unlisted" "$out" || fail "nothing was skipped, and that is said: $(cat "$out")"

whole=(WHOLE='SKIP: tests/e2e/some.sh')
check 0 check "${whole[@]}"
grep -qF "${unlisted}tests/e2e/some.sh" "$out" || fail "elsewhere it is not even said: $(cat "$out")"
check 1 check CI=true "${whole[@]}"
says "${unlisted}tests/e2e/some.sh"
says "1 failed"
function=(FUNCTION='ok 1 - some_function # SKIP no such thing here')
check 0 check "${function[@]}"
check 1 check CI=true "${function[@]}"
says "${unlisted}tests/unit/test_x:some_function: no such thing here"
if [ "$(id -u)" = 0 ]; then # as scripts/in-root has to be
	check 0 trixie CI=true
	check 1 trixie CI=true "${function[@]}"
	says "${unlisted}tests/unit/test_x:some_function: no such thing here"
fi
guest=(GUEST='skipped: no kernel 7 to be had')
check 0 vm "${guest[@]}"
check 1 vm CI=true "${guest[@]}"
says "${unlisted}onset kernel=7 ram=384 cpus=1: no kernel 7 to be had"
# One that ran, whatever it says, and one that must be listed for its own step.
check 0 vm CI=true GUEST=peer
check 0 packages CI=true
sed -i '/^packages/d' "$list"
check 1 packages CI=true
says "${unlisted}the step: --no-install was given"

cat >>"$list" <<'END'
check,vm  tests/e2e/some.sh  a reason
check  tests/unit/test_x:some_function  another
vm  onset kernel=7 ram=384 cpus=1  a third
END
check 0 check CI=true "${whole[@]}" "${function[@]}"
check 0 vm CI=true "${guest[@]}"
check 1 distcheck CI=true "${whole[@]}"

sed -i 's/^check  .*some_function/check  tests\/unit\/test_x:*/' "$list"
check 0 check CI=true "${function[@]}"
sed -i 's/^check  .*test_x:/check  tests\/unit\/test_y:/' "$list"
check 1 check CI=true "${function[@]}"

# A list that cannot be read lets nothing through.
rm "$list"
check 1 check CI=true

# ---- the real list: what stands there is there
bad=0
all_steps=$(sed -n '/^steps=(/,/)/p' "$srcdir/scripts/check" | tr -s '()\n=' ' ')
while IFS= read -r line; do
	case $line in '#'* | '') continue ;; esac
	steps=${line%%  *}
	name=$(sed -E 's/^[^ ]+  +//; s/  .*//' <<<"$line")
	for step in ${steps//,/ }; do
		[[ " $all_steps " == *" $step "* ]] || { say "no step $step"; bad=1; }
	done
	case $name in
	tests/*:\*) [ -e "$srcdir/${name%%:*}.c" ] || { say "no test $name"; bad=1; } ;;
	tests/*:*) grep -qE "T_TEST[A-Z_]*\(${name#*:}[,)]" "$srcdir/${name%%:*}.c" || { say "no function $name"; bad=1; } ;;
	tests/*) [ -e "$srcdir/$name" ] || [ -e "$srcdir/$name.c" ] || { say "no test $name"; bad=1; } ;;
	esac
done <"$srcdir/scripts/skips"
[ $bad = 0 ] || fail "scripts/skips names what is not there"
