#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Idle pages are recompressed in the background, with a client that has written them and reads them back.
#
# Red when: nothing is recompressed, by itself or after rzscontrol DEVICE idle; pages are read wrong after that; a page
# that is written anew stays counted; statistics do not add up; a key out of range is taken; the server does not end
# while it recompresses.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"
requires nbdcopy --version
requires_python_nbd

make_machine
control=$run/control.sock

# What LZO halves and zstd makes smaller still; 512 pages.
make_pages() {
	"$PYTHON" - "$1" <<-'END'
		import random, sys
		r = random.Random(1)
		with open(sys.argv[1], "wb") as f:
		    for i in range(512):
		        f.write(bytes(r.choice(b"0123456789abcdef") for k in range(4096)))
	END
}

# stat_is NAME: as the server has it now.
stat_is() {
	"$tool" metrics --socket "$control" | sed -nE "s/^ramzswap_$1(_total)?\{.*\} //p"
}

reaches() {
	[ "$(stat_is "$1")" -ge "$2" ]
}

reads_as() {
	nbdcopy "$uri" "$tmpdir/back" && cmp -n "$(stat -c %s "$1")" "$1" "$tmpdir/back" ||
		fail "what is read is not what was written"
}

check_form() {
	has_codec zstd || return 0
	make_pages "$tmpdir/data"

	# By hand: nothing is old enough by itself.
	start_controlled size=8M protect=off swap-header=false recompress=zstd recompress-after=86400 recompress-cpu=100
	name=$("$tool" list --socket "$control" | awk 'NR == 2 { print $1 }')
	nbdcopy "$tmpdir/data" "$uri"
	[ "$(stat_is pages_recompressed)" = 0 ] || fail "pages that were just written are recompressed"
	gives 0 "$control" idle
	wait_for 60 reaches pages_recompressed 512 || fail "recompressed: $(stat_is pages_recompressed) of 512 pages"
	[ "$(stat_is recompress_kept)" = 512 ] && [ "$(stat_is recompress_saved_bytes)" -gt 50000 ] ||
		fail "kept $(stat_is recompress_kept), saved $(stat_is recompress_saved_bytes) bytes"
	reads_as "$tmpdir/data"
	[ "$(stat_is pages_recompressed)" = 512 ] || fail "pages that were read have changed"
	nbdcopy "$tmpdir/data" "$uri"
	[ "$(stat_is pages_recompressed)" = 0 ] || fail "pages that were written are counted still"
	reads_as "$tmpdir/data"
	complains 2 recompress-cpu set --socket "$control" "$name" recompress-cpu=0
	complains 2 recompress set --socket "$control" "$name" recompress=none

	# By itself, and it ends in the middle.
	gives 0 set --socket "$control" "$name" recompress-after=1
	wait_for 60 reaches pages_recompressed 1 || fail "nothing is recompressed by itself"
	stop_server
}

each_form check_form
