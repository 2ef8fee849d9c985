#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Page 0 is what mkswap would have written, byte for byte, and what other programs take for swap.  Red when a
# field, the label or the UUID is wrong, or when swap-header=false leaves anything there.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires nbdcopy --version
requires mkswap --version
[ "$(getconf PAGESIZE)" = 4096 ] || skip "mkswap here makes headers for other page sizes"

uuid=01234567-89ab-4def-8123-456789abcdef
check_form() {
	local label size bytes i uuids=()

	for label in '' swap0 'fifteen letters'; do
		for size in 40960 1M 3G; do
			start "size=$size" "uuid=$uuid" protect=off ${label:+"label=$label"}
			"$PYTHON" -m nbd -u "$uri" -c 'import sys' -c 'sys.stdout.buffer.write(h.pread(4096, 0))' >"$tmpdir/ours"
			bytes=$(nbdinfo --size "$uri")
			stop_server
			rm -f "$tmpdir/area"
			truncate -s "$bytes" "$tmpdir/area"
			chmod 600 "$tmpdir/area"
			mkswap -U "$uuid" ${label:+-L "$label"} "$tmpdir/area" >/dev/null 2>&1
			cmp -n 4096 "$tmpdir/area" "$tmpdir/ours" || fail "differs from mkswap's, size=$size label='$label'"
		done
	done

	# As others see it; the UUID is random, so two devices have different ones.
	for i in 1 2; do
		start size=1M label=rzs protect=off
		nbdcopy "$uri" "$tmpdir/dev$i"
		stop_server
		if command -v swaplabel >/dev/null; then
			swaplabel "$tmpdir/dev$i" | grep -q '^LABEL: rzs$' || fail "swaplabel: $(swaplabel "$tmpdir/dev$i")"
		fi
		if command -v blkid >/dev/null; then
			[ "$(blkid -p -o value -s TYPE "$tmpdir/dev$i")" = swap ] || fail "blkid does not call it swap"
			[ "$(blkid -p -o value -s LABEL "$tmpdir/dev$i")" = rzs ] || fail "blkid sees another label"
			uuids+=("$(blkid -p -o value -s UUID "$tmpdir/dev$i")")
		fi
		if command -v file >/dev/null; then
			file -b "$tmpdir/dev$i" | grep -q 'swap file.*version 1' || fail "file: $(file -b "$tmpdir/dev$i")"
		fi
	done
	[ "${#uuids[@]}" = 0 ] || [ "${uuids[0]}" != "${uuids[1]}" ] || fail "two devices have the UUID ${uuids[0]}"

	start size=1M swap-header=false protect=off
	nbdcopy "$uri" "$tmpdir/plain"
	stop_server
	cmp -n 1048576 "$tmpdir/plain" /dev/zero || fail "swap-header=false leaves something on the device"
}

each_form check_form
command -v file >/dev/null || skip "all but what file(1) says: file is not installed"
