#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Red when systemd does not understand a line of the units of rzsd, the kernel module or rzs-autoswap, or misses a program.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${builddir:=.}"
has_rzsd || skip "this build has no rzsd"
[ -e "$builddir/scripts/systemd/rzsd.service" ] || skip "this build has no units"
requires systemd-analyze --version

mkdir "$tmpdir/units"
for unit in rzsd.service rzsd.socket rzsd-attach.service ramzswap-attach.service rzs-autoswap.service \
	rzs-autoswap-shutdown.service; do
	sed -e "s,=[^ ]*/rzs-nbd-swap ,=$(realpath "$builddir/scripts/rzs-nbd-swap") ," \
		-e "s,=[^ ]*/rzs-module-swap ,=$(realpath "$builddir/scripts/rzs-module-swap") ," \
		-e "s,=[^ ]*/rzs-swap-shutdown ,=$(realpath "$builddir/scripts/rzs-swap-shutdown") ," \
		-e "s,=[^ ]*/rzs-autoswap\$,=$(realpath "$builddir/tools/autoswap/rzs-autoswap")," \
		-e "s,=[^ ]*/rzsd ,=$(realpath "${RZSD##* }") ," \
		"$builddir/scripts/systemd/$unit" >"$tmpdir/units/$unit"
done
systemd-analyze verify --man=no "$tmpdir"/units/* >"$tmpdir/out" 2>&1 ||
	fail "systemd-analyze verify: $(cat "$tmpdir/out")"
! grep -E 'rzs|nbd' "$tmpdir/out" || fail "systemd-analyze verify has something to say"
