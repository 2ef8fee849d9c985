# SPDX-License-Identifier: GPL-2.0-or-later
# Guest runs: scripts/check starts them, make check does not.

EXTRA_DIST += \
	tests/vm/README \
	tests/vm/autoswap-table \
	tests/vm/autoswap.list \
	tests/vm/debug-kernel \
	tests/vm/debug.config \
	tests/vm/demo-swap \
	tests/vm/guest.sh \
	tests/vm/hangwatch.c \
	tests/vm/hog.c \
	tests/vm/init \
	tests/vm/kernels \
	tests/vm/kmod \
	tests/vm/matrix \
	tests/vm/matrix.list \
	tests/vm/mixio.c \
	tests/vm/mkinitramfs \
	tests/vm/nbdreader.c \
	tests/vm/opener.c \
	tests/vm/pageout.c \
	tests/vm/pagerate.c \
	tests/vm/readloop.c \
	tests/vm/reap.c \
	tests/vm/run \
	tests/vm/rzsio.c \
	tests/vm/scenarios/attach \
	tests/vm/scenarios/attach-twice \
	tests/vm/scenarios/autoswap \
	tests/vm/scenarios/demo-swap \
	tests/vm/scenarios/dry \
	tests/vm/scenarios/first-swap \
	tests/vm/scenarios/kill-client \
	tests/vm/scenarios/kmod-backing \
	tests/vm/scenarios/kmod-backing-load \
	tests/vm/scenarios/kmod-memlimit \
	tests/vm/scenarios/kmod-merge \
	tests/vm/scenarios/kmod-model \
	tests/vm/scenarios/kmod-oom \
	tests/vm/scenarios/kmod-openers \
	tests/vm/scenarios/kmod-pageout \
	tests/vm/scenarios/kmod-plain \
	tests/vm/scenarios/kmod-recompress \
	tests/vm/scenarios/kmod-selftest \
	tests/vm/scenarios/kmod-sequence \
	tests/vm/scenarios/kmod-shrink \
	tests/vm/scenarios/kmod-threads \
	tests/vm/scenarios/kmod-zram \
	tests/vm/scenarios/largest \
	tests/vm/scenarios/many \
	tests/vm/scenarios/memlimit \
	tests/vm/scenarios/merge-twins \
	tests/vm/scenarios/one-writer \
	tests/vm/scenarios/onset \
	tests/vm/scenarios/oom \
	tests/vm/scenarios/pagecache \
	tests/vm/scenarios/peer-nbdkit-memory \
	tests/vm/scenarios/peer-zram \
	tests/vm/scenarios/pressure \
	tests/vm/scenarios/rzsbench-cold \
	tests/vm/scenarios/rzsbench-swap \
	tests/vm/scenarios/rzscontrol \
	tests/vm/scenarios/rzsd-sequence \
	tests/vm/scenarios/self-command \
	tests/vm/scenarios/self-hang \
	tests/vm/scenarios/self-oom \
	tests/vm/scenarios/self-panic \
	tests/vm/scenarios/self-silence \
	tests/vm/scenarios/self-splat \
	tests/vm/scenarios/self-wrong-byte \
	tests/vm/scenarios/sigterm \
	tests/vm/scenarios/soak \
	tests/vm/scenarios/sockets \
	tests/vm/scenarios/stale \
	tests/vm/scenarios/survive \
	tests/vm/scenarios/swap-errors \
	tests/vm/scenarios/swap-files \
	tests/vm/scenarios/swap-forms \
	tests/vm/scenarios/swapoff \
	tests/vm/scenarios/swapoff-pressure \
	tests/vm/scenarios/swapon \
	tests/vm/scenarios/swapon-devices \
	tests/vm/scenarios/swapon-share \
	tests/vm/selftest \
	tests/vm/system \
	tests/vm/system-guest \
	tests/vm/spill.c \
	tests/vm/traffic.c

# The driver beside the store in user space: goes into the guest, so make builds it.
noinst_PROGRAMS = tests/vm/kmodel tests/vm/swapcall
tests_vm_kmodel_SOURCES = tests/vm/kmodel.c
tests_vm_kmodel_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS) $(RZS_TOOLS_CPPFLAGS)
tests_vm_kmodel_LDADD = librzsc.la librzsproto.la $(RZS_UNIT_USER_LDADD)

# The tools' calls, for swap-errors.
tests_vm_swapcall_SOURCES = tests/vm/swapcall.c
tests_vm_swapcall_CPPFLAGS = $(RZS_SWAP_CPPFLAGS)
tests_vm_swapcall_LDADD = librzsareas.la

# rzs-autoswap's files, for swap-files.
if HAVE_INIH
noinst_PROGRAMS += tests/vm/swapfile
endif
tests_vm_swapfile_SOURCES = tests/vm/swapfile.c
tests_vm_swapfile_CPPFLAGS = $(RZS_AUTOSWAP_CPPFLAGS)
tests_vm_swapfile_LDADD = librzsasettings.la
