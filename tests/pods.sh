#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages' sources are well-formed, and each parameter or option that a --help names is described.
# RZS_PODS: the sources, below $srcdir.
set -u

: "${srcdir:=.}"
: "${RZS_PODS:=plugin/nbdkit-rzs-plugin.pod}"
: "${NBDKIT=nbdkit}"
: "${RZS_PLUGIN:=./rzs.so}"

command -v podchecker >/dev/null || { echo "SKIP: podchecker is not installed (Debian package: perl)"; exit 77; }

failed=0
for pod in $RZS_PODS; do
    podchecker -warnings -warnings "$srcdir/$pod" || failed=1
done

# shellcheck disable=SC2086 # the command may be of several words
if [ -n "$NBDKIT" ] && help=$($NBDKIT "$RZS_PLUGIN" --help 2>/dev/null); then
    pod=$srcdir/plugin/nbdkit-rzs-plugin.pod
    keys=$(sed -nE 's/^ *\[?([a-z][a-z-]*)=.*/\1/p' <<<"$help" | sort -u)
    for key in $keys; do
        grep -qE "^=item .*B<$key=" "$pod" || { echo "$pod: says nothing of $key="; failed=1; }
    done
fi
if help=$(${RZSD:-server/rzsd} --help 2>/dev/null); then
    pod=$srcdir/server/rzsd.pod
    options=$(sed -nE 's/^  (--[a-z-]+).*/\1/p' <<<"$help")
    for option in $options; do
        grep -qE "^=item B<$option>" "$pod" || { echo "$pod: says nothing of $option"; failed=1; }
    done
fi
exit "$failed"
