# SPDX-License-Identifier: GPL-2.0-or-later
# Scripts against what was built, through real clients and our own.

RZS_E2E_TESTS = \
	tests/e2e/bench-help.sh \
	tests/e2e/bench-lzo.sh \
	tests/e2e/bench-store.sh \
	tests/e2e/check-skips.sh \
	tests/e2e/check-steps.sh \
	tests/e2e/closed-fds.sh \
	tests/e2e/crowd.sh \
	tests/e2e/demo-packages.sh \
	tests/e2e/drain.sh \
	tests/e2e/enospc.sh \
	tests/e2e/extents.sh \
	tests/e2e/failing-calls.sh \
	tests/e2e/fio.sh \
	tests/e2e/hangup.sh \
	tests/e2e/info.sh \
	tests/e2e/kmod-install.sh \
	tests/e2e/merge.sh \
	tests/e2e/module-swap.sh \
	tests/e2e/multiconn.sh \
	tests/e2e/nbd-probe.sh \
	tests/e2e/nbd-swap-full.sh \
	tests/e2e/nbd-swap-once.sh \
	tests/e2e/nbd-swap.sh \
	tests/e2e/nbdcopy.sh \
	tests/e2e/nofault.sh \
	tests/e2e/one-thread.sh \
	tests/e2e/one-writer.sh \
	tests/e2e/plugin-about.sh \
	tests/e2e/plugin-badparams.sh \
	tests/e2e/plugin-control.sh \
	tests/e2e/plugin-stats.sh \
	tests/e2e/protect.sh \
	tests/e2e/qemu.sh \
	tests/e2e/recompress.sh \
	tests/e2e/rzs-autoswap.sh \
	tests/e2e/rzs-swapoff.sh \
	tests/e2e/rzsbench-device.sh \
	tests/e2e/rzsbench-files.sh \
	tests/e2e/rzsbench-instructions.sh \
	tests/e2e/rzsbench-report.sh \
	tests/e2e/rzsbench-swap.sh \
	tests/e2e/rzsbench.sh \
	tests/e2e/rzscontrol-abuse.sh \
	tests/e2e/rzscontrol-once.sh \
	tests/e2e/rzscontrol-plugin.sh \
	tests/e2e/rzscontrol-rzsd.sh \
	tests/e2e/rzscontrol-setup.sh \
	tests/e2e/rzscontrol.sh \
	tests/e2e/rzsd-about.sh \
	tests/e2e/rzsd-devices.sh \
	tests/e2e/rzsd-silent.sh \
	tests/e2e/rzsd-start.sh \
	tests/e2e/rzsd-units.sh \
	tests/e2e/spill.sh \
	tests/e2e/subpage.sh \
	tests/e2e/survive.sh \
	tests/e2e/swap-shutdown.sh \
	tests/e2e/swapheader.sh \
	tests/e2e/swapon.sh \
	tests/e2e/trimhammer.sh \
	tests/e2e/until-still.sh \
	tests/e2e/wipe.sh

# The libraries' calls in a bare loop, with which rzsbench's loops are compared.
check_PROGRAMS += tests/lib/bare_codec
tests_lib_bare_codec_SOURCES = tests/lib/bare_codec.c
tests_lib_bare_codec_CPPFLAGS = $(RZS_USER_CPPFLAGS)
tests_lib_bare_codec_LDADD = librzscore.la librzsport.la $(RZS_LIBS)

# What they run besides.
RZS_E2E_HELPERS = \
	tests/e2e/crowd.py \
	tests/e2e/drain.py \
	tests/e2e/enospc.py \
	tests/e2e/extents.py \
	tests/e2e/failing_calls.py \
	tests/e2e/hangup.py \
	tests/e2e/multiconn.py \
	tests/e2e/nbd_probe.py \
	tests/e2e/nofault.py \
	tests/e2e/one_writer.py \
	tests/e2e/plugin-control.py \
	tests/e2e/probes_bytes.py \
	tests/e2e/probes_end.py \
	tests/e2e/probes_handshake.py \
	tests/e2e/probes_requests.py \
	tests/e2e/protect.py \
	tests/e2e/rzscontrol.table \
	tests/e2e/rzsbench-instructions.py \
	tests/e2e/rzsd-hold.py \
	tests/e2e/rzsd-manager.py \
	tests/e2e/rzsd-silent.py \
	tests/e2e/spill.py \
	tests/e2e/subpage.py \
	tests/e2e/survive.py \
	tests/e2e/trimhammer.py \
	tests/e2e/wipe.py

EXTRA_DIST += $(RZS_E2E_TESTS) $(RZS_E2E_HELPERS)
