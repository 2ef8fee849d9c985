#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rzsd's options: what it says of itself, what it refuses, with which words and which exit status.  Red when a
# mistake is taken for a start, or its message names neither the option nor the value nor the way out.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
has_rzsd || skip "this build has no rzsd"

: >"$tmpdir/empty.conf"

# rzsd_with OPTION..: no other settings than these.
rzsd_with() {
	# shellcheck disable=SC2086
	timeout $((60 * T_TIMEOUT_SCALE)) $RZSD --config "$tmpdir/empty.conf" "$@"
}

# gives STATUS TEXT.. -- OPTION..: that status, and each text in what it says.
gives() {
	local want=$1 code=0 texts=() text out

	shift
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	out=$(rzsd_with "$@" 2>&1 </dev/null) || code=$?
	[ "$code" = "$want" ] || fail "status $code, not $want, of: rzsd $*: $out"
	for text in "${texts[@]}"; do
		case $out in
		*"$text"*) ;;
		*) fail "no '$text' in what 'rzsd $*' said: $out" ;;
		esac
	done
}

gives 0 'rzsd 0.' -- --version
for words in --help --version --check-config; do
	! rzsd_with $words >/dev/full 2>"$tmpdir/said" || fail "'rzsd $words >/dev/full' gives 0"
	grep -q 'standard output' "$tmpdir/said" || fail "it says $(cat "$tmpdir/said")"
done
gives 0 'usage: rzsd' '--listen ADDRESS' '--survive-shutdown' 'memlimit=<SIZE>' -- --help
# --help and --version come before all else.
gives 0 'usage: rzsd' -- --threads nonsense --help

gives 2 --bogus 'no such option' --help -- --bogus
gives 2 --threads 'needs a value' -- --threads
gives 2 extra 'not an option' -- extra
gives 2 --threads=many 'expected a number' -- --threads many
gives 2 --max-connections=0 'expected' -- --max-connections 0
gives 2 --handshake-timeout=x 'expected' -- --handshake-timeout x
gives 2 --num-devices=-1 'expected' -- --num-devices -1
gives 2 --protect=maybe 'auto, require or off' -- --protect maybe
gives 2 --realtime=maybe 'swap, always or never' -- --realtime maybe
gives 2 --log=paper 'auto, stderr or syslog' -- --log paper
gives 2 --listen=here '/PATH' -- --listen here
gives 2 --allow-user 'no-such-user' -- --allow-user no-such-user
gives 0 'configuration is valid' -- --check-config --device 'a,size=min(ram, 64M),label=x' --device b
gives 2 'size=min(ram' -- --device 'a,size=min(ram,label=x'
gives 2 --threads=65 64 -- --threads 65
gives 2 'KEY=VALUE' -- --device swap0,size
gives 2 'size=much' -- --device swap0,size=much
gives 2 '../a' 'A-Z' -- --device ../a
gives 2 'swap0' 'size=4097' '4096 and 8192' -- --device swap0,size=4097
gives 2 'no-such.conf' -- --config "$tmpdir/no-such.conf"
# All mistakes, not only the first.
gives 2 --threads=x --log=y size=z -- --threads x --log y --device a,size=z

# TCP where others could read it takes as many words.
gives 2 tcp:0.0.0.0:10809 allow-tcp-anywhere -- --check-config --listen tcp:0.0.0.0:10809
gives 2 '[::]' allow-tcp-anywhere -- --check-config --listen 'tcp:[::]:10809'
gives 0 'configuration is valid' -- --check-config --allow-tcp-anywhere --listen tcp:0.0.0.0:10809
gives 0 'configuration is valid' -- --check-config --listen tcp:127.0.0.1:10809 --listen /run/x

# A file, what lies beside it, and the command line, which counts.
mkdir "$tmpdir/rzsd.conf.d"
printf '[server]\nthreads = 3\nlog = paper\n[device swap0]\nsize = 16M\n' >"$tmpdir/rzsd.conf"
gives 2 "$tmpdir/rzsd.conf:3:" 'log=paper' -- --config "$tmpdir/rzsd.conf" --check-config
printf '[server]\nthreads = 3\n[device swap0]\nsize = 16M\n' >"$tmpdir/rzsd.conf"
gives 0 'configuration is valid' -- --config "$tmpdir/rzsd.conf" --check-config
printf '[device swap0]\nsize = 4097\n' >"$tmpdir/rzsd.conf.d/50-size.conf"
gives 2 '50-size.conf' 'size=4097' -- --config "$tmpdir/rzsd.conf" --check-config
printf '[device swap0]\nmemlimit = 1\n' >"$tmpdir/rzsd.conf.d/50-size.conf"
gives 2 'memlimit=1' -- --config "$tmpdir/rzsd.conf" --check-config
gives 0 'configuration is valid' -- --config "$tmpdir/rzsd.conf" --check-config --device swap0,memlimit=0

# --check-config touches nothing.
gives 0 'configuration is valid' -- --check-config --listen "$tmpdir/made/sock" --pid-file "$tmpdir/pid"
[ ! -e "$tmpdir/made" ] && [ ! -e "$tmpdir/pid" ] || fail "--check-config leaves something behind"

# What cannot be had at the start is another status.
gives 1 "$tmpdir/empty.conf" 'not a socket' -- --listen "$tmpdir/empty.conf" --control "$tmpdir/c" --protect off
gives 1 "$tmpdir/no/such" -- --listen "$tmpdir/no/such/folder" --control "$tmpdir/c" --protect off
gives 1 'pid-file=/no/such' -- --listen "$tmpdir/s" --control "$tmpdir/c" --protect off --device a,size=1M \
	--pid-file /no/such/file
[ ! -e "$tmpdir/s" ] && [ ! -e "$tmpdir/c" ] || fail "a start that failed leaves its sockets behind"
