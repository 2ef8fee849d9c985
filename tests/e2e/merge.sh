#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Equal pages are merged, and no longer, by rzscontrol, with a client that has written them.
#
# Red when: equal pages do not share objects, or others do; the counters are not KSM's; a page reads as another one;
# run=2 does not give each page its own object, or begins where memory has no room; a knob out of range is taken; the
# server does not end while it merges.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"
requires nbdcopy --version
requires_python_nbd

make_machine
control=$run/control.sock

# make_pages FILE KINDS EACH UNIQUE RAW: pages of so many kinds in turn, EACH of each, then unique ones; raw: they do
# not compress.
make_pages() {
	"$PYTHON" - "$@" <<-'END'
		import base64, random, sys
		name, kinds, each, unique, raw = sys.argv[1], *map(int, sys.argv[2:])
		def page(n):
		    r = random.Random(n)
		    return r.randbytes(4096) if raw else base64.b16encode(r.randbytes(2048))
		with open(name, "wb") as f:
		    for i in range(kinds * each):
		        f.write(page(i % kinds))
		    for i in range(unique):
		        f.write(page(kinds + i))
	END
}

# counter NAME: as the server has it now.
counter() {
	"$tool" "$control" merge | sed -n "s/^$1=//p"
}

counter_is() {
	[ "$(counter "$1")" = "$2" ]
}

scans_reach() {
	[ "$(counter full_scans)" -ge "$1" ]
}

# scan_all: whatever is stored now has been looked at.
scan_all() {
	wait_for 60 scans_reach $(($(counter full_scans) + 2)) || fail "the scan does not go on: $("$tool" "$control" merge)"
}

# counters SHARED SHARING UNSHARED VOLATILE
counters() {
	local name

	gives 0 "$control" merge
	for name in pages_shared pages_sharing pages_unshared pages_volatile; do
		grep -qx "$name=$1" "$out" || fail "$name is not $1: $(cat "$out")"
		shift
	done
}

# reads_as FILE
reads_as() {
	nbdcopy "$uri" "$tmpdir/back" && cmp -n "$(stat -c %s "$1")" "$1" "$tmpdir/back" ||
		fail "what is read is not what was written"
}

there_and_back() {
	start_controlled size=8M protect=off swap-header=false
	make_pages "$tmpdir/data" 10 100 200 0
	nbdcopy "$tmpdir/data" "$uri"
	counters 0 0 0 0
	grep -qx run=0 "$out" && grep -qx pages_to_scan=100 "$out" && grep -qx sleep_millisecs=20 "$out" &&
		grep -qx max_page_sharing=256 "$out" && grep -qx smart_scan=1 "$out" && grep -qx merge_bytes=0 "$out" ||
		fail "the defaults: $(cat "$out")"
	gives 0 "$control" --stats
	! grep -q Merge "$out" || fail "--stats of a device that does not merge: $(cat "$out")"

	gives 0 "$control" merge run=1 pages_to_scan=2048 sleep_millisecs=1 smart_scan=0
	scan_all
	counters 10 990 200 0
	reads_as "$tmpdir/data"
	complains 3 'run=2 first' "$control" merge max_page_sharing=99
	gives 0 "$control" merge max_page_sharing=256
	gives 0 "$control" --stats
	grep -qx 'MergeShared:	      10' "$out" && grep -qx 'MergeSharing:	     990' "$out" || fail "--stats: $(cat "$out")"
	gives 0 "$control" merge --json
	json 'd["knobs"] == {"run": 1, "pages_to_scan": 2048, "sleep_millisecs": 1, "max_page_sharing": 256, "smart_scan": 0,
		"inline": 0}' \
		'd["stats"]["pages_sharing"] == 990' \
		'd["general_profit"] == d["stats"]["merge_saved_bytes"] - d["stats"]["merge_bytes"] > 500000'
	gives 0 metrics --socket "$control" --output "$tmpdir/rzs.prom"
	"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$tmpdir/rzs.prom" \
		"value('ramzswap_general_profit_bytes') > 500000" "value('ramzswap_pages_sharing') == 990" ||
		fail "metrics: $(cat "$tmpdir/rzs.prom")"

	# A hundred of them are overwritten with pages that there are not yet, ten of each kind.
	make_pages "$tmpdir/new" 0 0 1700 0
	dd if="$tmpdir/new" of="$tmpdir/data" bs=4096 skip=1500 count=100 conv=notrunc 2>/dev/null
	nbdcopy "$tmpdir/data" "$uri"
	scan_all
	counters 10 890 300 0
	reads_as "$tmpdir/data"

	gives 0 "$control" merge run=0
	counters 10 890 300 0
	gives 0 "$control" merge run=2
	wait_for 60 counter_is pages_sharing 0 || fail "run=2 does not end: $("$tool" "$control" merge)"
	gives 0 "$control" merge
	grep -qx run=2 "$out" && grep -qx pages_shared=0 "$out" && grep -qx merge_saved_bytes=0 "$out" ||
		fail "after run=2: $(cat "$out")"
	reads_as "$tmpdir/data"
	gives 0 "$control" merge max_page_sharing=99 run=0

	# Without any scan, the writes merge.
	gives 0 "$control" merge inline=1 pages_to_scan=0 run=1
	make_pages "$tmpdir/data" 10 100 0 0
	nbdcopy "$tmpdir/data" "$uri"
	[ "$(counter pages_sharing)" -ge 900 ] || fail "writes do not merge: $("$tool" "$control" merge)"
	reads_as "$tmpdir/data"
	stop_server
}

# Raw pages, so that what undoing takes is known: 800 copies of 4 KiB and more.
does_not_fit() {
	start_controlled size=16M protect=off swap-header=false reserve=1M merge-run=1 merge-pages-to-scan=4096 \
		merge-sleep-millisecs=1
	make_pages "$tmpdir/data" 200 5 0 1
	nbdcopy "$tmpdir/data" "$uri"
	scan_all
	counters 200 800 0 0
	# Compaction gives back what is not needed any more.
	limit_holds() {
		"$tool" set --socket "$control" "$1" memlimit=3M 2>"$err"
	}
	wait_for 60 limit_holds "$("$tool" list --socket "$control" | awk 'NR == 2 { print $1 }')" ||
		fail "the memory of merged pages does not come back: $(cat "$err")"
	complains 1 ' bytes, and memlimit has ' "$control" merge run=2
	[ "$(sed -n 's/.*takes \([0-9]*\) bytes.*/\1/p' "$err")" -gt $((800 * 4096)) ] || fail "too little: $(cat "$err")"
	counters 200 800 0 0
	grep -qx run=0 "$out" || fail "run after a refused run=2: $(cat "$out")"
	reads_as "$tmpdir/data"
	gives 0 "$control" -m 0
	gives 0 "$control" merge run=2
	wait_for 60 counter_is pages_sharing 0 || fail "run=2 does not end: $("$tool" "$control" merge)"
	reads_as "$tmpdir/data"

	# It ends in the middle of a scan that has no pauses and no end.
	gives 0 "$control" merge run=1 sleep_millisecs=0 pages_to_scan=2147483647
	scan_all
	stop_server
}

bad_values() {
	local setting

	start_controlled size=8M protect=off
	for setting in run=3 run=-1 run=x pages_to_scan=-1 sleep_millisecs=1.5 max_page_sharing=1 smart_scan=2 inline=2; do
		complains 2 expected "$control" merge "$setting"
	done
	complains 2 'where KNOB is run' "$control" merge runs=1
	complains 2 'where KNOB is run' "$control" merge run
	gives 0 "$control" merge
	grep -qx run=0 "$out" || fail "a refused knob has changed: $(cat "$out")"
	stop_server
	for setting in merge-run=3 merge-max-page-sharing=1 merge-pages-to-scan=many; do
		# shellcheck disable=SC2086
		case $form in
		plugin) fails_with "$setting: expected" -- $NBDKIT -f -U - "$RZS_PLUGIN" 16M protect=off $setting ;;
		rzsd) fails_with "$setting: expected" -- $RZSD --config "$tmpdir/rzsd.conf" --check-config \
			--device "swap0,$setting" ;;
		esac
	done
}

check_form() {
	there_and_back
	does_not_fit
	bad_values
}

each_form check_form
