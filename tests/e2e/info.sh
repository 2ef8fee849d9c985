#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What nbdinfo shows of an export: size, abilities, block sizes, an empty map.  Red when a can_* answer, the export
# list or the size is wrong.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_python_nbd

check_form() {
	local can line map

	start size=40M swap-header=false protect=off

	[ "$(nbdinfo --size "$uri")" = 41943040 ] || fail "size is $(nbdinfo --size "$uri")"
	for can in write flush fua trim zero fast-zero multi-conn cache df; do
		nbdinfo --can "$can" "$uri" || fail "says it cannot: $can"
	done
	! nbdinfo --is rotational "$uri" || fail "says it is rotational"
	! nbdinfo --is read-only "$uri" || fail "says it is read-only"

	nbdinfo --json "$uri" >"$tmpdir/info"
	for line in '"block_size_minimum": 1' '"block_size_preferred": 4096' '"block_size_maximum": 33554432' \
		'"base:allocation"' '"description": "compressed RAM'; do
		grep -qF "$line" "$tmpdir/info" || fail "nbdinfo --json lacks $line: $(cat "$tmpdir/info")"
	done
	nbdinfo --list "$uri" >"$tmpdir/list" || fail "nbdinfo --list"
	case $form in
	plugin) grep -q '^export="":' "$tmpdir/list" ;;
	rzsd) grep -q '^export="swap0":' "$tmpdir/list" ;;
	esac || fail "the export list is $(cat "$tmpdir/list")"

	map=$(nbdinfo --map "$uri" | tr -s ' ')
	[ "$map" = " 0 41943040 3 hole,zero" ] || fail "map of an empty device: $map"
	"$PYTHON" -m nbd -u "$uri" -c 'h.pwrite(b"data" * 1024, 8192)' || fail "nbdsh"
	map=$(nbdinfo --map --totals "$uri" | tr -s ' ')
	case $map in
	*" 4096 0.0% 0 data"*" 41938944 100.0% 3 hole,zero"*) ;;
	*) fail "totals of a device of one page: $map" ;;
	esac
	stop_server
}

each_form check_form
