# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-swapon.

# port/user has what every program's main() calls first.
RZS_SWAPON_CPPFLAGS = -I$(srcdir)/port/user $(RZS_SWAP_CPPFLAGS) -I$(srcdir)/tools/swapon $(SMARTCOLS_CFLAGS)

# All of it but main(), for the unit tests too.
noinst_LTLIBRARIES += librzso.la
librzso_la_SOURCES = \
	tools/swapon/rzso.h \
	tools/swapon/rzso_check.c \
	tools/swapon/rzso_check.h \
	tools/swapon/rzso_cmd_on.c \
	tools/swapon/rzso_columns.c \
	tools/swapon/rzso_columns.h \
	tools/swapon/rzso_header.c \
	tools/swapon/rzso_header.h \
	tools/swapon/rzso_on.c \
	tools/swapon/rzso_on.h \
	tools/swapon/rzso_options.c \
	tools/swapon/rzso_policy.c \
	tools/swapon/rzso_policy.h \
	tools/swapon/rzso_table.c
librzso_la_CPPFLAGS = $(RZS_SWAPON_CPPFLAGS)
librzso_la_LIBADD = librzsswap.la $(SMARTCOLS_LIBS)

sbin_PROGRAMS += tools/swapon/rzs-swapon
tools_swapon_rzs_swapon_SOURCES = tools/swapon/rzs-swapon.c
tools_swapon_rzs_swapon_CPPFLAGS = $(RZS_SWAPON_CPPFLAGS)
tools_swapon_rzs_swapon_LDADD = librzso.la

EXTRA_DIST += tools/swapon/rzs-swapon.pod
RZS_PODS += tools/swapon/rzs-swapon.pod
dist_man8_MANS += tools/swapon/rzs-swapon.8
MAINTAINERCLEANFILES += tools/swapon/rzs-swapon.8

tools/swapon/rzs-swapon.8: tools/swapon/rzs-swapon.pod
	$(AM_V_GEN)$(MKDIR_P) tools/swapon && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/tools/swapon/rzs-swapon.pod $@.tmp && \
		mv $@.tmp $@
