#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An image goes in and comes out the same: small and large requests, one and many connections, with and
# without holes.  Red when a byte is stored wrongly, or when extents call data zero.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires nbdcopy --version
requires_python_nbd

# Data of every kind, zeros and holes, and a tail that is not whole pages of anything.
mb=$((24 / T_TIMEOUT_SCALE + 1))
for ((i = 0; i < mb; i++)); do
	case $((i % 4)) in
	0) head -c 1M /dev/urandom ;;
	1) seq $((i * 1000000)) $((i * 1000000 + 200000)) | head -c 1M || true ;;
	2) head -c 1M /dev/zero ;;
	3) yes "line $i" | head -c 1M || true ;;
	esac
done >"$tmpdir/in"
truncate -s $(((mb + 3) * 1048576 + 4096)) "$tmpdir/in"
size=$(stat -c %s "$tmpdir/in")

check_form() {
	local memlimit how

	for memlimit in 0 $((size * 2)); do
		start "size=$size" "memlimit=$memlimit" protect=off
		for how in --synchronous \
			'--connections=4 --requests=64 --request-size=262144' \
			'--connections=1 --requests=8 --request-size=33554432' \
			'--destination-is-zero'; do
			# The device already holds what the last round wrote: only the first may assume zeros.
			[ "$how" != --destination-is-zero ] || "$PYTHON" -m nbd -u "$uri" -c "h.trim($size, 0)"
			# shellcheck disable=SC2086
			nbdcopy $how "$tmpdir/in" "$uri" || fail "nbdcopy $how to the device, memlimit=$memlimit"
			rm -f "$tmpdir/out"
			# shellcheck disable=SC2086
			nbdcopy ${how/--destination-is-zero/--allocated} "$uri" "$tmpdir/out" ||
				fail "nbdcopy from the device"
			cmp "$tmpdir/in" "$tmpdir/out" || fail "differs after nbdcopy $how, memlimit=$memlimit"
		done
		stop_server
	done
}

each_form check_form
