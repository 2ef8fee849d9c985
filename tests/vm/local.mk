# SPDX-License-Identifier: GPL-2.0-or-later
# Guest runs: scripts/check starts them, make check does not.

EXTRA_DIST += \
	tests/vm/README \
	tests/vm/demo-swap \
	tests/vm/guest.sh \
	tests/vm/hangwatch.c \
	tests/vm/hog.c \
	tests/vm/init \
	tests/vm/mkinitramfs \
	tests/vm/reap.c \
	tests/vm/run \
	tests/vm/scenarios/demo-swap \
	tests/vm/scenarios/first-swap \
	tests/vm/scenarios/peer-nbdkit-memory \
	tests/vm/scenarios/peer-zram \
	tests/vm/scenarios/self-command \
	tests/vm/scenarios/self-hang \
	tests/vm/scenarios/self-oom \
	tests/vm/scenarios/self-panic \
	tests/vm/scenarios/self-silence \
	tests/vm/scenarios/self-splat \
	tests/vm/scenarios/self-wrong-byte \
	tests/vm/selftest
