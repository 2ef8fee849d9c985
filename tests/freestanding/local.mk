# SPDX-License-Identifier: GPL-2.0-or-later
# The core with nothing below it: no libc, no start files.  That it links at all is half of the test.

RZS_FREESTANDING_TESTS =
