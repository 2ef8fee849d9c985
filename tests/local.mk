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
	tests/lib/rzscontrol-rig.sh \
	tests/pods.sh

RZS_TEST_LIB_SOURCES = \
	tests/lib/lzo_diff.c \
	tests/lib/lzo_diff.h \
	tests/lib/lzo_made.c \
	tests/lib/lzo_made.h \
	tests/lib/model.c \
	tests/lib/model.h \
	tests/lib/pages.c \
	tests/lib/pages.h \
	tests/lib/t.h \
	tests/lib/t_clock.h \
	tests/lib/t_scratch.h \
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

TESTS += $(RZS_TOOL_TESTS) $(RZS_UNIT_TESTS_ONE) $(RZS_FREESTANDING_TESTS) $(RZS_FUZZERS) \
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
	RZS_PLUGIN='$(abs_builddir)/rzs.so'; export RZS_PLUGIN; \
	RZSD='$(RZS_WRAP) $(abs_builddir)/server/rzsd'; export RZSD; \
	NBDKIT='$(RZS_NBDKIT_WRAP) $(NBDKIT)'; export NBDKIT; \
	T_TIMEOUT_SCALE='$(RZS_TIMEOUT_SCALE)'; export T_TIMEOUT_SCALE; \
	RZS_SANITIZED='$(RZS_SANITIZED)'; export RZS_SANITIZED; \
	ASAN_OPTIONS="detect_stack_use_after_return=1:$$ASAN_OPTIONS"; export ASAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS; \
	TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:$$TSAN_OPTIONS"; export TSAN_OPTIONS;
