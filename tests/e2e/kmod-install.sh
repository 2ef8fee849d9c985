#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module from its sources to where modprobe looks: by its own makefile, by "make modules modules_install" and by
# dkms, all of it below a directory of our own; nothing is loaded.  Headers are those of RZS_KDIR, else of the running
# kernel, else any that the machine has.
#
# Red when: a file that the build needs is missing from what is copied for it; it builds with a warning of the
# compiler's or of sparse's; the module has another version or lands elsewhere than it should; without headers there
# is no line that says so; a kernel that does not report freed slots is taken without a word; dkms cannot add, build,
# install or remove it.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
skip_under_tools "the kernel's build is the same under tools"
requires make --version
requires modinfo --version
unset MAKEFLAGS MFLAGS MAKELEVEL

version=$(sed -n 's/^AC_INIT(\[ramzswap\], \[\(.*\)\])/\1/p' "$srcdir/configure.ac")
built=$tmpdir/built

# says FILE WORDS
says() {
	grep -q -- "$2" "$1" || { show_log "$1"; fail "it does not say '$2'"; }
}

# build_log COMMAND...: its output in $built; it must succeed.
build_log() {
	"$@" >"$built" 2>&1 || { show_log "$built"; fail "$*"; }
}

# check_module FILE
check_module() {
	[ -e "$1" ] || fail "there is no $1: $(find "$tmpdir" -name 'ramzswap.ko*')"
	[ "$(modinfo -F version "$1")" = "$version" ] || fail "$1 has version $(modinfo -F version "$1"), not $version"
	[ "$(modinfo -F license "$1")" = GPL ] || fail "$1 has the licence $(modinfo -F license "$1")"
}

mkdir "$tmpdir/src"
cp -r "$srcdir/core" "$srcdir/port" "$srcdir/kmod-fallback" "$srcdir/configure.ac" "$tmpdir/src"
find "$tmpdir/src" \( -name '*.o' -o -name '*.lo' \) -delete
chmod -R u+w "$tmpdir/src"

# ---- without headers
! make -C "$tmpdir/src/kmod-fallback" KDIR=/nowhere >"$built" 2>&1 || fail "it builds without headers"
says "$built" "no kernel headers at /nowhere"
! make -C "$top_builddir" modules KDIR=/nowhere >"$built" 2>&1 || fail "make modules builds without headers"
says "$built" "no headers at /nowhere"

# ---- with them
kdir=${RZS_KDIR:-}
for dir in "/lib/modules/$(uname -r)/build" /lib/modules/*/build /usr/src/linux-headers-*; do
	[ -n "$kdir" ] || [ ! -e "$dir/include/generated/utsrelease.h" ] || kdir=$dir
done
[ -n "$kdir" ] || skip "no kernel headers (Debian: linux-headers-amd64, or say RZS_KDIR=...); the lines without them are right"
kdir=$(readlink -f "$kdir")
# Debian has a separate directory for what all flavours share.
for dir in "$kdir/include/linux" "${kdir%-*}-common/include/linux"; do
	[ ! -e "$dir/blkdev.h" ] || include=$dir
done
[ -n "${include:-}" ] || fail "there is no blkdev.h with $kdir"
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$kdir/include/generated/utsrelease.h")
say "headers of $release"
# In the core one function takes a block's lock and another lets go of it, which sparse cannot follow.
checks=(W=1)
! command -v sparse >/dev/null || checks+=(C=2 CHECK="sparse -Wno-context")
build_log make -C "$tmpdir/src/kmod-fallback" KDIR="$kdir" "${checks[@]}"
! grep -E 'core/|kmod-fallback/' "$built" | grep -E 'warning:|error:' || fail "the build complains"
check_module "$tmpdir/src/kmod-fallback/ramzswap.ko"

! grep 'has no swap_slot_free_notify' "$built" || fail "it does not find what this kernel has"
! grep -q 'does not report freed swap slots' "$tmpdir/src/kmod-fallback/ramzswap.ko" || fail "the module says so all the same"

# ---- with headers that lack what is looked for by name, and without these headers
mkdir "$tmpdir/headers"
cp "$include/lzo.h" "$tmpdir/headers"
! make -C "$tmpdir/src/kmod-fallback" KDIR="$kdir" RZS_HEADERS="$tmpdir/headers" >"$built" 2>&1 || fail "it builds without blkdev.h"
says "$built" "there is no $tmpdir/headers/blkdev.h"
sed 's/swap_slot_free_notify/swap_slot_freed/' "$include/blkdev.h" >"$tmpdir/headers/blkdev.h"
# Of the sources, only these are compiled in another way then.
mapfile -t other < <(cd "$tmpdir/src/kmod-fallback" && grep -l RZS_HAVE_SLOT_FREE_NOTIFY ./*.c ../core/*.c)
[ "${other[*]}" = ./ramzswap_main.c ] || fail "not only ramzswap_main.c depends on it: ${other[*]}"
build_log make -C "$kdir" M="$tmpdir/src/kmod-fallback" RZS_VERSION="$version" RZS_HEADERS="$tmpdir/headers" \
	ramzswap_main.o
says "$built" 'has no swap_slot_free_notify'
says "$tmpdir/src/kmod-fallback/ramzswap_main.o" 'does not report freed swap slots'

cleanup_fn make -s -C "$top_builddir" clean-kmod
build_log make -C "$top_builddir" modules modules_install KDIR="$kdir" INSTALL_MOD_PATH="$tmpdir/root" DEPMOD=true
found=$(find "$tmpdir/root" -name 'ramzswap.ko*')
case $found in
"$tmpdir/root/lib/modules/$release"/*/ramzswap.ko*) check_module "$found" ;;
*) fail "modules_install puts it at '$found'" ;;
esac

# ---- dkms
build_log make -C "$top_builddir" dkms-source DESTDIR="$tmpdir/dest"
command -v dkms >/dev/null || skip "dkms is not installed; all before it has passed"
[ "$(id -u)" = 0 ] || skip "dkms installs for root only; all before it has passed"
mkdir -p "$tmpdir/dkms" "$tmpdir/modules/$release"

# run_dkms ACTION [OPTION..]: modules are not signed, for which it would make a key outside.
run_dkms() {
	local action=$1

	shift
	build_log env sign_file=/nowhere dkms "$action" -m ramzswap -v "$version" --dkmstree "$tmpdir/dkms" \
		--sourcetree "$tmpdir/dest/usr/src" --installtree "$tmpdir/modules" --no-depmod "$@"
}
run_dkms add
run_dkms build -k "$release" --kernelsourcedir "$kdir"
run_dkms install -k "$release" --kernelsourcedir "$kdir"
found=$(find "$tmpdir/modules" -name 'ramzswap.ko*')
case $found in
"$tmpdir/modules/$release"/*/ramzswap.ko*) check_module "$found" ;;
*) fail "dkms puts it at '$found'" ;;
esac
run_dkms remove --all
found=$(find "$tmpdir/modules" "$tmpdir/dkms" -name 'ramzswap.ko*')
[ -z "$found" ] || fail "dkms leaves $found"
command -v sparse >/dev/null || skip "all but what sparse says: sparse is not installed"
