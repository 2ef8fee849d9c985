#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ThreadSanitizer does not get the tests that never start a thread (RZS_ONE_THREAD_TESTS).  Red when a program in that
# list could start one, or a script there runs a program of ours.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}" "${builddir:?}" "${RZS_ONE_THREAD_TESTS:?}"
skip_under_tools "says the same of the plain programs"
command -v nm >/dev/null || skip "no nm (binutils)"

starts='^ *U (pthread_create|thrd_create|timer_create|clone|clone3|getaddrinfo_a|mq_notify|aio_[a-z]+|lio_listio)(64)?(@|$)'
ours='RZSD|NBDKIT|RZS_PLUGIN|builddir|each_form|start_|rzsbench|rzscontrol|rzsd'
looked=0 bad=0
for test in $RZS_ONE_THREAD_TESTS; do
	case $test in
	*.sh) grep -nE "$ours" "$srcdir/$test" || continue ;;
	*)
		[ -x "$builddir/$test" ] || continue # not built here, for want of a library
		looked=$((looked + 1))
		nm -u "$builddir/$test" | grep -E "$starts" || continue
		;;
	esac
	say "$test can start threads: it has no place in RZS_ONE_THREAD_TESTS"
	bad=1
done
[ $bad = 0 ] || fail "see above"

# The look itself: a program with threads is seen.
[ ! -x "$builddir/server/rzsd" ] || nm -u "$builddir/server/rzsd" | grep -E "$starts" >/dev/null ||
	fail "rzsd's threads are not seen"
[ $looked -gt 0 ] || skip "none of the programs is built here"
