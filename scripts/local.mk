# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	.ci/run \
	scripts/check \
	scripts/check-deps \
	scripts/check-style \
	scripts/demo
