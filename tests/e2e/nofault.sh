#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The threads that serve requests ask the system for no memory: over a million 4 KiB requests, part of them to
# pages never written before, they take no page fault and make no brk, mmap, munmap, mremap, mprotect or
# madvise call; see nofault.py.  Red with a malloc() per request, lazily touched scratch or stack
# memory, or blocks that are faulted in by who uses them.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "tools allocate memory of their own in every thread"

traced() {
	grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$pid/status" || gone "$tracer"
}

check_form() {
	local requests algorithm tracer

	requests=${RZS_NOFAULT_REQUESTS:-1000000}
	for algorithm in lzo zstd; do
		has_codec $algorithm || continue
		start size=1G algorithm=$algorithm
		"$PYTHON" "$srcdir/tests/e2e/nofault.py" "$sock" "$pid" "$requests" || fail "see above ($algorithm)"
		stop_server
		requests=$((requests / 10))
	done

	if ! command -v strace >/dev/null; then
		return
	fi
	start size=1G
	strace -f -q -e trace=brk,mmap,munmap,mremap,mprotect,madvise,mlock -o "$tmpdir/calls" -p "$pid" 2>"$tmpdir/strace" &
	tracer=$!
	cleanup_fn reap "$tracer"
	wait_for 20 traced || fail "strace does not attach"
	if gone "$tracer"; then
		say "faults counted and none found; strace may not attach here: $(cat "$tmpdir/strace")"
		return
	fi
	"$PYTHON" "$srcdir/tests/e2e/nofault.py" "$sock" "$pid" 50000 "$tmpdir/calls" || fail "see above (system calls)"
	stop_server
}

each_form check_form
command -v strace >/dev/null || skip "faults counted and none found; no strace to count system calls with"
