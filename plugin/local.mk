# SPDX-License-Identifier: GPL-2.0-or-later
# nbdkit-rzs-plugin.so, and ./rzs.so, which leads to it in a tree that is not installed.

EXTRA_DIST += plugin/rzs.syms plugin/nbdkit-rzs-plugin.pod
RZS_PODS += plugin/nbdkit-rzs-plugin.pod

if PLUGIN
nbdplugindir = $(NBDKIT_PLUGINDIR)
nbdplugin_LTLIBRARIES = plugin/nbdkit-rzs-plugin.la

plugin_nbdkit_rzs_plugin_la_SOURCES = \
	plugin/client.c \
	plugin/client.h \
	plugin/control_thread.h \
	plugin/io.c \
	plugin/io.h \
	plugin/params.c \
	plugin/params.h \
	plugin/plugin.c \
	plugin/quit.c \
	plugin/quit.h
if PLUGIN_CONTROL
plugin_nbdkit_rzs_plugin_la_SOURCES += plugin/control_thread.c
RZS_PLUGIN_CONTROL_LIBS = librzscontrol.la
else
EXTRA_DIST += plugin/control_thread.c
endif
plugin_nbdkit_rzs_plugin_la_CPPFLAGS = $(RZS_HOST_CPPFLAGS) $(NBDKIT_CFLAGS)
# The nbdkit_* functions come from the program that loads it, and whose last threads end when it has unloaded
# plugins: what a thread of ours does at its end (port/user/threads.c) must still be there.
plugin_nbdkit_rzs_plugin_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/plugin/rzs.syms
plugin_nbdkit_rzs_plugin_la_LIBADD = $(RZS_PLUGIN_CONTROL_LIBS) librzshost.la librzsproto.la librzscore.la \
	librzsport.la $(RZS_LIBS)
EXTRA_plugin_nbdkit_rzs_plugin_la_DEPENDENCIES = plugin/rzs.syms

dist_man1_MANS += plugin/nbdkit-rzs-plugin.1
MAINTAINERCLEANFILES += plugin/nbdkit-rzs-plugin.1

plugin/nbdkit-rzs-plugin.1: plugin/nbdkit-rzs-plugin.pod
	$(AM_V_GEN)$(MKDIR_P) plugin && $(POD2MAN) --section=1 --center='nbdkit plugins' \
		--release='ramzswap $(VERSION)' $(srcdir)/plugin/nbdkit-rzs-plugin.pod $@.tmp && mv $@.tmp $@

ALL_LOCAL += rzs.so
CLEANFILES += rzs.so

rzs.so: plugin/nbdkit-rzs-plugin.la
	$(AM_V_GEN)rm -f $@ && $(LN_S) plugin/.libs/nbdkit-rzs-plugin.so $@

# nbdkit loads the .so by its name and has no use for libtool's note about it.
install-data-hook:
	rm -f '$(DESTDIR)$(nbdplugindir)/nbdkit-rzs-plugin.la'

uninstall-hook:
	rm -f '$(DESTDIR)$(nbdplugindir)/nbdkit-rzs-plugin.so'

endif
