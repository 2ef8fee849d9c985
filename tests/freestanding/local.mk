# SPDX-License-Identifier: GPL-2.0-or-later
# The core with nothing below it: no libc, no start files.  That it links at all is half of the test.

RZS_FREESTANDING_TESTS = tests/freestanding/core_nolibc

check_PROGRAMS += $(RZS_FREESTANDING_TESTS)

tests_freestanding_core_nolibc_SOURCES = \
	tests/freestanding/core_nolibc.c \
	tests/freestanding/rzs_port.h \
	tests/freestanding/rzs_port_codec.h \
	$(RZS_CORE_SOURCES)
# Not config.h: which codecs there are is for its rzs_port_codec.h to say.
tests_freestanding_core_nolibc_CPPFLAGS = -I$(srcdir)/tests/freestanding -I$(srcdir)/core
tests_freestanding_core_nolibc_CFLAGS = -std=gnu11 $(RZS_WARN_CFLAGS) -ffreestanding \
	-fno-stack-protector -fno-pie
tests_freestanding_core_nolibc_LDADD = -lgcc
# Without libtool, which has ideas of its own about -static.
tests_freestanding_core_nolibc_LINK = $(CC) $(CFLAGS) -ffreestanding -nostdlib -static -no-pie -o $@
# After CFLAGS: a distribution's may ask for a protector, which needs libc.
$(tests_freestanding_core_nolibc_OBJECTS): CFLAGS += -fno-stack-protector
