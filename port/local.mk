# SPDX-License-Identifier: GPL-2.0-or-later
# The port to user space, and that for unit tests.

noinst_HEADERS = port/port_check.h

RZS_PORT_USER_SOURCES = \
	port/user/arena.c \
	port/user/arena.h \
	port/user/arena_private.h \
	port/user/arena_shared.c \
	port/user/clock.h \
	port/user/blocks.c \
	port/user/blocks.h \
	port/user/blocks_info.c \
	port/user/blocks_open.c \
	port/user/blocks_private.h \
	port/user/headroom.c \
	port/user/headroom.h \
	port/user/liblzo.c \
	port/user/liblzo.h \
	port/user/memory.c \
	port/user/memory.h \
	port/user/program.c \
	port/user/program.h \
	port/user/protect_steps.c \
	port/user/protect_steps.h \
	port/user/ram.c \
	port/user/ram.h \
	port/user/rzs_port.h \
	port/user/rzs_port_codec.h \
	port/user/rzs_port_sync.h \
	port/user/rzs_port_wide.h \
	port/user/segment.c \
	port/user/segment.h \
	port/user/stack.h \
	port/user/std_fds.h \
	port/user/swaps.c \
	port/user/swaps.h \
	port/user/text_file.c \
	port/user/text_file.h \
	port/user/threads.c \
	port/user/threads.h \
	port/user/watchdog.c \
	port/user/watchdog.h

noinst_LTLIBRARIES += librzsport.la
librzsport_la_SOURCES = $(RZS_PORT_USER_SOURCES)
librzsport_la_CPPFLAGS = $(RZS_USER_CPPFLAGS)
librzsport_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

RZS_PORT_TEST_SOURCES = \
	port/test/port_arena.c \
	port/test/port_blocks.c \
	port/test/port_test_private.h \
	port/test/port_test.c \
	port/test/port_test.h \
	port/test/rzs_port.h \
	port/test/rzs_port_codec.h

# The core compiled against the test port, and the port with it.
check_LTLIBRARIES += librzscore_test.la
librzscore_test_la_SOURCES = $(RZS_CORE_SOURCES) $(RZS_PORT_TEST_SOURCES)
librzscore_test_la_CPPFLAGS = $(RZS_TEST_CPPFLAGS)
