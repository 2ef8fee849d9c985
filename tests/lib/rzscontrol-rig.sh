# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts about rzscontrol source after functions.sh: a made-up machine (RZS_SYSROOT),
# control sockets that answer from a table (tests/lib/ctl_server.py), and ways of calling it.

requires "$PYTHON" --version
tool=${builddir:-.}/tools/rzscontrol/rzscontrol
[ -x "$tool" ] || fail "no $tool: build first"
. "$srcdir/tests/lib/calling.sh"
table=$srcdir/tests/e2e/rzscontrol.table

export RZS_SYSROOT=$tmpdir/r
run=$RZS_SYSROOT/run/rzs
asked=$tmpdir/asked

# ---- the machine and its servers

make_machine() {
	rm -rf "$RZS_SYSROOT"
	mkdir -p "$run" "$RZS_SYSROOT/proc" "$RZS_SYSROOT/dev" "$RZS_SYSROOT/sys/block"
	echo 'Filename Type Size Used Priority' >"$RZS_SYSROOT/proc/swaps"
	: >"$asked"
}

is_socket() { [ -S "$1" ]; }

# serve SOCKET TABLE: sets $server.
serve() {
	"$PYTHON" "$srcdir/tests/lib/ctl_server.py" "$1" "$2" "$asked" &
	server=$!
	cleanup_fn reap "$server"
	wait_for 20 is_socket "$1" || fail "the table's server does not start"
}

# serve_text SOCKET: the table is standard input.
serve_text() {
	cat >"$tmpdir/table.${1##*/}"
	serve "$1" "$tmpdir/table.${1##*/}"
}

# end_server: the last one, and its socket.
end_server() {
	reap "$server" || true
	rm -f "${1:?}"
}

# make_nbd N NAME UUID: a block device with a swap header; a UUID as mkswap writes it.
make_nbd() {
	truncate -s 1M "$RZS_SYSROOT/dev/nbd$1"
	printf SWAPSPACE2 | dd of="$RZS_SYSROOT/dev/nbd$1" bs=1 seek=4086 conv=notrunc 2>/dev/null
	"$PYTHON" -c 'import sys, uuid; sys.stdout.buffer.write(uuid.UUID(sys.argv[1]).bytes)' "$2" |
		dd of="$RZS_SYSROOT/dev/nbd$1" bs=1 seek=1036 conv=notrunc 2>/dev/null
}

# start_controlled PARAMETER..: a server of ours, of the form $form, with the control socket $control.
start_controlled() {
	case $form in
	plugin) start "$@" control="$control" ;;
	rzsd) start_rzsd --control "$control" -- "$@" ;;
	esac
}

# ---- calling rzscontrol

# was_asked LINE..: of what changes something, exactly this, in this order.
was_asked() {
	local line='server|list|describe|process|(stats|latency|buckets|params) .*'

	[ "$(grep -vxE "$line" "$asked" || true)" = "$(printf '%s\n' "$@")" ] ||
		fail "the server was asked $(cat "$asked")"
	: >"$asked"
}
