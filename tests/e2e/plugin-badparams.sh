#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Wrong parameters are refused before the server runs, with a message that names the key, the value and what
# would do.  Red when one is accepted, or refused without saying why.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_plugin

# refused TEXT.. -- PARAMETER..: and says each text.
refused() {
	local texts=()

	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2086
	fails_with "${texts[@]}" -- $NBDKIT -f -U - "$RZS_PLUGIN" "$@" protect=off --run true
}

refused 'size=0:' 'at least one page' -- size=0
refused 'size=1000:' 'multiple of 4096' 'the nearest are 0 and 4096' -- size=1000
refused 'size=10000:' 'the nearest are 8192 and 12288' -- size=10000
refused 'size=lots:' 'not a size' -- size=lots
refused 'size=:' -- size=
refused 'size=-4096:' -- size=-4096
refused 'size=17592186044416:' 'largest possible is 17592184995840' -- size=17592186044416
refused 'size=16T:' 'largest' -- size=16T
refused 'size=99999999999999999999:' -- size=99999999999999999999
refused 'size=20E:' -- size=20E
refused 'size=10Q:' -- size=10Q
refused 'size=0%:' -- size=0%
refused 'size=%:' -- size=%
refused 'size=-5%:' -- size=-5%
refused 'size=1000:' 'for MiB give 1000M' -- size=1000
refused 'size=min(ram / 2, 40x6):' 'at "x6)"' -- 'size=min(ram / 2, 40x6)'
refused 'size=ram - 900T:' 'less than zero' -- 'size=ram - 900T'

refused 'algorithm=deflate:' 'lzo' -- size=1M algorithm=deflate
refused 'algorithm=:' -- size=1M algorithm=
refused 'level=77' 'algorithm=lzo' -- size=1M level=77
refused 'level=high' -- size=1M level=high

refused 'memlimit=1:' 'at least' '0 for no limit' -- size=1M memlimit=1
refused 'memlimit=64K:' 'at least' -- size=64G memlimit=64K
refused 'memlimit=900T:' 'RAM' -- size=1M memlimit=900T
refused 'memlimit=101%:' -- size=1M memlimit=101%
refused 'memlimit=some:' -- size=1M memlimit=some
refused 'reserve=900T:' 'RAM' -- size=1M reserve=900T
refused 'reserve=much:' -- size=1M reserve=much
refused 'reserve=8M:' 'memlimit=8M' -- size=1M reserve=8M memlimit=8M
refused 'workers=0:' '1 to 255' -- size=1M workers=0
refused 'workers=256:' '1 to 255' -- size=1M workers=256
refused 'workers=-1' -- size=1M workers=-1
refused 'workers=two' -- size=1M workers=two

refused 'checksum=maybe:' 'true or false' -- size=1M checksum=maybe
refused 'wipe=2:' 'true or false' -- size=1M wipe=2
refused 'swap-header=si:' 'true or false' -- size=1M swap-header=si
refused 'swap-header=true:' 'size=40960' -- size=36K swap-header=true
refused 'label' 'swap-header=true' -- size=36K label=x
refused 'uuid' 'swap-header=true' -- size=1M swap-header=false uuid=01234567-89ab-cdef-0123-456789abcdef
refused 'label=seventeen letters:' '16' -- size=1M 'label=seventeen letters'
for uuid in '' 0123 01234567-89ab-cdef-0123-456789abcdeg 01234567-89ab-cdef-0123-456789abcdef0 \
	0123456789ab-cdef-0123-456789abcdef-012 01234567_89ab_cdef_0123_456789abcdef; do
	refused "uuid=$uuid:" '01234567-89ab-cdef-0123-456789abcdef' -- size=1M "uuid=$uuid"
done

refused 'protect=please:' 'auto, require or off' -- size=1M protect=please
refused 'realtime=often:' 'swap, always or never' -- size=1M realtime=often
refused 'ballast=' 'an eighth' -- size=1M 'ballast=ram / 2'
refused 'control=:' 'path' -- size=1M control=
refused "unknown parameter 'sise'" 'sise=1M' '--help' -- sise=1M
refused "unknown parameter 'size_bytes'" -- size=1M size_bytes=1M
refused 'size=0:' -- 0

# And what must be accepted: the last of two counts, a bare value is the size, percentages are rounded down.
accepted() {
	local out

	# shellcheck disable=SC2016,SC2086
	out=$($NBDKIT -U - "$RZS_PLUGIN" "$@" protect=off --run 'nbdinfo --size "$uri"' 2>"$tmpdir/err") ||
		fail "refused: $*: $(cat "$tmpdir/err")"
	echo "$out"
}

[ "$(accepted 1M)" = 1048576 ] || fail "a bare 1M"
[ "$(accepted size=1M size=2M)" = 2097152 ] || fail "the last of two sizes does not count"
[ "$(accepted size=4096)" = 4096 ] || fail "one page"
[ "$(accepted size=40K label=swap0 checksum=no wipe=on workers=255)" = 40960 ] || fail "40K"
quarter=$(accepted)
ram=$(($(awk '/^MemTotal:/ {print $2}' /proc/meminfo) * 1024))
if [ $((quarter % 4096)) != 0 ] || [ $((quarter * 4)) -gt "$ram" ] || [ "$quarter" = 0 ]; then
	fail "the default size is $quarter, of $ram bytes of RAM"
fi
half=$(accepted size=50%)
[ $((half - quarter * 2)) -le 8192 ] || fail "50% is $half"
[ "$(accepted 'size=min(ram / 2, 64)' 'memlimit=max(ram * 10%, 64M)')" = 67108864 ] || fail "expressions"
[ "$(accepted size=8T swap-header=false)" = 8796093022208 ] || fail "8T"

# The least memlimit that the refusal names is enough to start with, and to hold a page.
for size in 4096 1M 64G 8T; do
	# shellcheck disable=SC2086
	least=$($NBDKIT "$RZS_PLUGIN" size=$size memlimit=1 --run true 2>&1 | sed -n 's/.*at least \([0-9]*\) bytes.*/\1/p' || true)
	[ "$(accepted size=$size "memlimit=$least")" -gt 0 ] || fail "size=$size memlimit=$least"
	refused "memlimit=$((least - 1)):" -- size=$size memlimit=$((least - 1))
done

# shellcheck disable=SC2086
warned=$($NBDKIT -U - "$RZS_PLUGIN" size=8T protect=off --run true 2>&1)
case $warned in
*warning*size=8T*memlimit*) ;;
*) fail "no warning that 8T without a memlimit is more than can be stored: $warned" ;;
esac
