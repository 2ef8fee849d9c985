# SPDX-License-Identifier: GPL-2.0-or-later
# The programs for people, one folder each, what they share, and what their shells complete.

include tools/common/local.mk
include tools/autoswap/local.mk
include tools/rzscontrol/local.mk
include tools/rzsbench/local.mk
include tools/swapoff/local.mk
include tools/swapon/local.mk

RZS_COMPLETIONS = \
	tools/completions/rzs-autoswap \
	tools/completions/rzs-swapoff \
	tools/completions/rzs-swapon \
	tools/completions/rzsbench \
	tools/completions/rzscontrol
EXTRA_DIST += $(RZS_COMPLETIONS)
if BASH_COMPLETION
bashcompletiondir = $(BASHCOMPLETIONDIR)
bashcompletion_DATA = $(RZS_COMPLETIONS)
endif
