#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scripts/demo installs nothing that nobody agreed to: it names what is missing and how to get it, asks when somebody
# is there, and takes silence for no.  Red when apt-get or sudo is started unasked, not started when asked for, or when
# scripts/packages lacks a package that configure asks for.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
: "${tmpdir:?}"
requires "$PYTHON" --version
out=$tmpdir/out
calls=$tmpdir/calls

# ---- the list: every package that configure names, and no kind that is none
"$srcdir/scripts/packages" build >"$tmpdir/build"
grep -hoE '(Debian package: |no \()[a-z0-9-]+' "$srcdir"/m4/rzs_*.m4 "$srcdir/configure.ac" | sed 's/.*[ (]//' |
	grep -e '-dev$' | sort -u >"$tmpdir/named"
[ "$(wc -l <"$tmpdir/named")" -ge 4 ] || fail "configure names $(cat "$tmpdir/named")"
while read -r package; do
	grep -qx -- "$package" "$tmpdir/build" || fail "configure asks for $package, scripts/packages does not have it"
done <"$tmpdir/named"
[ -z "$("$srcdir/scripts/packages" | sort | uniq -d)" ] || fail "a package is listed twice"
! "$srcdir/scripts/packages" nonsense 2>"$out" || fail "a kind that is none is taken"

# ---- a machine where libinih-dev is missing, and whose apt-get can do nothing
mkdir "$tmpdir/bin"
cat >"$tmpdir/bin/dpkg-query" <<'END'
#!/bin/sh
for last; do :; done
case $last in libinih-dev) exit 1 ;; esac
echo "install ok installed"
END
cat >"$tmpdir/bin/apt-get" <<END
#!/bin/sh
echo "apt-get \$*" >>"$calls"
exit 1
END
cat >"$tmpdir/bin/sudo" <<END
#!/bin/sh
echo "sudo \$1" >>"$calls"
exec "\$@"
END
printf '#!/bin/sh\necho 1000\n' >"$tmpdir/bin/id"
# A build would be much work for nothing.
printf '#!/bin/sh\nexit 1\n' >"$tmpdir/bin/autoreconf"
chmod +x "$tmpdir"/bin/*
export PATH="$tmpdir/bin:$PATH" TMPDIR="$tmpdir"

# demo INPUT OPTION...: with a terminal that INPUT is typed at, or (-) without one; it ends with 1.
demo() {
	local input=$1 got=0

	shift
	: >"$calls"
	if [ "$input" = - ]; then
		timeout $((60 * T_TIMEOUT_SCALE)) "$srcdir/scripts/demo" "$@" >"$out" 2>&1 </dev/null || got=$?
	else
		timeout $((60 * T_TIMEOUT_SCALE)) "$PYTHON" - "$input" "$srcdir/scripts/demo" "$@" >"$out" 2>&1 <<'END' || got=$?
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
typed = False
try:
    while data := os.read(fd, 4096):
        seen += data
        if b"[y/N]" in seen and not typed:
            os.write(fd, sys.argv[1].encode() + b"\n")
            typed = True
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
	fi
	[ "$got" = 1 ] || fail "demo $*: exit status $got: $(cat "$out")"
	grep -q 'missing: libinih-dev' "$out" || fail "demo $*: does not name what is missing: $(cat "$out")"
	grep -q 'sudo apt-get install -y --no-install-recommends libinih-dev' "$out" ||
		fail "demo $*: does not say how to get it: $(cat "$out")"
}
asks() { grep -qF '[y/N]' "$out" || fail "demo does not ask: $(cat "$out")"; }
refrains() { [ ! -s "$calls" ] || fail "unasked: $(cat "$calls")"; }
installs() {
	grep -qx 'sudo apt-get' "$calls" || fail "no sudo: $(cat "$calls")"
	grep -qx 'apt-get install -y --no-install-recommends libinih-dev' "$calls" || fail "nothing is installed: $(cat "$calls")"
}

demo -
refrains
grep -qF -- "--install" "$out" || fail "it does not say what would let it install: $(cat "$out")"
demo - --no-install
refrains
demo - --install
installs
demo ""
asks
refrains
demo n
asks
refrains
demo y
asks
installs
demo y --no-install
refrains
! grep -qF '[y/N]' "$out" || fail "asks in spite of --no-install"
[ -z "$(find "$tmpdir" -maxdepth 1 -name 'tmp.*')" ] || fail "directories are left behind"

# ---- only what a guest needs is missing: the rest is done, without it
sed -i 's/libinih-dev/cpio/' "$tmpdir/bin/dpkg-query"
: >"$calls"
! "$srcdir/scripts/demo" >"$out" 2>&1 </dev/null || fail "it built without autoreconf"
refrains
grep -q 'there is no guest run' "$out" || fail "a guest is not left out: $(cat "$out")"
grep -q '^autoreconf' "$out" || fail "it does not go on: $(cat "$out")"
