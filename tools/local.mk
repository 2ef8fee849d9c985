# SPDX-License-Identifier: GPL-2.0-or-later
# The programs for people, one folder each, what they share, and what their shells complete.

include tools/common/local.mk
include tools/rzscontrol/local.mk
include tools/rzsbench/local.mk
include tools/swapoff/local.mk

EXTRA_DIST += tools/completions/rzsbench tools/completions/rzscontrol tools/completions/rzs-swapoff
if BASH_COMPLETION
bashcompletiondir = $(BASHCOMPLETIONDIR)
bashcompletion_DATA = tools/completions/rzsbench tools/completions/rzscontrol tools/completions/rzs-swapoff
endif
