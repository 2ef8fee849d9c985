#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fio writes with checksums in every block and reads them back, several jobs on parts of one device at once,
# with overwrites.  Red when parallel writes to neighbouring pages disturb one another.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires fio --version
fio --enghelp 2>/dev/null | grep -qw nbd || skip "this fio has no nbd engine"

check_form() {
	local bs part mb=$((12 / T_TIMEOUT_SCALE + 1))

	# A job is a process, so the device has several writers.
	start size=64M protect=off shared=yes
	for bs in 4096 512 61440; do
		# Verified after each loop; the second loop overwrites.  The jobs' parts meet inside one page: each begins where
		# the one before it ends, the first at 512.  fio writes whole blocks only, so a part is a number of them.
		part=$((mb * 1048576 / bs * bs))
		(cd "$tmpdir" && exec fio --name=verify --ioengine=nbd --uri="$uri" --rw=randwrite --bs="$bs" --loops=2 \
			--offset=512 --size=$part --offset_increment=$part --numjobs=3 --iodepth=64 \
			--buffer_compress_percentage=60 --refill_buffers --verify=crc32c --verify_fatal=1 \
			--verify_state_save=0 --do_verify=1 --randseed=20091 --output="$tmpdir/fio") || {
			show_log "$tmpdir/fio"
			fail "fio, bs=$bs (randseed 20091)"
		}
	done
	stop_server
}

each_form check_form
