#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-swapon on a machine that is made up (RZS_SYSROOT), with --dry-run: its command line, which call it would make,
# what it refuses, fstab, its lists, completion and manual page.  Guests show what the kernel makes of it
# (tests/vm/scenarios/swapon).
#
# Red when: an option of util-linux or RISC iX is not understood, or two that exclude each other are; a device of ours
# gets no discard=pages; a suspended or foreign header, a file of another owner or one with holes is swapped to; a name
# with a newline reaches the terminal; --json is not JSON; a damaged state file ends it.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99

requires "$PYTHON" --version
requires mkswap --version
tool=${builddir:-.}/tools/swapon/rzs-swapon
[ -x "$tool" ] || fail "no $tool: build first"
. "$srcdir/tests/lib/calling.sh"
# It must never swap on this machine, whatever is wrong with it: no capability for that, and no such names here.
call=("$tool")
[ "$(id -u)" != 0 ] || call=(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$tool")
requires "${call[@]}" --version

export RZS_SYSROOT=$tmpdir/r
R=$RZS_SYSROOT

# ---- the machine

make_machine() {
	local name

	rm -rf "$R"
	mkdir -p "$R/run/rzs" "$R/proc" "$R/dev" "$R/etc"
	swaps_are
	for name in rzst-a rzst-b rzst-c ramzswap0 nbd7 nbd8; do
		make_area "$name"
	done
}

# make_area NAME [MKSWAP-OPTION..]
make_area() {
	local file=$R/dev/$1

	shift
	dd if=/dev/zero of="$file" bs=1024 count=1024 2>/dev/null
	chmod 600 "$file"
	mkswap "$@" "$file" >/dev/null 2>&1 || fail "mkswap $*"
}

# swaps_are LINE..: /proc/swaps.
swaps_are() {
	printf '%s\n' 'Filename Type Size Used Priority' "$@" >"$R/proc/swaps"
}

# There are notes of this boot, and none of an area.
nothing_noted() {
	printf 'rzs-areas 1 \nend\n' >"$R/run/rzs/areas"
}

# would CALL ARGUMENT..: with -F, because the user may not be root, or have a tmpfs.
would() {
	local want=$1

	shift
	gives 0 --dry-run -F "$@"
	[ "$(cat "$out")" = "$want" ] || fail "'$*' would call '$(cat "$out")', not '$want'"
}

# ---- tests

test_usage() {
	make_machine
	gives 0 --help
	says 'usage: rzs-swapon -a'
	gives 0 --version
	complains 1 '--nosuch: no such option' --nosuch
	complains 1 'needs a value' -p
	complains 1 "0 (used first) to 7, or -1" -p 8 /dev/rzst-a
	complains 1 'write --priority' -p 100 /dev/rzst-a
	complains 1 "0 (used first) to 7, or -1" -p -2 /dev/rzst-a
	complains 1 'expected 0 (used first) to 7' -p x /dev/rzst-a
	complains 1 'expected 0 (used first) to 7' -p 99999999999999999999 /dev/rzst-a
	complains 1 'is always interleaved' -p 0 -n /dev/rzst-a
	complains 1 'is always interleaved' --priority 200 -n /dev/rzst-a
	complains 1 'from 0 to 32767' --priority 32768 /dev/rzst-a
	complains 1 'from 0 to 32767' --priority -1 /dev/rzst-a
	complains 1 'give one' -p 1 --priority 1 /dev/rzst-a
	complains 1 'expected once, pages or none' --discard=often /dev/rzst-a
	complains 1 '-o is for names' -a -o pri=1
	complains 1 'belong to -a' -T /dev/null /dev/rzst-a
	complains 1 'belong to -a' --riscix-fstab /dev/rzst-a
	complains 1 'belong to --show' --json /dev/rzst-a
	complains 1 'give one' -l --show
	complains 1 'give one' -s -l
	complains 1 'change nothing' -l -p 1
	complains 1 'no name' --show /dev/rzst-a
	complains 1 'one SYMFILE at most' -l a b
	complains 1 'there is no such column' --show=NAME,NIX
	complains 1 'there is no such column' --show=
	complains 1 'pri=x: expected a number' -o pri=x --dry-run /dev/rzst-a
	complains 1 'discard=x: expected once, pages' -o discard=x --dry-run /dev/rzst-a
	# Nothing given, and nothing there.
	gives 0
	[ ! -s "$out" ] || fail "without arguments and areas: $(cat "$out")"
}

test_calls() {
	local number

	make_machine
	for number in 0 1 2 3 4 5 6 7; do
		would "swapon --priority $((200 - 25 * number)) /dev/rzst-a" -p $number /dev/rzst-a
	done
	would 'swapon --priority 200 /dev/rzst-a' -p -1 /dev/rzst-a
	would 'swapon --priority 175 /dev/rzst-a' -n /dev/rzst-a
	would 'swapon --priority 175 /dev/rzst-a' -p -1 -n /dev/rzst-a
	would 'swapon --priority 32767 /dev/rzst-a' --priority 32767 -n /dev/rzst-a
	would 'swapon --priority 200 /dev/rzst-a' -p 0 -n --force /dev/rzst-a
	would 'swapon /dev/rzst-a' /dev/rzst-a
	would 'swapon --discard /dev/rzst-a' -d /dev/rzst-a
	would 'swapon --discard=once /dev/rzst-a' -donce /dev/rzst-a
	would 'swapon --discard=pages /dev/rzst-a' -d=pages /dev/rzst-a
	would 'swapon --discard=pages --priority 7 /dev/rzst-a' --priority 5 -d -o pri=7,discard=pages,nofail,sw \
		/dev/rzst-a
	would 'swapon /dev/rzst-a' -o pri=-1 --priority 5 /dev/rzst-a
	# Of several, each gets its own place.
	gives 0 --dry-run -F -p 4 /dev/rzst-a /dev/rzst-b
	says 'swapon --priority 100 /dev/rzst-b'
}

# Our devices need discard=pages, and are recognised.
# io_of NAME: what -l says of reads and writes.
io_of() {
	gives 0 -l
	tr -s ' ' <"$out" | sed -n "s,^$1 .* \([0-9-]* [0-9-]*\) [a-z]*\$,\1,p"
}

test_ours() {
	local before

	make_machine
	would 'swapon --discard=pages /dev/ramzswap0' /dev/ramzswap0
	would 'swapon --discard=once /dev/ramzswap0' -d=once /dev/ramzswap0
	would 'swapon /dev/ramzswap0' --discard=none /dev/ramzswap0
	would 'swapon /dev/nbd7' /dev/nbd7
	echo 'socket /run/rzs/nbd.sock' >"$R/run/rzs/nbd7.state"
	would 'swapon --discard=pages /dev/nbd7' /dev/nbd7
	if has_rzsd; then
		make_area nbd8 -U 12345678-9abc-4def-8123-456789abcdef
		start_rzsd size=1M uuid=12345678-9abc-4def-8123-456789abcdef
		would 'swapon /dev/nbd8' /dev/nbd8
		ln -s "$sock.control" "$R/run/rzs/control.sock"
		would 'swapon --discard=pages /dev/nbd8' /dev/nbd8
		# What its server counts, and not what the kernel does; without the server that.
		swaps_are '/dev/nbd8 partition 1020 0 5' '/dev/ramzswap0 partition 1020 0 5' '/dev/rzst-a partition 1020 0 5'
		mkdir -p "$R/sys/block/nbd8" "$R/sys/block/ramzswap0" "$R/sys/block/rzst-a"
		echo '1 0 80 0 1 0 8 0' | tee "$R/sys/block/nbd8/stat" >"$R/sys/block/rzst-a/stat"
		printf 'reads 12\nwrites 34\n' >"$R/sys/block/ramzswap0/store_stat"
		echo 1 >"$R/sys/block/ramzswap0/initstate"
		(dd if="$R/dev/nbd8" bs=4096 count=1; dd if=/dev/urandom bs=4096 count=2) >"$tmpdir/pages" 2>/dev/null
		before=$(io_of /dev/nbd8)
		nbdcopy --request-size=4096 "$tmpdir/pages" "$uri" || fail "nbdcopy"
		# It may read page 0 itself.
		[ $(($(io_of /dev/nbd8 | cut -d ' ' -f 2) - ${before#* })) = 3 ] || fail "-l: $(cat "$out"), before $before"
		[ "$(io_of /dev/ramzswap0)" = '12 34' ] || fail "-l: $(cat "$out")"
		[ "$(io_of /dev/rzst-a)" = '10 1' ] || fail "-l: $(cat "$out")"
		rm "$R/run/rzs/control.sock"
		[ "$(io_of /dev/nbd8)" = '10 1' ] || fail "-l without the server: $(cat "$out")"
		ln -s "$sock.control" "$R/run/rzs/control.sock"
		swaps_are
		make_area nbd8
		would 'swapon /dev/nbd8' /dev/nbd8
		stop_server
	fi
}

test_rules() {
	make_machine
	swaps_are '/dev/x1 partition 1020 0 100' '/dev/x2 partition 1020 0 100' '/dev/x3 partition 1020 0 100'
	would 'swapon --priority 100 /dev/rzst-a' -p 4 /dev/rzst-a
	echo '/dev/rzst-b partition 1020 0 100' >>"$R/proc/swaps"
	complains 255 '4 areas, and at most four are interleaved: /dev/x1, /dev/x2, /dev/x3, /dev/rzst-b' \
		--dry-run -F -p 4 /dev/rzst-a
	complains 255 'cannot be exclusive' --dry-run -F -p 4 -n /dev/rzst-a
	would 'swapon --priority 100 /dev/rzst-a' -p 4 --force /dev/rzst-a
	says 'overridden'
	complains 255 'swapped to already' --dry-run -F -p 3 /dev/rzst-b
	complains 255 'swapped to already' -p 3 /dev/rzst-b
}

test_names() {
	local odd=$'rzst-a b\nc'

	make_machine
	make_area "$odd"
	mkdir "$R/links"
	ln -s ../dev/rzst-b "$R/links/b"
	gives 0 --dry-run -F "/dev/$odd"
	[ "$(cat "$out")" = 'swapon /dev/rzst-a b?c' ] || fail "a newline: $(cat "$out")"
	would 'swapon /dev/rzst-b' /links/b
	would 'swapon /dev/rzst-b' //dev/.//../dev//rzst-b
	swaps_are '/dev/rzst-a\040b\012c partition 1020 0 5' '/dev/rzst-b partition 1020 0 5'
	complains 255 'swapped to already' --dry-run "/dev/$odd"
	complains 255 'swapped to already' --dry-run /links/b
	complains 255 'there is no such device' --dry-run /dev/rzst-nix
	complains 255 'there is no such device' --dry-run /dev/rzst-b/x
	complains 255 'expected a device' --dry-run ''
	complains 255 'expected a device' --dry-run LABEL=
	complains 255 'there is no such device' --dry-run -L rzst-there-is-no-such-label
	# A UUID in whatever case; first as it is given.  The case of a label counts.
	mkdir -p "$R/dev/disk/by-partuuid" "$R/dev/disk/by-uuid" "$R/dev/disk/by-label"
	ln -s ../../rzst-c "$R/dev/disk/by-partuuid/0a-bc"
	ln -s ../../rzst-c "$R/dev/disk/by-uuid/0a-bc"
	ln -s ../../rzst-a "$R/dev/disk/by-uuid/0A-BC"
	ln -s ../../rzst-c "$R/dev/disk/by-label/abc"
	would 'swapon /dev/rzst-c' PARTUUID=0a-bc
	would 'swapon /dev/rzst-c' PARTUUID=0A-Bc
	would 'swapon /dev/rzst-a' UUID=0A-BC
	would 'swapon /dev/rzst-c' UUID=0A-bC
	complains 255 'there is no such device' --dry-run LABEL=ABC
	complains 255 'there is no such device' --dry-run PARTUUID=0A-BD
	complains 255 'File name too long' --dry-run "/dev/$(printf 'x%.0s' {1..300})"
	gives 0 --dry-run -e /dev/rzst-nix
	gives 0 --dry-run -o nofail /dev/rzst-nix
	# The others are tried, too.
	gives 255 --dry-run -F /dev/rzst-nix /dev/rzst-c
	says 'swapon /dev/rzst-c'
	ln -s loop "$R/dev/loop"
	complains 255 'symbolic links' --dry-run /dev/loop
}

test_checks() {
	make_machine
	dd if=/dev/zero of="$R/dev/rzst-a" bs=1024 count=1024 2>/dev/null
	complains 255 'no swap header; mkswap' --dry-run /dev/rzst-a
	: >"$R/dev/rzst-a"
	complains 255 'its size is 0' --dry-run /dev/rzst-a
	if command -v mke2fs >/dev/null; then
		dd if=/dev/zero of="$R/dev/rzst-a" bs=1024 count=1024 2>/dev/null
		mke2fs -q -F -t ext2 "$R/dev/rzst-a"
		complains 255 'it holds ext2: nothing was changed' --dry-run /dev/rzst-a
	fi
	make_area rzst-a --pagesize 65536
	complains 255 'pages of 65536 bytes' --dry-run -F /dev/rzst-a
	would 'swapon /dev/rzst-a' -f /dev/rzst-a
	says 'would get'
	make_area rzst-a
	printf 'S1SUSPEND\0' | dd of="$R/dev/rzst-a" bs=1 seek=4086 conv=notrunc 2>/dev/null
	would 'swapon /dev/rzst-a' /dev/rzst-a
	says 'suspended machine'
	[ "$(dd if="$R/dev/rzst-a" bs=1 skip=4086 count=9 2>/dev/null)" = S1SUSPEND ] || fail "a dry run writes"
	chmod 644 "$R/dev/rzst-b"
	gives 255 --dry-run /dev/rzst-b
	[ "$(id -u)" != 0 ] || says 'mode 0644'
	mkdir "$R/dev/rzst-dir"
	complains 255 'neither a block device nor a file' --dry-run /dev/rzst-dir
	[ "$(id -u)" = 0 ] || return 0
	make_area rzst-b
	chown 1 "$R/dev/rzst-b"
	complains 255 'a file of user 1' --dry-run /dev/rzst-b
	truncate -s 4M "$R/dev/rzst-c"
	complains 255 'a file with holes' --dry-run /dev/rzst-c
}

# check STATUS TEXT NAME: TEXT may be empty.
check() {
	gives "$1" --check "$3"
	[ -z "$2" ] || says "$2"
	[ ! -s "$out" ] || fail "--check prints $(cat "$out")"
}

test_check() {
	make_machine
	check 0 '' /dev/rzst-a
	dd if=/dev/zero of="$R/dev/rzst-b" bs=1024 count=1024 2>/dev/null
	check 32 'no swap header; mkswap' /dev/rzst-b
	# Not blank: behind the first page, or at the end of the first MiB; what is behind that is not looked at.
	printf x | dd of="$R/dev/rzst-b" bs=1 seek=65536 conv=notrunc 2>/dev/null
	check 255 'data of a kind that nobody knows' /dev/rzst-b
	dd if=/dev/zero of="$R/dev/rzst-b" bs=1024 count=1025 2>/dev/null
	printf x | dd of="$R/dev/rzst-b" bs=1 seek=1048575 conv=notrunc 2>/dev/null
	check 255 'data of a kind that nobody knows' /dev/rzst-b
	printf '\0x' | dd of="$R/dev/rzst-b" bs=1 seek=1048575 conv=notrunc 2>/dev/null
	check 32 'no swap header; mkswap' /dev/rzst-b
	# Blank, and forbidden all the same.
	chmod 644 "$R/dev/rzst-b"
	[ "$(id -u)" != 0 ] || check 255 'mode 0644' /dev/rzst-b
	make_area rzst-c --pagesize 65536
	check 255 'pages of 65536 bytes' /dev/rzst-c
	: >"$R/dev/rzst-c"
	check 255 'its size is 0' /dev/rzst-c
	check 255 'there is no such device' /dev/rzst-nix
	complains 1 'takes one NAME' --check
	complains 1 'takes one NAME' --check /dev/rzst-a /dev/rzst-b
	complains 1 'give it alone' --check -F /dev/rzst-a
	complains 1 'give it alone' --check -l
}

test_fstab() {
	make_machine
	cat >"$R/etc/fstab" <<-'END'
		# a comment
		/dev/rzst-a none swap pri=7,discard=once 0 0
		/dev/rzst-b none swap sw,x-systemd.automount 0 0
		/dev/rzst-c none swap noauto 0 0
		/dev/rzst-nix none swap nofail 0 0
		/dev/sda1 / ext4 defaults 0 1
	END
	would $'swapon --discard=once --priority 7 /dev/rzst-a\nswapon --priority 3 /dev/rzst-b' -a --priority 3
	swaps_are '/dev/rzst-a partition 1020 0 7'
	would 'swapon /dev/rzst-b' -a
	swaps_are
	gives 0 --dry-run -F -v -a
	says 'noauto stands in fstab'
	says '/dev/rzst-nix: there is no such device, left out'
	printf '%s\n' '/dev/rzst-nix none swap sw 0 0' '/dev/rzst-b none swap sw 0 0' >"$tmpdir/fstab"
	gives 255 --dry-run -F -a -T "$tmpdir/fstab"
	says 'swapon /dev/rzst-b'
	gives 0 --dry-run -F -e -a -T "$tmpdir/fstab"
	# RISC iX's fields, only when they are asked for.
	printf '%s\n' '/dev/rzst-a none swap pri=9 2 1' '/dev/rzst-b none swap sw 3 0' '/dev/rzst-c none swap sw 0 0' \
		>"$tmpdir/fstab"
	would $'swapon --priority 9 /dev/rzst-a\nswapon /dev/rzst-b\nswapon /dev/rzst-c' -a -T "$tmpdir/fstab"
	gives 255 --dry-run -F --riscix-fstab -a -T "$tmpdir/fstab"
	says 'swapon --priority 150 /dev/rzst-a'
	says 'swapon --priority 125 /dev/rzst-b'
	says '/dev/rzst-c: priority 0'
	echo '/dev/rzst-a none swap sw 8 1' >"$tmpdir/fstab"
	complains 255 'expected a priority from 0' --dry-run -F --riscix-fstab -a -T "$tmpdir/fstab"
	echo '/dev/rzst-a none swap pri=99999 0 0' >"$tmpdir/fstab"
	complains 255 'pri=99999: expected' --dry-run -F -a -T "$tmpdir/fstab"
	complains 255 'cannot read' --dry-run -a -T "$tmpdir/nix"
	: >"$tmpdir/fstab"
	gives 0 -a -T "$tmpdir/fstab"
	says '0 KiB of swap space made available in 0 areas'
}

test_lists() {
	make_machine
	swaps_are '/dev/rzst-a partition 1020 512 100' $'/dev/rzst\\040b\\012c\\134 file 2048 0 -2' \
		'/dev/rzst-d partition 1020 0 100'
	nothing_noted
	gives 0 -l vmunix
	says 'vmunix: a kernel'
	[ "$(sed -n '2p' "$out" | tr -s ' ')" = '/dev/rzst-a 1020 4 100 0 - - active' ] || fail "-l: $(cat "$out")"
	[ "$(sed -n '4p' "$out" | tr -s ' ')" = '/dev/rzst-d 1020 4 100 1 - - active' ] || fail "-l: $(cat "$out")"
	says "/dev/rzst b?c\\"
	gives 0
	cp "$out" "$tmpdir/default"
	gives 0 --show
	cmp "$out" "$tmpdir/default" || fail "nothing given is not --show"
	[ "$(head -1 "$out" | tr -s ' ')" = 'NAME TYPE SIZE USED PRIO' ] || fail "--show: $(cat "$out")"
	gives 0 --show=name,Used --bytes --noheadings --raw
	[ "$(head -1 "$out")" = '/dev/rzst-a 524288' ] || fail "--raw: $(cat "$out")"
	gives 0 --output-all --json
	json 'len(d["areas"]) == 3' 'd["areas"][1]["name"] == "/dev/rzst b?c\\"' 'd["areas"][0]["size"] == 1044480' \
		'd["areas"][1]["priority"] is None' 'd["areas"][2]["interleave"] == 1' \
		'len(d["areas"][0]) == 13' 'd["areas"][0]["uuid"]' 'd["areas"][2]["uuid"] is None'
	gives 0 -s
	[ "$(sed -n '2p' "$out" | tr -s ' \t' ' ')" = '/dev/rzst-a partition 1020 512 100' ] || fail "-s: $(cat "$out")"
	# The state file is damaged, or nobody may read it: the kernel's list is there, and that is said.
	echo 'no such thing' >"$R/run/rzs/areas"
	gives 0 -l
	[ -s "$err" ] || fail "a damaged state file is not mentioned"
	gives 0 -l --json
	json 'len(d["areas"]) == 3' 'd["doubt"]'
	swaps_are
	rm "$R/run/rzs/areas"
	gives 0 -l --json
	json 'd["areas"] == []'
	if [ -c /dev/full ]; then
		swaps_are '/dev/rzst-a partition 1020 512 100'
		! "${call[@]}" --show >/dev/full 2>"$err" || fail "a full disk is no failure"
	fi
}

# state_of NAME: what -l says in the last column.
state_of() {
	"${call[@]}" -l --noheadings 2>"$err" | awk -v n="$1" '$1 == n { print $NF }'
}

# Whatever is on before any of the tools has noted something was on when the machine came up, as far as anybody knows.
test_permanent() {
	make_machine
	swaps_are '/dev/rzst-a partition 1020 512 100' '/dev/rzst-b partition 1020 0 5' '/dev/rzst-c partition 1020 0 5'
	[ "$(state_of /dev/rzst-a)" = permanent ] || fail "nothing noted: $(state_of /dev/rzst-a)"
	nothing_noted
	[ "$(state_of /dev/rzst-a)" = active ] || fail "something noted: $(state_of /dev/rzst-a)"
	mkdir -p "$R/dev/disk/by-label"
	ln -s ../../rzst-a "$R/dev/disk/by-label/one"
	printf '%s\n' 'LABEL=one none swap sw 0 0' '/dev/rzst-b none swap noauto 0 0' '/dev/rzst-c / ext4 sw 0 0' \
		'/dev/rzst-nix none swap sw 0 0' >"$R/etc/fstab"
	[ "$(state_of /dev/rzst-a)" = permanent ] || fail "in fstab: $(state_of /dev/rzst-a)"
	[ "$(state_of /dev/rzst-b)" = active ] || fail "noauto: $(state_of /dev/rzst-b)"
	[ "$(state_of /dev/rzst-c)" = active ] || fail "not as swap: $(state_of /dev/rzst-c)"
}

# is_on STATUS OUTPUT NAME
is_on() {
	gives "$1" --is-on "$3"
	[ "$(cat "$out")" = "$2" ] || fail "--is-on $3 prints '$(cat "$out")', not '$2'"
}

test_is_on() {
	local words

	make_machine
	touch "$R/dev/rzst-a" "$R/dev/rzst-b" "$R/dev/rzst c"
	ln "$R/dev/rzst-b" "$R/dev/node-of-b"
	ln -s "rzst c" "$R/dev/link"
	ln -s loop "$R/dev/loop"
	swaps_are '/dev/rzst-b partition 1020 12 100' '/dev/rzst\040c partition 2040 0 -2' \
		'/dev/gone\040(deleted) partition 4 0 7'
	# It reads neither notes nor fstab, and --show no fstab: who opens these waits.
	rm -f "$R/etc/fstab" "$R/run/rzs/areas"
	mkfifo "$R/etc/fstab"
	gives 0 --show=NAME,PRIO
	mkfifo "$R/run/rzs/areas"
	is_on 0 '1020 12 100' /dev/rzst-b
	is_on 0 '1020 12 100' /dev//node-of-b
	is_on 0 '2040 0 -2' '/dev/rzst c'
	is_on 0 '2040 0 -2' /dev/link
	is_on 0 '4 0 7' /dev/gone
	is_on 32 '' /dev/rzst-a
	is_on 32 '' /dev/rzst
	is_on 32 '' /dev/none
	complains 255 '/dev/loop: whether it is on cannot be found out' --is-on /dev/loop
	complains 255 'cannot be found out' --is-on LABEL=none
	for words in '--is-on' '--is-on --check /dev/rzst-a' '--is-on -a' '--is-on /dev/rzst-a /dev/rzst-b'; do
		# shellcheck disable=SC2086
		complains 1 '--is-on' $words
	done
	# What may be left out may be it.
	swaps_are '/dev/rzst-b partition 1020 12 100' '/dev/odd partition'
	is_on 0 '1020 12 100' /dev/rzst-b
	complains 255 'cannot be found out' --is-on /dev/rzst-a
	: >"$R/proc/swaps"
	complains 255 'cannot be found out' --is-on /dev/rzst-a
	rm "$R/proc/swaps"
	complains 255 'cannot be found out' --is-on /dev/rzst-a
}

test_completion() {
	local option

	make_machine
	completion_offers "$tool" 'rzs-swapon -p ' 7 || fail "completion: no number for -p"
	completion_offers "$tool" 'rzs-swapon --pri' --priority || fail "completion: no --priority"
	completion_offers "$tool" 'rzs-swapon LAB' LABEL= || fail "completion: no LABEL="
	completion_offers "$tool" 'rzs-swapon --show = NAME,PRIOR' NAME,PRIORITY || fail "completion: no column: $(cat "$tmpdir/offered")"
	for option in $(sed -n 's/^\t{"\([a-z_-]*\)", .*_argument.*/\1/p' "$srcdir/tools/swapon/rzso_options.c"); do
		grep -qE -- "--$option([ ='|)]|$)" "$srcdir/tools/completions/rzs-swapon" ||
			fail "completion knows no --$option"
		grep -qE -- "--$option(>|=)" "$srcdir/tools/swapon/rzs-swapon.pod" || fail "the manual says nothing of --$option"
		gives 0 --help
		says "--$option"
	done
	for option in $(sed -n 's/^\t\[RZSO_[A-Z]*\] = {"\([A-Z]*\)".*/\1/p' "$srcdir/tools/swapon/rzso_columns.c"); do
		grep -q "[' ]${option}[ ']" "$srcdir/tools/completions/rzs-swapon" || fail "completion knows no column $option"
		grep -q "B<$option>\|$option," "$srcdir/tools/swapon/rzs-swapon.pod" || fail "the manual knows no column $option"
	done
}

for name in usage calls ours rules names checks check fstab lists permanent is_on completion; do
	"test_$name"
	say "$name: passed"
done
