#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol against a control socket that answers from a table, on a made-up machine.  What
# rzs-nbd-swap does with its arguments is nbd-swap.sh's part.
#
# Red when: a wrong option or number is taken; the original's order or lines change; an exit status
# is another; a device is not found by one of its names, or another one is; JSON or metrics are not
# valid; rzs-nbd-swap gets other arguments.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

test_usage() {
	local n

	make_machine
	serve "$run/control.sock" "$table"
	complains_usage() { complains 2 "$@"; }
	gives 2
	[ ! -s "$out" ] || fail "no arguments: $(cat "$out")"
	gives 0 --help
	says 'usage: rzscontrol DEVICE'
	gives 0 swap0 -h
	gives 0 --version
	[ "$(wc -l <"$out")" = 1 ] || fail "--version says $(cat "$out")"
	complains_usage 'nothing to do' swap0
	complains_usage 'no such option' swap0 --frobnicate
	complains_usage 'no such option' swap0 -x
	complains_usage '--memlimit_kb: needs a value' swap0 --memlimit_kb
	complains_usage '--init=1' swap0 --init=1
	complains_usage '--init is not an option of list' list --init
	complains_usage '--output is not an option of a device' swap0 --stats --output x
	complains_usage '--json needs' swap0 --init --json
	complains_usage '--count needs' swap0 --stats --count 1
	complains_usage '--watch cannot be combined' swap0 --watch --reset
	complains_usage 'expected DEVICE and options' swap0 swap1 --stats
	complains_usage 'expected no arguments' list swap0
	complains_usage 'expected DEVICE KEY=VALUE' set swap0
	complains_usage 'expected KEY=VALUE, such as size=1G' set swap0 size
	complains_usage 'expected KEY=VALUE' create swap2 =1G
	complains_usage 'expected DEVICE [KNOB=VALUE]' merge
	complains_usage '--reset is not an option of merge' swap0 merge run=1 --reset
	complains_usage '--count is not an option of merge' merge swap0 --count 1
	complains_usage 'expected DEVICE' swap0 spill spill-rate=1M
	complains_usage 'expected no arguments' upgrade swap0
	complains_usage 'expected /dev/nbdN' attach swap0 /dev/sda
	complains_usage 'the interval' watch 0
	complains_usage 'the interval' swap0 --watch 99999999
	for n in 12abc '' -5 ' 7' 0 39 17179868161 99999999999999999999 0x40 512M; do
		complains_usage "--disksize_kb $n: expected a number of KiB" swap0 --disksize_kb="$n"
	done
	for n in x -1 18446744073709551616; do
		complains_usage "--memlimit_kb $n: expected a number of KiB (0: no limit)" \
			swap0 -m "$n"
	done
	complains_usage '--timeout 0: expected a number of seconds, from 1 to 3600' list --timeout 0
	complains_usage '--count 0' watch --count 0
	was_asked ''
	end_server "$run/control.sock"
}

test_classic() {
	make_machine
	serve "$run/control.sock" "$table"
	gives 0 swap0 --stats
	diff - "$out" <<-END || fail "--stats differs"
		DiskSize:	   65536 kB
		MemLimit:	   32768 kB
		NumReads:	     101
		NumWrites:	    2000
		FailedReads:	       1
		FailedWrites:	       6
		InvalidIO:	       0
		NotifyFree:	       3
		ZeroPages:	      24
		GoodCompress:	      80 %
		NoCompress:	       5 %
		PagesStored:	    1000
		PagesUsed:	     512
		OrigDataSize:	    4000 kB
		ComprDataSize:	    1600 kB
		MemUsedTotal:	    2048 kB
	END
	was_asked ''

	# One order, whatever the one on the line.
	gives 0 swap1 --reset --init --disksize_kb=65536 -m 0
	was_asked 'set swap1 memlimit=0' 'set swap1 size=65536K' 'init swap1' 'reset swap1'
	gives 0 swap1 -ri -v
	says 'swap1: init'
	says 'swap1: reset'
	: >"$asked"
	gives 0 swap1 -d65536 -i
	was_asked 'set swap1 size=65536K' 'init swap1'

	# The first that fails ends it.
	complains 3 'initialised already: only memlimit can be set' swap0 -m32768 -d65536 -i -s
	was_asked 'set swap0 memlimit=32768K' 'set swap0 size=65536K'
	complains 3 'initialised already' swap0 -i -r
	was_asked 'init swap0'
	complains 3 '1 client is attached: detach it first' swap0 --reset
	complains 1 "not initialised, there are no statistics; 'rzscontrol swap1 --init'" swap1 -s
	: >"$asked"
	complains 5 'backing swap; nothing was changed' \
		swap1 --backing_swap=/dev/sda2 -m 1024 --init
	was_asked ''
	complains 4 'swap9: there is no such device (there is swap0, swap1)' swap9 --stats

	gives 0 swap0 --stats --json
	json 'd["device"] == "swap0" and d["program"] == "rzsd" and d["pid"] == 4242' \
		'd["stats"]["refused_limit"] == 4 and len(d["stats"]) == 51' 'd["ratio"] == 2' \
		'd["latency"]["write"]["p999_ns"] == 900000' 'd["attached"] is None' \
		'd["stale_bytes"] is None and d["nbd_socket"] == "/run/rzs/nbd.sock"'
	timeout 60 "$tool" swap0 --stats >/dev/full 2>"$err" && fail "writing to a full disk succeeds"
	grep -q 'cannot write: No space' "$err" || fail "of a full disk it says $(cat "$err")"
	end_server "$run/control.sock"
}

test_commands() {
	make_machine
	serve "$run/control.sock" "$table"
	gives 0 list
	grep -qE '^swap0 +ready +64.0M +32.0M +lzo +1 +4.0M +2.0M +-$' "$out" ||
		fail "list: $(cat "$out")"
	grep -qE '^swap1 +off +- +none +zstd +0 +0 +0 +-$' "$out" || fail "list: $(cat "$out")"
	gives 0 list --json
	json 'd["servers"][0]["socket"].endswith("/run/rzs/control.sock")' \
		'[x["name"] for x in d["servers"][0]["devices"]] == ["swap0", "swap1"]' \
		'd["servers"][0]["devices"][0]["memlimit_bytes"] == 33554432' \
		'd["servers"][0]["devices"][1]["swap_uuid"] is None' \
		'd["servers"][0]["devices"][1]["ready"] is False'
	gives 0 process
	says 'protect realtime         refused'
	gives 0 process --json
	json 'd["servers"][0]["protections"]["realtime"] == "refused"' \
		'd["servers"][0]["stats"]["headroom_shortages"] == 4'
	gives 0 params swap0
	grep -qxF 'label=my "swap"' "$out" || fail "params: $(cat "$out")"
	grep -qxF 'level=' "$out" || fail "params: $(cat "$out")"
	gives 0 params swap0 --json
	json 'd["params"]["label"] == "my \"swap\""'
	: >"$asked"

	gives 0 create swap2
	gives 0 create swap2 size=1G 'label=a b'
	gives 0 set swap1 size=1G wipe=true
	gives 0 set --device swap1 size=9%
	gives 0 compact swap0
	complains 1 'not initialised' compact swap1
	gives 0 remove swap1
	was_asked 'create swap2' 'create swap2 size=1G label=a%20b' 'set swap1 size=1G wipe=true' \
		'set swap1 size=9%25' 'compact swap0' \
		'compact swap1' 'remove swap1'
	complains 2 'no such key; there are size' set swap1 colour=red
	complains 1 'there is a device of this name' create swap0
	complains 5 'as long as nbdkit runs' create none
	complains 3 'detach it first' remove swap0
	complains 4 'no such device' remove swap9
	complains 2 'expected the name of the new device' create "$run/control.sock"
	: >"$asked"
	complains 2 "more than a request may have" create swap2 "label=$(printf '%01100d' 0)"
	# shellcheck disable=SC2046
	complains 2 "more than a request may have" set swap1 $(printf 'size=%dM ' {1..31})
	was_asked ''
	end_server "$run/control.sock"
}

# A device by all that it may be called.
test_names() {
	local uuid=3f2b9c1e-8a4d-4c6f-9e0b-112233445566

	make_machine
	complains 4 'no server answers in' list
	complains 4 'there is no such socket' swap0 --stats --socket /nowhere/control.sock
	complains 4 'there is no such socket' /nowhere/control.sock --stats
	complains 2 'a path of more than 4095 bytes' "/$(printf '%05000d' 0)" --stats
	complains 1 'at most 107 bytes' "/$(printf '%0200d' 0)" --stats
	serve "$run/control.sock" "$table"
	gives 0 "$run/control.sock:swap0" --stats
	gives 0 "$run/control.sock" --device swap0 --stats
	gives 0 --device swap0 --stats --socket "$run/control.sock"
	gives 0 --device swap0 --stats
	complains 2 'several devices, say which: swap0, swap1' "$run/control.sock" --stats
	complains 2 'names a device already' "$run/control.sock:swap0" --device swap0 --stats
	complains 4 'list: there is no such device' --device list --stats
	(cd "$run" && gives 0 control.sock:swap0 --stats)

	# By its swap header.
	complains 4 'cannot find out whose it is' /dev/nbd3 --stats
	make_nbd 3 $uuid
	make_nbd 4 00000000-0000-0000-0000-000000000001
	gives 0 /dev/nbd3 --stats --json
	json 'd["device"] == "swap0" and d["attached"] is None'
	complains 4 "no server has a device with its swap header's UUID 00000000-0000" \
		/dev/nbd4 --stats
	echo '/dev/nbd3 partition 65532 1000 100' >>"$RZS_SYSROOT/proc/swaps"
	gives 0 /dev/nbd3 --stats --json
	json 'd["attached"] == "/dev/nbd3" and d["used_bytes"] == 1024000' \
		'd["stale_bytes"] == 4194304 - 4096 - 1024000'

	# By what rzs-nbd-swap has noted.
	printf '%s\n' 'device /dev/nbd5' 'socket /run/rzs/nbd.sock' 'name swap1' 'server_pid 4242' \
		>"$run/nbd5.state"
	gives 0 params /dev/nbd5
	says 'algorithm=zstd'
	gives 0 list --json
	json '[x["attached"] for x in d["servers"][0]["devices"]] == ["/dev/nbd3", "/dev/nbd5"]'
	sed -i 's/4242/4243/' "$run/nbd5.state"
	complains 4 'the server it is attached to has no control socket that answers' /dev/nbd5 -s
	printf '%s\n' 'socket /run/rzs/nbd.sock' 'name swap0' >"$run/nbd5.state"
	gives 0 /dev/nbd5 --stats
	echo 'socket /run/rzs/nbd.sock' >"$run/nbd5.state"
	complains 2 'several devices, say which' /dev/nbd5 --stats

	# A second server: its only device by its socket, and names that are no longer unique.
	serve_text "$run/other.sock" <<-END
		ramzswap-control 1 nbdkit 0.1.0
		> server
		 pid 99
		ok
		> list
		 swap0 state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		ok
		> stats swap0
		 nr_pages 10
		ok
	END
	gives 0 "$run/other.sock" --stats
	says 'DiskSize:	      40 kB'
	gives 0 list
	grep -qE "^swap0 .* - +$run/other.sock$" "$out" || fail "list: $(cat "$out")"
	complains 2 "several devices have this name: $run/control.sock:swap0, $run/other.sock:swap0" swap0 -s
	gives 0 params swap0 --socket "$run/control.sock"
	complains 2 'several servers, name the control socket' create swap5
	: >"$asked"
	gives 0 create "$run/control.sock:swap2"
	was_asked 'create swap2'
	end_server "$run/other.sock"
	end_server "$run/control.sock"
	complains 4 'no server answers' swap0 -s
}

test_watch() {
	make_machine
	serve "$run/control.sock" "$table"
	gives 0 swap0 --watch 0.2 --count 2
	[ "$(wc -l <"$out")" = 3 ] || fail "watch: $(cat "$out")"
	grep -qE '^TIME +DEVICE +STORED' "$out" || fail "watch: $(cat "$out")"
	sed -n 2p "$out" |
		grep -qE ' swap0 +4.0M +2.0M +2.00 +12 +5 +- +- +- +12us +80us +20us +200us +6 +160.0K +- 1 refused$' ||
		fail "watch, first line: $(cat "$out")"
	end_server "$run/control.sock"

	# The table's second answer has 200 reads and 400 writes more.
	serve "$run/control.sock" "$table"
	gives 0 watch --json --count 2 0.5
	sed -i '1s/^/[/; 2s/^/,/; $s/$/]/' "$out"
	json 'len(d) == 2 and len(d[0]["devices"]) == 2' \
		'd[0]["devices"][0]["reads_per_second"] is None' \
		'd[1]["devices"][0]["reads_per_second"] > 0' \
		'abs(d[1]["devices"][0]["writes_per_second"] / d[1]["devices"][0]["reads_per_second"] - 2) < 1e-6' \
		'd[1]["devices"][0]["write_bytes_per_second"] > 0' \
		'd[1]["devices"][0]["refused"] == 6 and d[1]["devices"][1]["ready"] is False' \
		'd[1]["servers"][0]["protections"]["lock"] == "ok"'

	# On a terminal: redrawn, within its size.
	"$PYTHON" - "$tool" >"$out" 2>"$err" <<-'END' || fail "watch on a terminal: $(cat "$out" "$err")"
		import fcntl, os, pty, re, struct, sys, termios
		pid, fd = pty.fork()
		if pid == 0:
		    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 60, 0, 0))
		    os.execv(sys.argv[1], [sys.argv[1], "watch", "0.2", "--count", "2"])
		text = b""
		try:
		    while True:
		        text += os.read(fd, 4096)
		except OSError:
		    pass
		assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
		text = text.decode().replace("\r\n", "\n")
		assert text.startswith("\033[2J\033[H") and text.endswith("\033[J"), text
		screens = text.replace("\033[2J", "").split("\033[H")[1:]
		assert len(screens) == 2, text
		for screen in screens:
		    lines = re.sub("\033\\[[JK]", "", screen).splitlines()
		    assert len(lines) <= 8 and lines[-1] == "...", lines
		    assert all(len(line) <= 60 for line in lines), lines
		    assert lines[2] == "  protections: 4 in force, 1 off, REFUSED: realtime", lines
		    assert lines[4] == "swap0: 64.0M, lzo, limit 32.0M, 1 client", lines
	END
	# It ends with the server.
	"$tool" swap0 --watch 0.1 >"$out" 2>"$err" &
	job=$!
	cleanup_fn reap "$job"
	wait_for 20 grep -q swap0 "$out" || fail "watch does not begin"
	end_server "$run/control.sock"
	wait_for 20 gone "$job" || fail "watch does not end with the server"
	code=0
	wait "$job" || code=$?
	[ $code = 4 ] || fail "watch ends with $code: $(cat "$err")"
}

test_metrics() {
	local file=$tmpdir/metrics/rzs.prom

	make_machine
	serve "$run/control.sock" "$table"
	make_nbd 3 3f2b9c1e-8a4d-4c6f-9e0b-112233445566
	echo '/dev/nbd3 partition 65532 1000 100' >>"$RZS_SYSROOT/proc/swaps"
	mkdir "$tmpdir/metrics"
	echo old >"$file"
	gives 0 metrics
	gives 0 metrics --output "$file"
	[ ! -s "$out" ] && [ ! -s "$err" ] || fail "metrics --output says $(cat "$out" "$err")"
	[ "$(stat -c %a "$file")" = 644 ] || fail "metrics: mode $(stat -c %a "$file")"
	"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$file" \
		"value('ramzswap_up') == 1" \
		"value('ramzswap_ready', device='swap1') == 0" \
		"value('ramzswap_reads_total', device='swap0') == 301" \
		"value('ramzswap_stale_bytes', device='swap0') == 4194304 - 4096 - 1024000" \
		"value('ramzswap_request_duration_seconds', op='write', quantile='0.5') == 20e-6" \
		"value('ramzswap_request_duration_seconds_count', op='write') == 2000" \
		"value('ramzswap_request_latency_seconds_bucket', op='write', le='0.000001023') == 1" \
		"value('ramzswap_request_latency_seconds_bucket', op='write', le='0.000002047') == 2" \
		"value('ramzswap_request_latency_seconds_bucket', op='write', le='0.000032767') == 1999" \
		"value('ramzswap_request_latency_seconds_bucket', op='write', le='1.073741823') == 2000" \
		"value('ramzswap_request_latency_seconds_sum', op='write') == 0.04" \
		"quantile('ramzswap_request_latency_seconds', 999, op='read') == (65535e-9, 131071e-9)" \
		"types['ramzswap_request_latency_seconds'] == 'histogram'" \
		"value('ramzswap_write_max_seconds') == 0.002" \
		"value('ramzswap_protection', protection='realtime', state='refused') == 1" \
		"value('ramzswap_process_headroom_shortages_total') == 4" \
		"value('ramzswap_process_reserve_wait_seconds') == 2.5" \
		"types['ramzswap_slide_bytes'] == 'counter'" \
		"'ramzswap_read_requests' not in types" || fail "metrics: $(cat "$file")"
	gives 0 swap0 --stats --json
	json 'd["latency"]["write"]["buckets"][1:3] == [{"le_ns": 1087, "count": 1}, {"le_ns": 18431, "count": 500}]'
	complains 1 'cannot make a file beside it' metrics --output /nowhere/rzs.prom
	mkdir "$tmpdir/metrics/folder"
	complains 1 'a directory; name a file' metrics --output "$tmpdir/metrics/folder"
	end_server "$run/control.sock"
	complains 4 'no server answers' metrics --output "$file"
	"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$file" "value('ramzswap_up') == 0" \
		"'ramzswap_reads' not in types" || fail "metrics of no server: $(cat "$file")"
	[ "$(ls "$tmpdir/metrics")" = $'folder\nrzs.prom' ] ||
		fail "metrics leaves $(ls "$tmpdir/metrics")"
}

# Servers from before there were buckets, and others whose buckets make no sense.
test_buckets() {
	local line

	make_machine
	sed '/^> buckets/,/^ok/d' "$table" >"$tmpdir/old.table"
	serve "$run/control.sock" "$tmpdir/old.table"
	gives 0 metrics --output "$tmpdir/old.prom"
	grep -qx 'buckets swap0' "$asked" || fail "metrics does not ask for buckets"
	"$PYTHON" "$srcdir/tests/lib/openmetrics.py" "$tmpdir/old.prom" \
		"families['ramzswap_request_latency_seconds']['samples'] == []" \
		"value('ramzswap_request_duration_seconds', op='write', quantile='0.5') == 20e-6" \
		"value('ramzswap_reads_total') > 0" || fail "metrics of an old server: $(cat "$tmpdir/old.prom")"
	[ ! -s "$err" ] || fail "of an old server it says $(cat "$err")"
	gives 0 swap0 --stats --json
	json 'd["latency"]["write"]["buckets"] is None' 'd["latency"]["write"]["count"] == 2000'
	end_server "$run/control.sock"

	for line in 'read 10=1 10=2' 'read 10=1 9=2' 'read 10=x' 'read 10=18446744073709551615 11=1' \
		'read sum_ns=x' 'read 99999999999999999999=1' 'read 111111111111111111111111111=1' \
		'a-kind-of-request=1' $'read 1=1\n write 1=1\n read 2=1'; do
		sed '/^> buckets/,/^ok/d' "$table" >"$tmpdir/odd.table"
		printf '%s\n' '> buckets swap0' " $line" ok >>"$tmpdir/odd.table"
		serve "$run/control.sock" "$tmpdir/odd.table"
		complains 1 "its answer to 'buckets' makes no sense" swap0 --stats --json
		end_server "$run/control.sock"
	done
	serve_text "$run/control.sock" <<-END
		$(cat "$tmpdir/old.table")
		> buckets swap0
		error 12 no memory
	END
	complains 1 'no memory' swap0 --stats --json
	end_server "$run/control.sock"
}

# What a device has on a disk: in words and as JSON; one that has nothing, and servers that do not know of it.
test_spill() {
	make_machine
	serve "$run/control.sock" "$table"
	complains 5 'too old to spill pages' swap0 spill
	end_server "$run/control.sock"
	serve_text "$run/control.sock" <<-END
		ramzswap-control 1 rzsd 0.1.0
		> server
		 pid 99
		ok
		> list
		 swap0 state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		 spill state=off size=0 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		 plain state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		ok
		> params swap0
		 spill /srv/a%20b
		 spill-after 3600
		 spill-rate 31457280
		 spill-daily 0
		ok
		> params spill
		 spill /srv/other
		 spill-after 0
		 spill-rate 0
		 spill-daily 1073741824
		ok
		> params plain
		 spill off
		ok
		> stats swap0
		 pages_spilled 3072
		 spilled_bytes 9542041
		 spill_places 311
		 spill_writes 400
		 spill_reads 57
		 spill_refaults 60
		 spill_failed 0
		 spill_gathered_bytes 6553600
		 refused_limit 0
		ok
		> stats swap0
		 spill_writes 400
		 spill_failed 3
		 spill_gathered_bytes 0
		 refused_limit 4
		ok
		> stats spill
		error 19 spill: not initialised
		> stats plain
		 spill_writes 0
		ok
	END
	gives 0 swap0 spill
	diff - "$out" <<-END || fail "spill differs"
		swap0: spills to /srv/a b
		  there     3072 pages, 9.1M after compression, in 311 places of 32K: 9.7M
		  written   400 blocks: 12.5M, 2.00 bytes for each that left memory
		  read      57 blocks: 1.8M, for 60 reads of pages
		  limits    30.0M a second, any amount a day
		  idle      pages go after 3600 s
		  trouble   none
	END
	gives 0 spill swap0
	says '  trouble   3 blocks could not be written or read'
	says '  trouble   4 writes were refused'
	says '  written   400 blocks: 12.5M'
	! grep -q 'for each that left' "$out" || fail "a share of nothing: $(cat "$out")"
	gives 0 spill --device swap0 --json
	json 'd["params"] == {"spill": "/srv/a b", "spill-after": 3600, "spill-rate": 31457280, "spill-daily": 0}' \
		'd["amplification"] is None and d["stats"]["spill_failed"] == 3 and len(d["stats"]) == 9'
	gives 0 spill spill
	says 'the device is not initialised'
	says 'any amount a second, 1.0G a day'
	says 'only when memory is short'
	gives 0 spill spill --json
	json 'd["stats"] is None and d["device"] == "spill"'
	gives 0 plain spill
	says 'plain: spill=off'
	gives 0 plain spill --json
	json 'd["params"]["spill"] is None and d["params"]["spill-rate"] is None'
	complains 4 'no such device' nobody spill
	was_asked ''
	end_server "$run/control.sock"
}

# upgrading TURN..: a server whose answers to "server" are these, one after the other, and the last one from then on.
upgrading() {
	make_machine
	serve_text "$run/control.sock" <<-END
		ramzswap-control 1 rzsd 0.1.0
		$(printf '> server\n%b\n' "$@")
		> list
		ok
		> process
		 takeovers 4
		 takeover_ns 100
		ok
		> process
		 takeovers ${takeovers:-5}
		 takeover_ns 1500000
		ok
		> upgrade
		${upgrade:-ok}
	END
}

# A server that is replaced, and all the ways in which it is not.  One in a table; survive.sh has a real one.
test_upgrade() {
	local old=' pid 99\nok' new=' pid 100\nok' older=' pid 99\n not-replaced 1 long%20ago\nok'

	# It hangs up, and in between it refuses a client: that is not looked at.
	upgrading "$old" "$old" '!close' 'error 11 too many clients' "$new"
	gives 0 upgrade
	grep -q 'process 100, goes on in place of 0.1.0, process 99; clients waited 1.5ms (takeover 5)' "$out" ||
		fail "upgrade: $(cat "$out")"
	was_asked upgrade
	end_server "$run/control.sock"

	# What it refused before does not count.
	upgrading "$older" "$older" "$older" ' pid 99\n not-replaced 2 swap%20is%20on\nok'
	complains 1 'not replaced: swap is on; the old server goes on' upgrade --socket "$run/control.sock"
	end_server "$run/control.sock"
	upgrading "$older" "$older" "$new"
	gives 0 upgrade
	end_server "$run/control.sock"

	takeovers=0 upgrading "$old" "$old" "$new"
	complains 1 'process 99 has ended, and process 100 was started without what was stored' upgrade
	end_server "$run/control.sock"
	upgrading "$old"
	complains 1 'not replaced within 1 s; the old server serves' upgrade --timeout 1
	end_server "$run/control.sock"
	upgrading "$old" "$old" '!close'
	complains 1 'no server has come back within 1 s' upgrade --timeout 1
	end_server "$run/control.sock"

	upgrade='error 95 upgrade: only with survive=yes' upgrading "$old"
	complains 5 'only with survive=yes' upgrade
	end_server "$run/control.sock"
	upgrade='error 22 upgrade: no such verb' upgrading "$old"
	complains 5 'too old to be replaced' upgrade
	serve "$run/other.sock" "$table"
	complains 2 'several servers' upgrade
	end_server "$run/other.sock"
	rm "$run/control.sock"
	complains 4 'no server answers' upgrade
}

# Knobs and counters of merging, and servers that do not have them.
test_merge() {
	make_machine
	serve "$run/control.sock" "$table"
	complains 5 'too old to merge pages' swap0 merge
	end_server "$run/control.sock"
	serve_text "$run/control.sock" <<-END
		ramzswap-control 1 rzsd 0.1.0
		> server
		 pid 99
		ok
		> list
		 swap0 state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		 merge state=off size=0 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		ok
		> params swap0
		 merge-run 1
		 merge-pages-to-scan 100
		 merge-sleep-millisecs 20
		 merge-max-page-sharing 256
		 merge-smart-scan true
		ok
		> params merge
		 merge-run 0
		 merge-pages-to-scan 100
		 merge-sleep-millisecs 20
		 merge-max-page-sharing 256
		 merge-smart-scan false
		ok
		> stats swap0
		 nr_pages 10
		 orig_bytes 40960
		 mem_bytes 40960
		 pages_same 0
		 pages_shared 2
		 pages_sharing 5
		 pages_unshared 1
		 merge_saved_bytes 5000
		 merge_bytes 9096
		ok
		> stats merge
		error 19 merge: not initialised
		> latency swap0
		ok
		> buckets swap0
		ok
		> describe
		ok
		> process
		ok
		> set swap0 merge-run=2
		error 12 swap0: merge-run=2: takes 5 bytes, and memlimit has 4 left; run is 0 now
		> set swap0 merge-smart-scan=0 merge-max-page-sharing=2
		ok
		> set swap0 merge-max-page-sharing=3
		error 16 swap0: merge-max-page-sharing: 2 objects are shared; set merge-run=2 first
	END
	gives 0 swap0 merge
	diff - "$out" <<-END || fail "merge differs"
		run=1
		pages_to_scan=100
		sleep_millisecs=20
		max_page_sharing=256
		smart_scan=1
		pages_shared=2
		pages_sharing=5
		pages_unshared=1
		pages_volatile=0
		full_scans=0
		pages_scanned=0
		pages_skipped=0
		merge_bytes=9096
		merge_saved_bytes=5000
		general_profit=-4096
	END
	gives 0 merge --json merge
	json 'd["stats"] is None and d["general_profit"] is None and d["knobs"]["smart_scan"] == 0'
	gives 0 merge --device swap0 --json
	json 'd["device"] == "swap0" and d["general_profit"] == -4096 and d["stats"]["pages_sharing"] == 5'
	gives 0 swap0 --stats
	says 'MergeProfit:	      -4 kB'
	gives 0 swap0 --stats --json
	json 'd["general_profit"] == -4096'
	gives 0 watch swap0 --json --count 1
	json 'd["devices"][0]["general_profit"] == -4096 and d["devices"][0]["pages_shared"] == 2'
	gives 0 metrics
	grep -q '^ramzswap_general_profit_bytes{device="swap0",.*} -4096$' "$out" || fail "metrics: $(cat "$out")"
	: >"$asked"
	complains 1 'takes 5 bytes, and memlimit has 4 left' swap0 merge run=2
	gives 0 merge --device swap0 smart_scan=0 max_page_sharing=2
	complains 3 'merge-run=2 first' swap0 merge max_page_sharing=3
	complains 2 'where KNOB is run' swap0 merge smart_scan=0 walk=1
	complains 2 'where KNOB is run' swap0 merge "run=$(printf '%0200d' 1)"
	complains 2 'at most 16' swap0 merge run={1..17}
	was_asked 'set swap0 merge-run=2' 'set swap0 merge-smart-scan=0 merge-max-page-sharing=2' \
		'set swap0 merge-max-page-sharing=3'
	end_server "$run/control.sock"
}

# The arguments that rzs-nbd-swap gets.  $RZS_NBD_SWAP notes them, each in brackets.
test_attach() {
	export RZS_NBD_SWAP=$tmpdir/rzs-nbd-swap
	cat >"$RZS_NBD_SWAP" <<-'END'
		#!/bin/sh
		printf '[%s]' "$@" >>"$RZS_SYSROOT/told"
		echo >>"$RZS_SYSROOT/told"
		case " $* " in *' --json '*) echo '{"well":true}' ;; *) echo "$1" ;; esac
		exit "${FAKE_STATUS:-0}"
	END
	chmod +x "$RZS_NBD_SWAP"
	told() {
		[ "$(cat "$RZS_SYSROOT/told" 2>/dev/null)" = "$(printf '%s\n' "$@")" ] ||
			fail "rzs-nbd-swap was told $(cat "$RZS_SYSROOT/told")"
		rm -f "$RZS_SYSROOT/told"
	}

	make_machine
	serve "$run/control.sock" "$table"
	gives 0 attach swap0
	told '[attach][--device][/dev/nbd0][--socket][/run/rzs/nbd.sock][--name][swap0][--server][4242]'
	for n in 0 1 2; do
		mkdir -p "$RZS_SYSROOT/sys/block/nbd$n"
		echo 0 >"$RZS_SYSROOT/sys/block/nbd$n/size"
	done
	echo 99 >"$RZS_SYSROOT/sys/block/nbd0/pid"
	echo 2048 >"$RZS_SYSROOT/sys/block/nbd1/size"
	gives 0 attach swap0 --priority 7 --no-discard --wait=3 -v --connections=2
	told "[attach][--device][/dev/nbd2][--socket][/run/rzs/nbd.sock][--name][swap0][--server][4242]$(:
		)[--priority][7][--no-discard][--wait][3][--connections][2][--verbose]"
	FAKE_STATUS=4 gives 4 attach swap0 /dev/nbd7 --nbd-socket /run/odd.sock --dry-run
	told '[attach][--device][/dev/nbd7][--socket][/run/odd.sock][--name][swap0][--server][4242][--dry-run]'
	complains 3 'not initialised, there is nothing to attach' attach swap1
	complains 3 'no such device' attach swap9
	echo 2048 >"$RZS_SYSROOT/sys/block/nbd2/size"
	complains 3 'all /dev/nbdN are in use' attach swap0
	complains 2 '--mkswap is not an option of detach' detach swap0 --mkswap

	FAKE_STATUS=6 gives 6 detach /dev/nbd4 --verbose
	told '[detach][--device][/dev/nbd4][--verbose]'
	complains 5 'not attached to any known /dev/nbdN' detach swap0
	printf '%s\n' 'socket /run/rzs/nbd.sock' 'name swap0' 'server_pid 4242' >"$run/nbd1.state"
	gives 0 check swap0
	told "[check][--device][/dev/nbd1][--control][$run/control.sock]"
	gives 0 check
	told "[check][--device][/dev/nbd1][--control][$run/control.sock]"
	gives 0 check "$run/control.sock:swap0" --json
	told "[check][--device][/dev/nbd1][--socket][/run/rzs/nbd.sock][--server][4242]$(:
		)[--control][$run/control.sock][--json]"
	rm "$RZS_SYSROOT/sys/block/nbd0/pid"
	gives 0 check swap1
	told "[check][--device][/dev/nbd0][--socket][/run/rzs/nbd.sock][--server][4242]$(:
		)[--control][$run/control.sock]"
	# The server may be what is wrong.
	end_server "$run/control.sock"
	gives 0 detach swap0
	told '[detach][--device][/dev/nbd1]'
	gives 0 check swap0 --json
	told '[check][--device][/dev/nbd1][--json]'
	json 'd["well"]'
	complains 3 'no server answers' detach swap1

	gives 0 check --json
	told '[check][--device][/dev/nbd1][--json]'
	json 'len(d) == 1'
	echo 'name swap1' >"$run/nbd10.state"
	gives 0 check --json
	told '[check][--device][/dev/nbd1][--json]' '[check][--device][/dev/nbd10][--json]'
	json 'len(d) == 2 and d[1]["well"]'
	FAKE_STATUS=6 gives 6 check
	rm -f "$RZS_SYSROOT/told" "$run/nbd1.state" "$run/nbd10.state"
	gives 0 check
	told '[check]'
	RZS_NBD_SWAP=/nowhere complains 1 'is ramzswap installed completely' check

	# A server that does not tell where it listens; 556 is its control socket, 557 is not its.
	make_machine
	serve_text "$run/control.sock" <<-END
		ramzswap-control 1 nbdkit 0.1.0
		> server
		 pid 77
		ok
		> list
		 rzs state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		ok
	END
	complains 3 'the unix socket for NBD clients is not known' attach rzs
	mkdir -p "$RZS_SYSROOT/proc/77/fd" "$RZS_SYSROOT/proc/net"
	for n in 555 556 558; do
		ln -s "socket:[$n]" "$RZS_SYSROOT/proc/77/fd/$n"
	done
	cat >"$RZS_SYSROOT/proc/net/unix" <<-END
		Num       RefCount Protocol Flags    Type St Inode Path
		0: 00000002 00000000 00010000 0001 01 557 /run/others.sock
		0: 00000002 00000000 00010000 0001 01 556 $run/control.sock
		0: 00000003 00000000 00000000 0001 03 558 /run/connected.sock
		0: 00000002 00000000 00010000 0001 01 555 /run/my nbd.sock
	END
	gives 0 attach rzs
	told '[attach][--device][/dev/nbd0][--socket][/run/my nbd.sock][--name][rzs][--server][77]'
	echo '0: 00000002 00000000 00010000 0001 01 558 /run/two.sock' >>"$RZS_SYSROOT/proc/net/unix"
	complains 3 'the unix socket for NBD clients is not known' attach rzs
	end_server "$run/control.sock"

	# And the real one, on this machine, whatever it thinks of it.
	if [ -e "${builddir:-.}/scripts/rzs-nbd-swap" ]; then
		export RZS_NBD_SWAP=${builddir:-.}/scripts/rzs-nbd-swap
		make_machine
		cp /proc/meminfo "$RZS_SYSROOT/proc/"
		gives 6 check --json
		json 'd["attached"] is False' 'any(f["remedy"] for f in d["findings"])'
	fi
	unset RZS_NBD_SWAP
}

# The kernel module's devices, as far as one can be had without the module: what is none of them.
test_kernel() {
	make_machine
	complains 4 'modprobe ramzswap num_devices=N' /dev/ramzswap0 --stats
	complains 4 'modprobe ramzswap num_devices=N' ramzswap0 --stats
	complains 3 'modprobe ramzswap num_devices=N' attach ramzswap0
	echo data >"$RZS_SYSROOT/dev/ramzswap0"
	mkdir "$RZS_SYSROOT/sys/block/ramzswap0"
	complains 2 'nor any block device; nothing was done' /dev/ramzswap0 --reset
	ln -sf /dev/null "$RZS_SYSROOT/dev/ramzswap0"
	complains 2 'nor any block device; nothing was done' ramzswap0 --init
	complains 5 'not swapped to' detach ramzswap0
	complains 2 'no control socket' /dev/ramzswap0 --stats --socket "$run/control.sock"

	# A server may have a device of this name; the kernel's, which cannot be asked, is not in its way.
	serve_text "$run/control.sock" <<-END
		ramzswap-control 1 rzsd 0.1.0
		> server
		 pid 99
		ok
		> list
		 ramzswap0 state=ready size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0
		ok
		> stats ramzswap0
		 nr_pages 10
		ok
	END
	gives 0 "$run/control.sock:ramzswap0" --stats
	says 'DiskSize:	      40 kB'
	gives 0 ramzswap0 --stats
	complains 4 'modprobe ramzswap num_devices=N' ramzswap1 --stats
	gives 0 list
	says 'nor any block device'
	grep -qE '^ramzswap0 +ready ' "$out" || fail "list: $(cat "$out")"
	end_server "$run/control.sock"
}

# completes LINE WORD..
completes() {
	local line=$1 word

	shift
	for word; do
		# It asks servers, and has little patience.
		wait_for 20 completion_offers "$tool" "$line" "$word" ||
			fail "completion of '$line' has no $word: $(cat "$tmpdir/offered")"
	done
}

test_completion() {
	local option

	make_machine
	serve "$run/control.sock" "$table"
	completes 'rzscontrol ' list watch swap0 swap1
	completes 'rzscontrol sw' swap0 swap1
	completes 'rzscontrol swap0 --m' --memlimit_kb=
	completes 'rzscontrol swap0 i' idle
	completes 'rzscontrol idle sw' swap0
	completes 'rzscontrol swap0 sp' spill
	completes 'rzscontrol spill sw' swap0
	completes 'rzscontrol swap0 spill --js' --json
	completes 'rzscontrol up' upgrade
	completes 'rzscontrol upgrade --so' --socket
	completes 'rzscontrol attach swap0 --pr' --priority
	completes 'rzscontrol set swap0 mem' memlimit=
	completes 'rzscontrol metrics --o' --output
	completes 'rzscontrol --device sw' swap1
	echo '/dev/nbd3 partition 65532 1000 100' >>"$RZS_SYSROOT/proc/swaps"
	PATH=$(realpath "${builddir:-.}/tools/swapon"):$PATH completes 'rzscontrol detach ' /dev/nbd3
	! completion_offers "$tool" 'rzscontrol swap0 --pr' --priority ||
		fail "completion offers an option of another command"
	# Every long option that the tool knows.
	for option in $(sed -n 's/^\t{"\([a-z_-]*\)", .*_argument.*/\1/p' \
		"$srcdir/tools/rzscontrol/rzscontrol.c"); do
		grep -qE -- "--$option([ ='\"]|$)" "$srcdir/tools/completions/rzscontrol" ||
			fail "completion knows no --$option"
		grep -qE -- "--$option(>|=|])" "$srcdir/tools/rzscontrol/rzscontrol.pod" ||
			fail "the manual says nothing of --$option"
	done
	# Every key of a device.
	for option in $(sed -n 's/^RZS_DEVICE_KEY([a-z_]*, "\([a-z-]*\)",.*/\1/p' \
		"$srcdir/server/host/device_keys.def"); do
		completes "rzscontrol set swap0 $option" "$option="
		completes "rzscontrol create swap9 $option" "$option="
	done
	completes 'rzscontrol swap0 me' merge
	completes 'rzscontrol swap0 merge pages' 'pages_to_scan='
	completes 'rzscontrol merge swap0 smart' 'smart_scan='
	end_server "$run/control.sock"
}

for name in usage classic commands names watch metrics buckets upgrade spill merge attach kernel completion; do
	"test_$name"
	say "$name: passed"
done
