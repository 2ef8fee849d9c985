# SPDX-License-Identifier: GPL-2.0-or-later
# What make check runs, and the same under valgrind and the sanitizers.

EXTRA_DIST += \
	tests/README \
	tests/lib/ctl_server.py \
	tests/lib/ctlclient.py \
	tests/lib/functions.sh \
	tests/lib/keep_locale.c \
	tests/lib/nbdprobes.py \
	tests/lib/nbdkit.supp \
	tests/lib/nbdraw.py \
	tests/lib/openmetrics.py \
	tests/lib/nbd-swap-rig.sh \
	tests/lib/calling.sh \
	tests/lib/rzscontrol-rig.sh \
	tests/pods.sh

RZS_TEST_LIB_SOURCES = \
	tests/lib/lzo_diff.c \
	tests/lib/lzo_diff.h \
	tests/lib/lzo_enc.c \
	tests/lib/lzo_enc.h \
	tests/lib/lzo_made.c \
	tests/lib/lzo_made.h \
	tests/lib/model.c \
	tests/lib/model.h \
	tests/lib/pages.c \
	tests/lib/pages.h \
	tests/lib/t.h \
	tests/lib/t_clock.h \
	tests/lib/t_output.h \
	tests/lib/t_scratch.h \
	tests/lib/t_syscall.h \
	tests/lib/twin.c \
	tests/lib/twin.h

# What a server under test is preloaded with.
check_LTLIBRARIES += fail_nth.la
fail_nth_la_SOURCES = tests/lib/fail_nth.c
fail_nth_la_CPPFLAGS = $(RZS_CPPFLAGS)
fail_nth_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
fail_nth_la_LIBADD = -ldl

include tests/unit/local.mk
include tests/freestanding/local.mk
include tests/fuzz/local.mk
include tests/e2e/local.mk
include tests/vm/local.mk

RZS_TOOL_TESTS = $(RZS_UNIT_TESTS) $(RZS_UNIT_TESTS_USER) $(RZS_UNIT_TESTS_PROTO) $(RZS_E2E_TESTS)

# Of this tree's own scripts: they run no program that was built, so a compiler or a tool changes nothing about them.
RZS_OWN_SCRIPTS_TESTS = \
	tests/e2e/check-skips.sh \
	tests/e2e/check-steps.sh \
	tests/e2e/demo-packages.sh \
	tests/e2e/until-still.sh

# Of one thread, and of code that asks nothing of the system: in both of the lists that follow.
RZS_PURE_TESTS = \
	tests/unit/test_device_params \
	tests/unit/test_harness \
	tests/unit/test_merger \
	tests/unit/test_nbd_handshake \
	tests/unit/test_nbd_options \
	tests/unit/test_nbd_reply \
	tests/unit/test_nbd_request \
	tests/unit/test_packed \
	tests/unit/test_spill_budget \
	tests/unit/test_spill_keys \
	tests/unit/test_store_adopt \
	tests/unit/test_store_adopt_damaged \
	tests/unit/test_store_backed \
	tests/unit/test_store_between \
	tests/unit/test_store_compact \
	tests/unit/test_store_corrupt \
	tests/unit/test_store_inside \
	tests/unit/test_store_limit \
	tests/unit/test_store_map \
	tests/unit/test_store_merge \
	tests/unit/test_store_merge_between \
	tests/unit/test_store_merge_writes \
	tests/unit/test_store_model \
	tests/unit/test_store_oom \
	tests/unit/test_store_recompress_between \
	tests/unit/test_store_spill \
	tests/unit/test_store_spill_model \
	tests/unit/test_store_try \
	tests/unit/test_store_unit

# What never starts a thread, so ThreadSanitizer finds nothing in it; tests/e2e/one-thread.sh holds these to it.  A test
# that is not here is run under ThreadSanitizer.
RZS_ONE_THREAD_TESTS = $(RZS_PURE_TESTS) \
	tests/unit/test_arena \
	tests/unit/test_codec \
	tests/unit/test_conn \
	tests/unit/test_conn_flow \
	tests/unit/test_conn_hold \
	tests/unit/test_conn_parked \
	tests/unit/test_conn_wipe \
	tests/unit/test_ctl \
	tests/unit/test_hash \
	tests/unit/test_hold \
	tests/unit/test_listen \
	tests/unit/test_lzo_decode \
	tests/unit/test_lzo_encode \
	tests/unit/test_notify \
	tests/unit/test_pid_file \
	tests/unit/test_port \
	tests/unit/test_program \
	tests/unit/test_recompressor \
	tests/unit/test_rzsa_collect \
	tests/unit/test_rzsa_daemon \
	tests/unit/test_rzsa_days \
	tests/unit/test_rzsa_files \
	tests/unit/test_rzsa_guard \
	tests/unit/test_rzsa_replay \
	tests/unit/test_rzsa_server \
	tests/unit/test_rzsa_settings \
	tests/unit/test_rzsa_state \
	tests/unit/test_rzsa_trace \
	tests/unit/test_rzsa_worth \
	tests/unit/test_rzsb \
	tests/unit/test_rzsb_sample \
	tests/unit/test_rzsc \
	tests/unit/test_rzsc_attach \
	tests/unit/test_rzsc_kernel \
	tests/unit/test_rzsf \
	tests/unit/test_rzst_fit \
	tests/unit/test_rzst_swapoff_job \
	tests/unit/test_rzso_header \
	tests/unit/test_rzso_policy \
	tests/unit/test_size \
	tests/unit/test_size_expr \
	tests/unit/test_spill_target \
	tests/unit/test_store \
	tests/unit/test_store_wipe \
	tests/unit/test_swap_header \
	$(RZS_OWN_SCRIPTS_TESTS)

# What ThreadSanitizer does not get besides: all that these run of several threads is rzsbench's measurement of the
# store, with the thread that refills the store's reserve, and rzsbench.sh runs that in more ways.  What they add is
# about files.  Each of their thirty measurements would take ten seconds of processor time.  bench/lzo has one thread.
RZS_SAME_THREADS_TESTS = \
	tests/e2e/bench-lzo.sh \
	tests/e2e/rzsbench-files.sh \
	tests/e2e/rzsbench-report.sh

# Unit tests that MemorySanitizer cannot follow: libraries that were not built with it write or read memory
# (libinih, libmount, libblkid; LZ4 and zstd), or system calls that the C library does not make
# (getdents64 in hold, mlock2), or test_protect_server replaces a function that it needs before main().
RZS_FOREIGN_UNIT_TESTS = \
	tests/unit/test_codec \
	tests/unit/test_hold \
	tests/unit/test_protect_server \
	tests/unit/test_protect_steps \
	tests/unit/test_recompressor \
	tests/unit/test_rzso_header \
	tests/unit/test_rzso_policy \
	tests/unit/test_rzst_areas \
	tests/unit/test_rzst_fit \
	tests/unit/test_store_recompress \
	tests/unit/test_store_unit

if HAVE_INIH
RZS_FOREIGN_UNIT_TESTS += $(RZS_UNIT_TESTS_INIH)
endif
if SERVER
RZS_FOREIGN_UNIT_TESTS += tests/unit/test_front_hold
endif

# Under valgrind: those, and the scripts that lead each of our programs through most of its code.  The only fault that
# AddressSanitizer, which runs every script, does not see is the use of uninitialised memory.  MemorySanitizer sees it
# in all other unit tests (make check-msan), in a tenth of the time.
# scripts/check --all, and make check-valgrind RZS_VALGRIND_TESTS='$(RZS_TOOL_TESTS)', run every unit test and script here,
# too.
RZS_VALGRIND_TESTS = $(RZS_FOREIGN_UNIT_TESTS) \
	tests/e2e/drain.sh \
	tests/e2e/extents.sh \
	tests/e2e/hangup.sh \
	tests/e2e/multiconn.sh \
	tests/e2e/nbd-probe.sh \
	tests/e2e/plugin-about.sh \
	tests/e2e/plugin-stats.sh \
	tests/e2e/rzscontrol-plugin.sh \
	tests/e2e/rzscontrol-rzsd.sh \
	tests/e2e/rzsd-devices.sh \
	tests/e2e/rzsd-start.sh \
	tests/e2e/trimhammer.sh

# Tests whose result another release of the system cannot change, or whose cost is out of proportion to what it could:
#   - of the core and the codecs, which ask nothing of the system.  Some of these tests are not in the list, and each
#     script runs the core as well, so the other compiler's work is tested;
#   - scripts that run no program of ours;
#   - kmod-install.sh: guests show the module on newer kernels; rzsbench-instructions.sh and rzsbench-report.sh: what
#     differs there is valgrind's and the browser's.
# scripts/check runs all other tests in Debian 13, and with --all these as well.
RZS_ANY_RELEASE_TESTS = $(RZS_PURE_TESTS) \
	tests/unit/test_store_kill \
	tests/unit/test_store_workers \
	tests/e2e/check-skips.sh \
	tests/e2e/check-steps.sh \
	tests/e2e/kmod-install.sh \
	tests/e2e/module-swap.sh \
	tests/e2e/nbd-swap-full.sh \
	tests/e2e/nbd-swap-once.sh \
	tests/e2e/nbd-swap.sh \
	tests/e2e/rzsbench-instructions.sh \
	tests/e2e/rzsbench-report.sh \
	tests/e2e/swap-shutdown.sh \
	tests/e2e/until-still.sh \
	$(RZS_FUZZERS)

TESTS += $(RZS_TOOL_TESTS) $(RZS_UNIT_TESTS_ONE) $(RZS_UNIT_TESTS_PIDFD) $(RZS_FREESTANDING_TESTS) $(RZS_FUZZERS) \
	tests/pods.sh

# Words before the nbdkit command, and before each unit test and rzsd: a tool's.
RZS_NBDKIT_WRAP = @RZS_NBDKIT_WRAP@
RZS_WRAP =
RZS_VALGRIND = $(VALGRIND) --quiet --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --error-exitcode=119 --num-callers=30 --fair-sched=yes \
	--suppressions=$(abs_srcdir)/tests/lib/nbdkit.supp
RZS_TIMEOUT_SCALE = @RZS_TIMEOUT_SCALE@
if SANITIZED
RZS_SANITIZED = 1
check_LTLIBRARIES += keep_locale.la
keep_locale_la_SOURCES = tests/lib/keep_locale.c
keep_locale_la_CPPFLAGS = $(RZS_CPPFLAGS)
keep_locale_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
endif

# Programs print TAP, a line for each of their tests (tests/lib/t.h); what they print elsewhere stands between these
# lines in the log.  Scripts pass or fail as a whole.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
AM_LOG_DRIVER_FLAGS = --merge
LOG_COMPILER = $(RZS_WRAP)

AM_TESTS_ENVIRONMENT = \
	srcdir='$(abs_srcdir)'; export srcdir; \
	builddir='$(abs_builddir)'; export builddir; \
	RZS_PODS='$(RZS_PODS)'; export RZS_PODS; \
	RZS_ONE_THREAD_TESTS='$(RZS_ONE_THREAD_TESTS)'; export RZS_ONE_THREAD_TESTS; \
	RZS_PLUGIN='$(abs_builddir)/rzs.so'; export RZS_PLUGIN; \
	RZSD='$(RZS_WRAP) $(abs_builddir)/server/rzsd'; export RZSD; \
	NBDKIT='$(RZS_NBDKIT_WRAP) $(NBDKIT)'; export NBDKIT; \
	T_TIMEOUT_SCALE='$(RZS_TIMEOUT_SCALE)'; export T_TIMEOUT_SCALE; \
	RZS_SANITIZED='$(RZS_SANITIZED)'; export RZS_SANITIZED; \
	ASAN_OPTIONS="detect_stack_use_after_return=1:$$ASAN_OPTIONS"; export ASAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS; \
	TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:$$TSAN_OPTIONS"; export TSAN_OPTIONS;
