#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsd with spill=FILE: a device with a small memlimit takes three times as much, half of it incompressible; see spill.py.
#
# Red when: a write is refused while the file has room; a page is read wrong, or lost; more memory is held than memlimit;
# the file is used up by pages that were overwritten; damage of the file is more than EIO of the pages in it; a key that
# can be changed is not; the server does not end, or does not start again with the same file; a target that does not fit
# is taken, or is refused without its key, its name and what to do; rzscontrol spill does not show what is there.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires nbdinfo --version
requires_python_nbd
form=rzsd
has_rzsd || skip "this build has no rzsd"
tool=$top_builddir/tools/rzscontrol/rzscontrol

limit=$((8 << 20))

# make_target NAME MIB: written in full.
make_target() {
	dd if=/dev/zero of="$1" bs=1M count="$2" conv=fsync status=none
	chmod 600 "$1"
}

# refused_with TEXT.. -- SPILL: a server with a device that spills there does not start, and says why.
refused_with() {
	local texts=()

	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	: >"$tmpdir/rzsd.conf"
	# shellcheck disable=SC2086
	fails_with "${texts[@]}" -- $RZSD --config "$tmpdir/rzsd.conf" --listen "$tmpdir/refused" --pid-file "$tmpdir/refused.pid" \
		--protect off --device "swap0,size=16M,memlimit=${3:-8M},spill=$2"
}

check_targets() {
	refused_with spill= "full path" -- relative
	refused_with spill "$tmpdir/none" "No such file" -- "$tmpdir/none"
	refused_with spill "neither a block device nor a file" -- "$tmpdir"
	truncate -s 4M "$tmpdir/holes"
	chmod 600 "$tmpdir/holes"
	refused_with spill "$tmpdir/holes" "it has holes" "write it in full" -- "$tmpdir/holes"
	make_target "$tmpdir/bad" 2
	refused_with spill "$tmpdir/bad" memlimit "raise it" -- "$tmpdir/bad" 1M
	ln -s "$tmpdir/bad" "$tmpdir/link"
	refused_with spill "symbolic link" "path of the file itself" -- "$tmpdir/link"
	chmod 644 "$tmpdir/bad"
	refused_with spill 0644 "chmod 0600" -- "$tmpdir/bad"
	chmod 600 "$tmpdir/bad"
	printf x >>"$tmpdir/bad"
	refused_with spill "not a multiple of 32768" "truncate it to 2097152" -- "$tmpdir/bad"
	truncate -s 512K "$tmpdir/bad"
	refused_with spill "too small" 1048576 -- "$tmpdir/bad"
	make_target "$tmpdir/bad" 2
	printf SWAPSPACE2 | dd of="$tmpdir/bad" bs=1 seek=4086 conv=notrunc status=none
	refused_with spill "it holds something" "dd if=/dev/zero" -- "$tmpdir/bad"
	rm -f "$tmpdir/bad" "$tmpdir/link" "$tmpdir/holes"
}

run_client() {
	"$PYTHON" "$srcdir/tests/e2e/spill.py" "$uri" "$1" "$tmpdir/state" || fail "see above ($1)"
}

# Nobody was refused, and the limit has held.
check_figures() {
	ask_stats
	[ "$(stat_of refused_limit)" = 0 ] || fail "$(stat_of refused_limit) writes were refused"
	[ "$(stat_of mem_peak_bytes)" -le $limit ] || fail "mem_peak_bytes=$(stat_of mem_peak_bytes) is over $limit"
	[ "$(stat_of impossible)" = 0 ] || fail "impossible=$(stat_of impossible)"
	[ "$(stat_of spill_failed)" = 0 ] || fail "spill_failed=$(stat_of spill_failed)"
	say "spilled $(stat_of pages_spilled) pages; $(stat_of spill_writes) blocks written, $(stat_of spill_reads) read," \
		"for $(stat_of spill_gathered_bytes) bytes; $(stat_of spill_places) places in use"
}

# What rzscontrol shows.  The statistics go on changing, as places are tidied.
check_shown() {
	local json

	json=$("$tool" swap0 spill --json --socket "$sock.control") || fail "rzscontrol swap0 spill --json fails"
	"$PYTHON" - "$json" "$target" <<-'END' || fail "spill: $json"
		import json, sys
		d = json.loads(sys.argv[1])
		s = d["stats"]
		ok = (d["params"]["spill"] == sys.argv[2] and d["params"]["spill-rate"] == 0
		      and s["pages_spilled"] > 1000 and s["spill_places"] > 0 and s["spill_writes"] > 0
		      and abs(d["amplification"] - s["spill_writes"] * 32768 / s["spill_gathered_bytes"]) < 1e-6)
		sys.exit(not ok)
	END
	"$tool" swap0 spill --socket "$sock.control" >"$tmpdir/shown" || fail "rzscontrol swap0 spill fails"
	if ! grep -qx "swap0: spills to $target" "$tmpdir/shown" || ! grep -qx '  trouble   none' "$tmpdir/shown"; then
		fail "spill: $(cat "$tmpdir/shown")"
	fi
}

start_spilling() {
	start_rzsd size=24M memlimit=8M spill="$target" swap-header=false protect=off workers=2
}

make_target "$tmpdir/target" 20
target=$tmpdir/target
case $(stat -f -c %T "$target") in
ext2/ext3 | xfs) ;; # so stat(1) calls ext4, too
*) skip "needs a directory for temporary files on ext4 or xfs (TMPDIR)" ;;
esac
check_targets

start_spilling
run_client fill
check_figures
[ "$(stat_of pages_spilled)" -gt 1000 ] || fail "only $(stat_of pages_spilled) pages are spilled"
check_shown
run_client change
check_figures
refused_with spill "$target" "in use" -- "$target"
fails_with "spill" -- "$tool" set --socket "$sock.control" swap0 spill=off
"$tool" set --socket "$sock.control" swap0 spill-rate=30M spill-daily=1G spill-after=3600
fails_with spill-rate "32768" -- "$tool" set --socket "$sock.control" swap0 spill-rate=1

# What is in the first half of the file is lost, and nothing else.
dd if=/dev/urandom of="$target" bs=32K seek=1 count=320 conv=notrunc,fsync status=none
run_client damaged
run_client change
stop_server

# Nothing of the file is needed, and the mark says that it is ours.
start_spilling
run_client fill
check_figures
stop_server
