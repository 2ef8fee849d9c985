#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The threads that serve requests ask the system for no memory: over a million 4 KiB requests, part of them to
# pages never written before, they take no page fault and make no brk, mmap, munmap, mremap, mprotect or
# madvise call; see plugin-nofault.py.  Red with a malloc() per request, lazily touched scratch or stack
# memory, or blocks that are faulted in by who uses them.

. "${srcdir:-.}/tests/lib/functions.sh"
requires_plugin
skip_under_tools "tools allocate memory of their own in every thread"

requests=${RZS_NOFAULT_REQUESTS:-1000000}
for algorithm in lzo zstd; do
	# shellcheck disable=SC2086
	$NBDKIT "$RZS_PLUGIN" --dump-plugin | grep -q "^rzs_codecs=.*$algorithm" || continue
	start_nbdkit size=1G algorithm=$algorithm
	"$PYTHON" "$srcdir/tests/e2e/plugin-nofault.py" "$sock" "$pid" "$requests" || fail "see above ($algorithm)"
	stop_nbdkit
	requests=$((requests / 10))
done

command -v strace >/dev/null || skip "faults counted and none found; no strace to count system calls with"
start_nbdkit size=1G
strace -f -q -e trace=brk,mmap,munmap,mremap,mprotect,madvise,mlock -o "$tmpdir/calls" -p "$pid" 2>"$tmpdir/strace" &
tracer=$!
cleanup_fn reap "$tracer"
traced() {
	grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$pid/status" || gone "$tracer"
}
wait_for 20 traced || fail "strace does not attach"
gone "$tracer" && skip "faults counted and none found; strace may not attach here: $(cat "$tmpdir/strace")"
"$PYTHON" "$srcdir/tests/e2e/plugin-nofault.py" "$sock" "$pid" 50000 "$tmpdir/calls" || fail "see above (system calls)"
stop_nbdkit
