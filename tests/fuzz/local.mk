# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets.  fuzz_x replays inputs made from seeds (replay_main.c), in make check; with --enable-fuzz there is also
# libfuzzer_x, which make fuzz starts from the same inputs.
# To add one: two names and the lines of its sources.

RZS_FUZZERS = \
	tests/fuzz/fuzz_adopt \
	tests/fuzz/fuzz_autoswap \
	tests/fuzz/fuzz_codec \
	tests/fuzz/fuzz_ctl \
	tests/fuzz/fuzz_lzo \
	tests/fuzz/fuzz_lzo_encode \
	tests/fuzz/fuzz_size \
	tests/fuzz/fuzz_nbd_handshake \
	tests/fuzz/fuzz_nbd_request \
	tests/fuzz/fuzz_store

if HAVE_INIH
RZS_FUZZERS += tests/fuzz/fuzz_config
endif

check_PROGRAMS += $(RZS_FUZZERS)

tests_fuzz_fuzz_adopt_SOURCES = tests/fuzz/fuzz_adopt.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
RZS_FUZZ_AUTOSWAP_LDADD = librzsa.la librzstests_user.la
tests_fuzz_fuzz_autoswap_SOURCES = tests/fuzz/fuzz_autoswap.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_autoswap_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_fuzz_fuzz_autoswap_LDADD = $(RZS_FUZZ_AUTOSWAP_LDADD)
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_lzo_SOURCES = tests/fuzz/fuzz_lzo.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_lzo_encode_SOURCES = tests/fuzz/fuzz_lzo_encode.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_config_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_fuzz_fuzz_config_LDADD = $(RZS_CONFIG_LDADD)
tests_fuzz_fuzz_size_SOURCES = tests/fuzz/fuzz_size.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_size_CPPFLAGS = $(tests_unit_test_size_CPPFLAGS)
tests_fuzz_fuzz_size_LDADD = $(tests_unit_test_size_LDADD)
tests_fuzz_fuzz_ctl_SOURCES = tests/fuzz/fuzz_ctl.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_ctl_CPPFLAGS = $(RZS_FUZZ_PROTO_CPPFLAGS)
tests_fuzz_fuzz_ctl_LDADD = librzsproto.la $(LDADD)
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz_store.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c

# Of what goes over sockets.
RZS_FUZZ_PROTO_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/proto

if FUZZ
RZS_LIBFUZZERS = \
	tests/fuzz/libfuzzer_adopt \
	tests/fuzz/libfuzzer_autoswap \
	tests/fuzz/libfuzzer_codec \
	tests/fuzz/libfuzzer_ctl \
	tests/fuzz/libfuzzer_lzo \
	tests/fuzz/libfuzzer_lzo_encode \
	tests/fuzz/libfuzzer_size \
	tests/fuzz/libfuzzer_nbd_handshake \
	tests/fuzz/libfuzzer_nbd_request \
	tests/fuzz/libfuzzer_store

if HAVE_INIH
RZS_LIBFUZZERS += tests/fuzz/libfuzzer_config
endif

check_PROGRAMS += $(RZS_LIBFUZZERS)
endif

tests_fuzz_libfuzzer_adopt_SOURCES = tests/fuzz/fuzz_adopt.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_adopt_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_autoswap_SOURCES = tests/fuzz/fuzz_autoswap.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_autoswap_CPPFLAGS = $(RZS_UNIT_AUTOSWAP_CPPFLAGS)
tests_fuzz_libfuzzer_autoswap_LDADD = $(RZS_FUZZ_AUTOSWAP_LDADD)
tests_fuzz_libfuzzer_autoswap_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_codec_SOURCES = tests/fuzz/fuzz_codec.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_codec_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_lzo_SOURCES = tests/fuzz/fuzz_lzo.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_lzo_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_lzo_encode_SOURCES = tests/fuzz/fuzz_lzo_encode.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_lzo_encode_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_config_CPPFLAGS = $(RZS_UNIT_HOST_CPPFLAGS)
tests_fuzz_libfuzzer_config_LDADD = $(RZS_CONFIG_LDADD)
tests_fuzz_libfuzzer_config_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_size_SOURCES = tests/fuzz/fuzz_size.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_size_CPPFLAGS = $(tests_unit_test_size_CPPFLAGS)
tests_fuzz_libfuzzer_size_LDADD = $(tests_unit_test_size_LDADD)
tests_fuzz_libfuzzer_size_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_ctl_SOURCES = tests/fuzz/fuzz_ctl.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_ctl_CPPFLAGS = $(RZS_FUZZ_PROTO_CPPFLAGS)
tests_fuzz_libfuzzer_ctl_LDADD = librzsproto.la $(LDADD)
tests_fuzz_libfuzzer_ctl_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_store_SOURCES = tests/fuzz/fuzz_store.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_store_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)

# Of the codecs: both programs of a target are made the same way.
RZS_FUZZ_NBD_HANDSHAKE = tests/fuzz/fuzz_nbd_handshake.c tests/fuzz/fuzz.h tests/lib/nbd_drive.c \
	tests/lib/nbd_drive.h tests/lib/nbd_talk.c tests/lib/nbd_talk.h tests/lib/pages.c tests/lib/pages.h
RZS_FUZZ_NBD_REQUEST = tests/fuzz/fuzz_nbd_request.c tests/fuzz/fuzz.h tests/lib/nbd_talk.c \
	tests/lib/nbd_talk.h tests/lib/pages.c tests/lib/pages.h

tests_fuzz_fuzz_nbd_handshake_SOURCES = $(RZS_FUZZ_NBD_HANDSHAKE) tests/fuzz/replay_main.c
tests_fuzz_fuzz_nbd_handshake_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_fuzz_fuzz_nbd_handshake_LDADD = librzsproto.la
tests_fuzz_fuzz_nbd_request_SOURCES = $(RZS_FUZZ_NBD_REQUEST) tests/fuzz/replay_main.c
tests_fuzz_fuzz_nbd_request_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_fuzz_fuzz_nbd_request_LDADD = librzsproto.la
tests_fuzz_libfuzzer_nbd_handshake_SOURCES = $(RZS_FUZZ_NBD_HANDSHAKE)
tests_fuzz_libfuzzer_nbd_handshake_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_fuzz_libfuzzer_nbd_handshake_LDADD = librzsproto.la
tests_fuzz_libfuzzer_nbd_handshake_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_nbd_request_SOURCES = $(RZS_FUZZ_NBD_REQUEST)
tests_fuzz_libfuzzer_nbd_request_CPPFLAGS = $(RZS_UNIT_PROTO_CPPFLAGS)
tests_fuzz_libfuzzer_nbd_request_LDADD = librzsproto.la
tests_fuzz_libfuzzer_nbd_request_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)

# What libFuzzer finds stays in its directory below fuzz-corpus/, beside the inputs it began with.
FUZZ_SECONDS = 60

fuzz: $(RZS_FUZZERS) $(RZS_LIBFUZZERS)
	@test -n '$(RZS_LIBFUZZERS)' || { echo 'configure with --enable-fuzz CC=clang'; exit 77; }
	@for prog in $(RZS_LIBFUZZERS); do \
		name=`echo $$prog | $(SED) 's,.*libfuzzer_,,'`; \
		dir=fuzz-corpus/$$name; \
		$(MKDIR_P) $$dir && tests/fuzz/fuzz_$$name --seeds 300 --write $$dir && \
		$$prog -max_total_time=$(FUZZ_SECONDS) -timeout=60 -print_final_stats=1 \
			-artifact_prefix=$$dir-found- $$dir || exit 1; \
	done

.PHONY: fuzz
