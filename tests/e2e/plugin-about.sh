#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --dump-plugin, --help, --version: what other programs and bash completion read.  Red when a key has a
# form that completion does not find, when a promised line is missing, or a symbol leaks.

. "${srcdir:-.}/tests/lib/functions.sh" || exit 99
requires_plugin

# shellcheck disable=SC2086
$NBDKIT "$RZS_PLUGIN" --dump-plugin >"$tmpdir/dump"
for line in name=rzs magic_config_key=size errno_is_preserved=1 max_thread_model=serialize_requests \
	rzs_page_size=4096 rzs_max_size=17592184995840 rzs_swap_protect=yes \
	has_pread=1 has_pwrite=1 has_flush=1 has_trim=1 has_zero=1 has_extents=1 has_block_size=1 \
	has_can_multi_conn=1 has_can_fast_zero=1 has_can_fua=1 has_can_cache=1; do
	grep -qxF "$line" "$tmpdir/dump" || fail "--dump-plugin lacks $line: $(cat "$tmpdir/dump")"
done
grep -qx 'rzs_codecs=lzo\(,[a-z0-9]*\)*' "$tmpdir/dump" || fail "--dump-plugin names no codecs"
grep -qx 'rzs_lzo=[0-9.]*' "$tmpdir/dump" || fail "--dump-plugin names no version of LZO"
grep -qx 'version=[0-9].*' "$tmpdir/dump" || fail "--dump-plugin has no version"

# shellcheck disable=SC2086
$NBDKIT "$RZS_PLUGIN" --help >"$tmpdir/help"
for key in size algorithm level memlimit reserve workers swap-header label uuid checksum wipe shared merge-run \
	merge-pages-to-scan merge-sleep-millisecs merge-max-page-sharing merge-smart-scan merge-index merge-inline \
	recompress recompress-after recompress-cpu recompress-unit idle-step protect; do
	grep -q "^$key=" "$tmpdir/help" || fail "--help lacks $key="
done
# Every line of the parameters has the form that bash completion greps for.
! sed -n '/^size=/,$p' "$tmpdir/help" | grep -E '^[^[:space:]]*=' | grep -qvE '^[-a-z0-9]+=' ||
	fail "--help has a key that completion cannot find"

# shellcheck disable=SC2086
$NBDKIT "$RZS_PLUGIN" --version | grep -q '^rzs [0-9]' || fail "--version"

if command -v nm >/dev/null; then
	shown=$(nm -D --defined-only "$RZS_PLUGIN" | awk '{print $3}' | sort | paste -sd' ')
	case $shown in
	'plugin_init rzs_debug_io rzs_debug_stats rzs_debug_without') ;;
	*__asan* | *__tsan* | *__ubsan*) ;;
	*) fail "the plugin shows these symbols: $shown" ;;
	esac
fi
