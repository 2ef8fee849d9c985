# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of rzsd's parts.

if SERVER
RZS_UNIT_TESTS_USER += \
	tests/unit/test_devices \
	tests/unit/test_front \
	tests/unit/test_front_hold \
	tests/unit/test_listen \
	tests/unit/test_notify \
	tests/unit/test_pid_file
endif

RZS_UNIT_SERVER_CPPFLAGS = $(RZS_SERVER_CPPFLAGS) -I$(srcdir)/tests/lib
RZS_UNIT_SERVER_LDADD = librzsfront.la librzscontrol.la $(RZS_UNIT_HOST_LDADD)

tests_unit_test_notify_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_notify_LDADD = $(RZS_UNIT_SERVER_LDADD)
tests_unit_test_pid_file_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_pid_file_LDADD = $(RZS_UNIT_SERVER_LDADD)
tests_unit_test_listen_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_listen_LDADD = $(RZS_UNIT_SERVER_LDADD)

# It fails allocations, one after the other.
tests_unit_test_devices_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_devices_LDADD = $(RZS_UNIT_SERVER_LDADD)
tests_unit_test_devices_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=aligned_alloc,--wrap=calloc,--wrap=malloc

# They stand in for the I/O threads.
tests_unit_test_front_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_front_LDADD = $(RZS_UNIT_SERVER_LDADD)
tests_unit_test_front_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getsockopt
tests_unit_test_front_hold_CPPFLAGS = $(RZS_UNIT_SERVER_CPPFLAGS)
tests_unit_test_front_hold_LDADD = $(RZS_UNIT_SERVER_LDADD)
