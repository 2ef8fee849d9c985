# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets.  fuzz_x replays inputs made from seeds (replay_main.c), in make check; with --enable-fuzz there is also
# libfuzzer_x, which make fuzz starts from the same inputs.
# To add one: two names and the lines of its sources.

RZS_FUZZERS = \
	tests/fuzz/fuzz_codec \
	tests/fuzz/fuzz_store

check_PROGRAMS += $(RZS_FUZZERS)

tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz_store.c tests/fuzz/fuzz.h tests/fuzz/replay_main.c

if FUZZ
RZS_LIBFUZZERS = \
	tests/fuzz/libfuzzer_codec \
	tests/fuzz/libfuzzer_store

check_PROGRAMS += $(RZS_LIBFUZZERS)
endif

tests_fuzz_libfuzzer_codec_SOURCES = tests/fuzz/fuzz_codec.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_codec_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)
tests_fuzz_libfuzzer_store_SOURCES = tests/fuzz/fuzz_store.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzer_store_LDFLAGS = $(AM_LDFLAGS) $(RZS_FUZZ_LDFLAGS)

# What libFuzzer finds stays in its folder below fuzz-corpus/, beside the inputs it began with.
FUZZ_SECONDS = 60

fuzz: $(RZS_FUZZERS) $(RZS_LIBFUZZERS)
	@test -n '$(RZS_LIBFUZZERS)' || { echo 'configure with --enable-fuzz CC=clang'; exit 77; }
	@for prog in $(RZS_LIBFUZZERS); do \
		name=`echo $$prog | $(SED) 's,.*_,,'`; \
		dir=fuzz-corpus/$$name; \
		$(MKDIR_P) $$dir && tests/fuzz/fuzz_$$name --seeds 300 --write $$dir && \
		$$prog -max_total_time=$(FUZZ_SECONDS) -timeout=60 -print_final_stats=1 \
			-artifact_prefix=$$dir-found- $$dir || exit 1; \
	done

.PHONY: fuzz
