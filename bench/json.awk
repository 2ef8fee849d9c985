# SPDX-License-Identifier: GPL-2.0-or-later
# How summary.awk and readme.awk read.  Each line is one flat object, so a key is found without a JSON parser.

function get(key,    s) {
	if (!match($0, "\"" key "\":(\"[^\"]*\"|[^],}]*)"))
		return ""
	s = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
	gsub(/"/, "", s)
	return s
}
