# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets.  With --enable-fuzz libFuzzer brings main(), otherwise replay_main.c runs saved inputs through them.
# To add one: its name in RZS_FUZZERS, its three lines below, and a folder of inputs in tests/fuzz/corpus.

RZS_FUZZERS =

RZS_FUZZ_REPLAY =

check_PROGRAMS += $(RZS_FUZZERS)
