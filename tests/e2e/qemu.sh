#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# qemu's NBD client against the device: convert, compare, map, patterns at odd offsets, discard.  Red when
# what qemu negotiates (structured replies, FAST_ZERO, base:allocation) is answered in a way it misreads.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires qemu-img --version
requires qemu-io --version

size=$((16 * 1048576))
seq 1000000 | head -c 5M >"$tmpdir/in" || true
head -c 1M /dev/urandom >>"$tmpdir/in"
truncate -s "$size" "$tmpdir/in"

# qemu_io COMMAND..: every one succeeds and reports no mismatch.
qemu_io() {
	local args=() c out

	for c in "$@"; do
		args+=(-c "$c")
	done
	out=$(qemu-io -f raw "${args[@]}" "$uri" 2>&1) || fail "qemu-io: $out"
	case $out in
	*[Ff]ailed* | *rror*) fail "qemu-io: $out" ;;
	esac
}

check_form() {
	local memlimit

	for memlimit in 0 $((size * 2)); do
		start "size=$size" swap-header=false "memlimit=$memlimit" protect=off
		qemu-img info "$uri" | grep -q 'virtual size: 16 MiB' || fail "qemu-img info"
		qemu-img convert -n -f raw -O raw "$tmpdir/in" "$uri" || fail "qemu-img convert onto the device"
		qemu-img convert -f raw -O raw "$uri" "$tmpdir/out" || fail "qemu-img convert from the device"
		cmp "$tmpdir/in" "$tmpdir/out" || fail "differs after qemu-img convert, memlimit=$memlimit"
		qemu-img map --output=json -f raw "$uri" >/dev/null || fail "qemu-img map"
		# With a memlimit data is HOLE too (a write there may fail); qemu-img compare, alone among its commands,
		# takes such extents for unallocated and does not look at them.
		[ "$memlimit" != 0 ] || qemu-img compare -q -f raw -F raw "$tmpdir/in" "$uri" || fail "qemu-img compare"
		qemu_io 'write -P 0xaa 4096 65536' 'read -P 0xaa 4096 65536' \
			'write -P 0x55 513 1' 'read -P 0x55 513 1' \
			'write -P 0x33 8191 4098' 'read -P 0xaa 4096 4095' 'read -P 0x33 8191 4098' \
			'write -z 8k 4k' 'read -P 0 8k 4k' \
			'write -z -u 16k 1000' 'read -P 0 16k 1000' 'read -P 0xaa 17384 100' \
			'discard 32k 8k' 'read -P 0 32k 8k' 'flush' 'write -f -P 7 40k 4k' 'read -P 7 40k 4k'
		qemu-img bench -c $((2000 / T_TIMEOUT_SCALE)) -d 16 -s 4096 -w -t none -f raw "$uri" >/dev/null ||
			fail "qemu-img bench"
		stop_server
	done
}

each_form check_form
