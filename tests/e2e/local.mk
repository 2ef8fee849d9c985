# SPDX-License-Identifier: GPL-2.0-or-later
# Scripts against the built plugin, through real clients.

RZS_E2E_TESTS = \
	tests/e2e/nbd-swap.sh \
	tests/e2e/plugin-about.sh \
	tests/e2e/plugin-badparams.sh \
	tests/e2e/plugin-drain.sh \
	tests/e2e/plugin-enospc.sh \
	tests/e2e/plugin-extents.sh \
	tests/e2e/plugin-fio.sh \
	tests/e2e/plugin-hangup.sh \
	tests/e2e/plugin-info.sh \
	tests/e2e/plugin-multiconn.sh \
	tests/e2e/plugin-nbdcopy.sh \
	tests/e2e/plugin-nofault.sh \
	tests/e2e/plugin-protect.sh \
	tests/e2e/plugin-qemu.sh \
	tests/e2e/plugin-stats.sh \
	tests/e2e/plugin-subpage.sh \
	tests/e2e/plugin-swapheader.sh \
	tests/e2e/plugin-trimhammer.sh

# What they run besides.
RZS_E2E_HELPERS = \
	tests/e2e/lib/rawnbd.py \
	tests/e2e/plugin-drain.py \
	tests/e2e/plugin-enospc.py \
	tests/e2e/plugin-extents.py \
	tests/e2e/plugin-hangup.py \
	tests/e2e/plugin-multiconn.py \
	tests/e2e/plugin-nofault.py \
	tests/e2e/plugin-protect.py \
	tests/e2e/plugin-subpage.py \
	tests/e2e/plugin-trimhammer.py

EXTRA_DIST += $(RZS_E2E_TESTS) $(RZS_E2E_HELPERS)
