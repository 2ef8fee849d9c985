#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzscontrol and what others have: a device that is attached is not attached again, what is not a file is
# not replaced by one, and check asks the server about its reserve.
#
# Red when: rzs-nbd-swap is started for a device that a client holds, or the message does not name
# the holder; a server is not known by another path of its socket; metrics --output replaces, or
# leaves anything beside, a device node, a pipe, or the link that leads to a file; what is lost on
# the way to standard output is called done; a reserve that waits for memory is not judged, or a server
# that does not answer is called well.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
. "$srcdir/tests/lib/rzscontrol-rig.sh"

control=$run/control.sock

# serve_held HOLDER [STATE]
serve_held() {
	make_machine
	serve_text "$control" <<-END
		ramzswap-control 1 rzsd 0.1.0
		> server
		 pid 4242
		 socket /run/rzs/nbd.sock
		ok
		> list
		 swap0 state=${2:-ready} size=40960 memlimit=0 algorithm=lzo connections=1 swap-uuid=- stored=0 mem=0${1:+ $1}
		 swap1 state=${2:-ready} size=40960 memlimit=0 algorithm=lzo connections=0 swap-uuid=- stored=0 mem=0 holder=-
		ok
		> describe
		ok
		> process
		ok
	END
}

# make_block N PID: attached by that process.
make_block() {
	mkdir -p "$RZS_SYSROOT/sys/block/nbd$1"
	echo 80 >"$RZS_SYSROOT/sys/block/nbd$1/size"
	echo "$2" >"$RZS_SYSROOT/sys/block/nbd$1/pid"
}

test_attach() {
	export RZS_NBD_SWAP=$tmpdir/rzs-nbd-swap
	printf '#!/bin/sh\necho told "$@"\n' >"$RZS_NBD_SWAP"
	chmod +x "$RZS_NBD_SWAP"

	serve_held holder=500
	complains 3 'swap0: attached already, by a client of process 500, which has ended' attach swap0
	mkdir -p "$RZS_SYSROOT/proc/500"
	complains 3 'swap0: attached already, by process 500; which must detach first' attach swap0
	make_block 0 77
	make_block 1 500
	complains 3 "swap0: attached already, by /dev/nbd1; 'rzscontrol detach /dev/nbd1' first" attach swap0
	complains 3 'attached already, by /dev/nbd1' attach swap0 /dev/nbd3
	gives 0 attach swap1 /dev/nbd3
	says 'told attach --device /dev/nbd3 --socket /run/rzs/nbd.sock --name swap1 --server 4242'
	gives 0 list --json
	json '[x["holder"] for x in d["servers"][0]["devices"]] == [500, None]'
	end_server "$control"

	serve_held holder=0
	complains 3 'attached already, by a client whose process is not known' attach swap0
	end_server "$control"

	# A server that is too old to tell: by what rzs-nbd-swap has noted, whatever path it was given.
	serve_held ''
	gives 0 attach swap0 /dev/nbd3
	ln -s rzs "$RZS_SYSROOT/run/other"
	"$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$run/nbd.sock"
	printf '%s\n' 'socket /run/other//nbd.sock' 'name swap0' >"$run/nbd0.state"
	gives 0 attach swap0 /dev/nbd3 # not connected any more
	make_block 0 77
	complains 3 'attached already, by /dev/nbd0' attach swap0 /dev/nbd3
	gives 0 list
	grep -qE '^swap0 .* /dev/nbd0$' "$out" || fail "list: $(cat "$out")"
	end_server "$control"
}

# kept PATH INODE: it is what it was.
kept() {
	[ "$(stat -c %i "$1")" = "$2" ] || fail "$1 was replaced"
	[ "$(find "$folder" | wc -l)" = "$nr_entries" ] || fail "left behind: $(ls "$folder")"
}

inode_of() {
	nr_entries=$(find "$folder" | wc -l)
	inode=$(stat -c %i "$1")
}

test_output() {
	local reader

	folder=$tmpdir/folder
	mkdir "$folder"
	serve_held holder=- off

	# A node, where this may make one.
	if mknod "$folder/null" c 1 3 2>/dev/null && : >"$folder/null"; then
		inode_of "$folder/null"
		gives 0 metrics --output "$folder/null"
		kept "$folder/null" "$inode"
		[ -c "$folder/null" ] || fail "metrics --output replaced a device node"
		rm "$folder/null"
		mknod "$folder/full" c 1 7
		inode_of "$folder/full"
		complains 1 'cannot write: No space left' metrics --output "$folder/full"
		kept "$folder/full" "$inode"
		rm "$folder/full"
	fi
	ln -s /dev/null "$folder/link"
	inode_of "$folder/link"
	gives 0 metrics --output "$folder/link"
	kept "$folder/link" "$inode"
	rm "$folder/link"

	# A pipe: to who reads it, and to nobody.
	mkfifo "$folder/pipe"
	inode_of "$folder/pipe"
	complains 1 'nobody reads it' metrics --output "$folder/pipe"
	cat "$folder/pipe" >"$tmpdir/read" &
	reader=$!
	cleanup_fn reap "$reader"
	piped() { "$tool" metrics --output "$folder/pipe" 2>/dev/null; }
	wait_for 20 piped || fail "a pipe that is read is not written to"
	wait "$reader"
	[ "$(tail -n 1 "$tmpdir/read")" = '# EOF' ] || fail "the pipe had $(cat "$tmpdir/read")"
	kept "$folder/pipe" "$inode"
	rm "$folder/pipe"
	"$tool" metrics --output /dev/stdout | cat >"$tmpdir/read"
	[ "$(tail -n 1 "$tmpdir/read")" = '# EOF' ] || fail "/dev/stdout had $(cat "$tmpdir/read")"

	# A file is replaced, the link to it is not; a directory, a socket, a link to nowhere are refused.
	echo old >"$folder/file"
	ln -s file "$folder/link"
	inode_of "$folder/link"
	gives 0 metrics --output "$folder/link"
	kept "$folder/link" "$inode"
	[ -L "$folder/link" ] && grep -q EOF "$folder/file" || fail "metrics --output replaced a link"
	rm "$folder/file"
	inode_of "$folder/link"
	complains 1 'cannot follow it' metrics --output "$folder/link"
	kept "$folder/link" "$inode"
	complains 1 'a directory; name a file' metrics --output "$folder"
	complains 1 'a socket; name a file' metrics --output "$control"
	[ -S "$control" ] || fail "metrics --output replaced a socket"

	# Standard output.
	for words in --help --version list process metrics 'swap0 --watch --count 1'; do
		# shellcheck disable=SC2086
		! "$tool" $words >/dev/full 2>"$err" || fail "'$words >/dev/full' gives 0"
		says 'cannot write'
	done
	end_server "$control"
}

# check_reserve LEVEL TEXT [ARGUMENT..]: what check finds about the reserve; LEVEL is none if it finds nothing.
check_reserve() {
	gives 6 check --json "${@:3}"
	json "next(((f['level'], f['text']) for f in d['findings'] if 'reserve' in f['text'] or \
		'answer' in f['text']), ('none', '')) == ('$1', '$2')"
}

# serve_reserve PID [LINE]: of `process`.
serve_reserve() {
	make_machine
	cp /proc/meminfo "$RZS_SYSROOT/proc/"
	mkdir -p "$RZS_SYSROOT/proc/4242"
	printf '%s\n' 'socket /run/rzs/nbd.sock' 'name swap0' >"$run/nbd0.state"
	serve_text "$control" <<-END
		ramzswap-control 1 rzsd 0.1.0
		> server
		 pid $1
		 socket /run/rzs/nbd.sock
		ok
		> list
		 swap0 state=ready size=40960 memlimit=0 algorithm=lzo connections=1 swap-uuid=- stored=0 mem=0
		ok
		> process${2:+
		 $2}
		ok
	END
}

test_reserve() {
	RZS_NBD_SWAP=$(realpath "${builddir:-.}/scripts/rzs-nbd-swap")
	[ -x "$RZS_NBD_SWAP" ] || fail "no $RZS_NBD_SWAP: build first"
	export RZS_NBD_SWAP

	for line in "0 ok its reserve is not waiting for memory" \
		"999999999 note its reserve has been waiting for memory for 1.0s" \
		"2500000000 bad its reserve has been waiting for memory for 2.5s"; do
		serve_reserve 4242 "reserve_wait_ns ${line%% *}"
		line=${line#* }
		with_server check_reserve "${line%% *}" "${line#* }" swap0
		end_server "$control"
	done
	serve_reserve 4242 # too old to know
	with_server check_reserve none '' swap0
	end_server "$control"

	# Another server's reserve, and none that answers.
	RZSCONTROL=$(realpath "$tool")
	export RZSCONTROL
	serve_reserve 4243 "reserve_wait_ns 5"
	tool=$RZS_NBD_SWAP with_server check_reserve none '' --control "$control"
	end_server "$control"
	tool=$RZS_NBD_SWAP with_server gives 6 check --control "$control"
	grep -q "^bad   server    $control: there is no such socket" "$out" || fail "check: $(cat "$out")"
	unset RZSCONTROL RZS_NBD_SWAP
}

# with_server COMMAND...: the server of the state file is process 4242.
with_server() {
	printf '%s\n' 'server_pid 4242' 'server_start 777' >>"$run/nbd0.state"
	echo '4242 (rzsd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0' >"$RZS_SYSROOT/proc/4242/stat"
	make_block 0 99
	"$@"
}

for name in attach output reserve; do
	"test_$name"
	say "$name: passed"
done
