# SPDX-License-Identifier: GPL-2.0-or-later
# One program per tests/unit/test_*.c.  To add one, add its name: the source is found by it.

# On the test port.
RZS_UNIT_TESTS = \
	tests/unit/test_codec \
	tests/unit/test_lock \
	tests/unit/test_port \
	tests/unit/test_store \
	tests/unit/test_store_compact \
	tests/unit/test_store_corrupt \
	tests/unit/test_store_limit \
	tests/unit/test_store_map \
	tests/unit/test_store_model \
	tests/unit/test_store_threads \
	tests/unit/test_swap_header

# The same, too long for valgrind and of one thread, so of no use to ThreadSanitizer: AddressSanitizer has them.
RZS_UNIT_TESTS_ONE = tests/unit/test_store_oom

# On the user port; each needs its two lines as well.
RZS_UNIT_TESTS_USER = \
	tests/unit/test_blocks \
	tests/unit/test_blocks_system \
	tests/unit/test_protect \
	tests/unit/test_room \
	tests/unit/test_watch \
	tests/unit/test_size

check_PROGRAMS += $(RZS_UNIT_TESTS) $(RZS_UNIT_TESTS_ONE) $(RZS_UNIT_TESTS_USER)
EXTRA_DIST += tests/unit/blocks_rig.h tests/unit/twin_rig.h

check_LTLIBRARIES += librzstests.la librzstests_user.la
librzstests_la_SOURCES = $(RZS_TEST_LIB_SOURCES)
librzstests_la_CPPFLAGS = $(RZS_TEST_CPPFLAGS)
librzstests_user_la_SOURCES = $(RZS_TEST_LIB_SOURCES)
librzstests_user_la_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)

RZS_UNIT_USER_CPPFLAGS = $(RZS_USER_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_USER_LDADD = librzstests_user.la librzscore.la librzsport.la $(RZS_LIBS)

tests_unit_test_blocks_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_blocks_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_blocks_system_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_blocks_system_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_room_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_room_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_watch_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_watch_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_protect_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_protect_LDADD = $(RZS_UNIT_USER_LDADD)
tests_unit_test_size_CPPFLAGS = $(RZS_UNIT_USER_CPPFLAGS)
tests_unit_test_size_LDADD = $(RZS_UNIT_USER_LDADD)
