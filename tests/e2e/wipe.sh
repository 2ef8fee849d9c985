#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device with wipe=yes: what went through rzsd and is dropped is nowhere in its memory once the client has gone.
# Red when a connection's buffers, what came with a handshake, or the store keep any of it.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"
requires_root
skip_under_tools "they keep memory that was given back"

for codec in lzo zstd lz4; do
	form=rzsd has_codec "$codec" || continue
	# Debian's liblz4 looks for memmove() when it first calls it, and what registers held of a page is then on the
	# stack, once.  The others, and rzsd, look at the start.
	[ "$codec" != lz4 ] || export LD_BIND_NOW=1
	start_rzsd size=4M wipe=yes protect=off algorithm="$codec"
	"$PYTHON" "$srcdir/tests/e2e/wipe.py" "$sock" "$pid" || { show_log "$log"; fail "$codec: see above"; }
	stop_server
done
