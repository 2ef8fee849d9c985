# SPDX-License-Identifier: GPL-2.0-or-later
# rzs-nbd-swap, its manual page, units and settings; and the project's own scripts.

# What a machine that swaps to itself should be set to.  Here and nowhere else: the script, the
# units and the sysctl file take it from here.  min_free_kbytes is that of most machines (KiB), the
# share of RAM that it is on a smaller one, the most on a large one, and the share there.
RZS_SWAP_MIN_FREE = 8192
RZS_SWAP_MIN_FREE_SMALL_SHARE = 64
RZS_SWAP_MIN_FREE_LEAST = 2048
RZS_SWAP_MIN_FREE_MOST = 65536
RZS_SWAP_MIN_FREE_SHARE = 128
RZS_SWAP_NR_REQUESTS = 16
RZS_SWAP_MAX_SECTORS_KB = 128
RZS_SWAP_BOOST = 0
RZS_SWAP_PAGE_CLUSTER = 0

RZS_NBD_SWAP_PARTS = \
	scripts/nbd-swap/common.sh \
	scripts/nbd-swap/state.sh \
	scripts/nbd-swap/server.sh \
	scripts/nbd-swap/systemd.sh \
	scripts/nbd-swap/attach.sh \
	scripts/nbd-swap/detach.sh \
	scripts/nbd-swap/status.sh \
	scripts/nbd-swap/main.sh

# What the kernel module's unit runs.  It has much in common with that of servers.
RZS_MODULE_SWAP_PARTS = \
	scripts/nbd-swap/common.sh \
	scripts/nbd-swap/state.sh \
	scripts/nbd-swap/systemd.sh \
	scripts/nbd-swap/detach.sh \
	scripts/module-swap/main.sh

# What rzs-autoswap's second unit runs.
RZS_SWAP_SHUTDOWN_PARTS = \
	scripts/nbd-swap/common.sh \
	scripts/nbd-swap/systemd.sh \
	scripts/swap-shutdown/main.sh

# Of nbdkit with the plugin, and of rzsd.
RZS_SWAP_UNITS = \
	scripts/systemd/rzs-swap.service \
	scripts/systemd/rzs-swap-attach.service
RZS_SERVER_UNITS = \
	scripts/systemd/rzsd.service \
	scripts/systemd/rzsd.socket \
	scripts/systemd/rzsd-attach.service
RZS_MODULE_UNITS = scripts/systemd/ramzswap-attach.service
RZS_AUTOSWAP_UNITS = \
	scripts/systemd/rzs-autoswap.service \
	scripts/systemd/rzs-autoswap-shutdown.service

EXTRA_DIST += \
	.ci/run \
	$(RZS_NBD_SWAP_PARTS) \
	scripts/module-swap/main.sh \
	scripts/swap-shutdown/main.sh \
	scripts/check \
	scripts/check-bare \
	scripts/check-cross \
	scripts/until-still \
	scripts/check-deps \
	scripts/check-dist \
	scripts/check-packages \
	scripts/check-style \
	scripts/demo \
	scripts/in-root \
	scripts/packages \
	scripts/skipped \
	scripts/skips \
	scripts/rzs-nbd-swap.pod \
	scripts/sysctl/rzs-swap.conf.in \
	scripts/systemd/attach.service.in \
	scripts/systemd/ramzswap-attach.service.in \
	scripts/systemd/rzs-autoswap.service.in \
	scripts/systemd/rzs-autoswap-shutdown.service.in \
	scripts/systemd/rzs-swap.default \
	scripts/systemd/rzs-swap.service.in \
	scripts/systemd/rzsd.service.in \
	scripts/systemd/rzsd.socket.in

RZS_PODS += scripts/rzs-nbd-swap.pod

# The names are taken apart, or config.status would put its own values there.
RZS_SUBSTITUTE = $(SED) \
	-e 's|@''VERSION@|$(VERSION)|' \
	-e 's|@''NBDKIT@|$(NBDKIT)|' \
	-e 's|@''pkglibexecdir@|$(pkglibexecdir)|' \
	-e 's|@''sbindir@|$(sbindir)|' \
	-e 's|@''sysconfdir@|$(sysconfdir)|' \
	-e 's|@''RZS_SWAP_MIN_FREE@|$(RZS_SWAP_MIN_FREE)|' \
	-e 's|@''RZS_SWAP_MIN_FREE_SMALL_SHARE@|$(RZS_SWAP_MIN_FREE_SMALL_SHARE)|' \
	-e 's|@''RZS_SWAP_MIN_FREE_LEAST@|$(RZS_SWAP_MIN_FREE_LEAST)|' \
	-e 's|@''RZS_SWAP_MIN_FREE_MOST@|$(RZS_SWAP_MIN_FREE_MOST)|' \
	-e 's|@''RZS_SWAP_MIN_FREE_SHARE@|$(RZS_SWAP_MIN_FREE_SHARE)|' \
	-e 's|@''RZS_SWAP_NR_REQUESTS@|$(RZS_SWAP_NR_REQUESTS)|' \
	-e 's|@''RZS_SWAP_MAX_SECTORS_KB@|$(RZS_SWAP_MAX_SECTORS_KB)|' \
	-e 's|@''RZS_SWAP_BOOST@|$(RZS_SWAP_BOOST)|' \
	-e 's|@''RZS_SWAP_PAGE_CLUSTER@|$(RZS_SWAP_PAGE_CLUSTER)|'

sbin_SCRIPTS = scripts/rzs-nbd-swap
pkglibexec_SCRIPTS = scripts/rzs-module-swap scripts/rzs-swap-shutdown
dist_man8_MANS += scripts/rzs-nbd-swap.8
doc_DATA = scripts/sysctl/rzs-swap.conf
CLEANFILES += scripts/rzs-nbd-swap scripts/rzs-module-swap scripts/rzs-swap-shutdown scripts/sysctl/rzs-swap.conf \
	$(RZS_SWAP_UNITS) $(RZS_SERVER_UNITS) $(RZS_MODULE_UNITS) $(RZS_AUTOSWAP_UNITS)
MAINTAINERCLEANFILES += scripts/rzs-nbd-swap.8

# Programs of several files, so that each can be read: only the first keeps its licence line.
scripts/rzs-nbd-swap scripts/rzs-module-swap scripts/rzs-swap-shutdown: $(RZS_NBD_SWAP_PARTS) \
	scripts/module-swap/main.sh scripts/swap-shutdown/main.sh Makefile
	$(AM_V_GEN)$(MKDIR_P) scripts && case $@ in \
	*nbd-swap) parts='$(RZS_NBD_SWAP_PARTS)' ;; \
	*swap-shutdown) parts='$(RZS_SWAP_SHUTDOWN_PARTS)' ;; \
	*) parts='$(RZS_MODULE_SWAP_PARTS)' ;; \
	esac && { echo '#!/bin/sh'; for part in $$parts; do \
		cat "$(srcdir)/$$part" && echo || exit; \
	done; } >$@.in && $(SED) '3,$${/^# SPDX-License/d;}' $@.in | $(RZS_SUBSTITUTE) >$@.tmp && \
	rm $@.in && chmod +x $@.tmp && mv $@.tmp $@

scripts/rzs-nbd-swap.8: scripts/rzs-nbd-swap.pod
	$(AM_V_GEN)$(MKDIR_P) scripts && $(POD2MAN) --section=8 --center=ramzswap --utf8 \
		--release='ramzswap $(VERSION)' $(srcdir)/scripts/rzs-nbd-swap.pod $@.tmp && \
		mv $@.tmp $@

# From the .in that follows, to $@.
RZS_FROM_IN = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(RZS_SUBSTITUTE) \
	-e 's|@''RZS_SERVER_UNIT@|$(@F:-attach.service=.service)|'
RZS_TO = >$@.tmp && mv $@.tmp $@

scripts/sysctl/rzs-swap.conf: scripts/sysctl/rzs-swap.conf.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

scripts/systemd/rzs-swap.service: scripts/systemd/rzs-swap.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

scripts/systemd/rzsd.service: scripts/systemd/rzsd.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

scripts/systemd/rzsd.socket: scripts/systemd/rzsd.socket.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

# One text for both servers.
scripts/systemd/rzs-swap-attach.service: scripts/systemd/attach.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/scripts/systemd/attach.service.in $(RZS_TO)

scripts/systemd/rzsd-attach.service: scripts/systemd/attach.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/scripts/systemd/attach.service.in $(RZS_TO)

scripts/systemd/ramzswap-attach.service: scripts/systemd/ramzswap-attach.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

scripts/systemd/rzs-autoswap.service: scripts/systemd/rzs-autoswap.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

scripts/systemd/rzs-autoswap-shutdown.service: scripts/systemd/rzs-autoswap-shutdown.service.in Makefile
	$(RZS_FROM_IN) $(srcdir)/$@.in $(RZS_TO)

if SYSTEMD_UNITS
systemdsystemunitdir = $(SYSTEMDSYSTEMUNITDIR)
systemdsystemunit_DATA = $(RZS_MODULE_UNITS)
if PLUGIN_UNITS
systemdsystemunit_DATA += $(RZS_SWAP_UNITS)
endif
if HAVE_INIH
systemdsystemunit_DATA += $(RZS_AUTOSWAP_UNITS)
endif
if SERVER
systemdsystemunit_DATA += $(RZS_SERVER_UNITS)
endif
rzs_default = $(DESTDIR)$(sysconfdir)/default/rzs-swap

# The administrator's own is left alone.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/default'
	test -e '$(rzs_default)' || \
		$(INSTALL_DATA) $(srcdir)/scripts/systemd/rzs-swap.default '$(rzs_default)'

uninstall-local:
	! cmp -s $(srcdir)/scripts/systemd/rzs-swap.default '$(rzs_default)' || \
		rm -f '$(rzs_default)'
endif

# The Debian packages, for dpkg-buildpackage in the unpacked release as well.
EXTRA_DIST += \
	debian/changelog \
	debian/clean \
	debian/control \
	debian/copyright \
	debian/nbdkit-plugin-rzs.install \
	debian/nbdkit-plugin-rzs.lintian-overrides \
	debian/needrestart.conf \
	debian/not-installed \
	debian/prerm.in \
	debian/ramzswap-bench.install \
	debian/ramzswap-dkms.install \
	debian/ramzswap.docs \
	debian/ramzswap.install \
	debian/ramzswap.lintian-overrides \
	debian/ramzswap.postinst \
	debian/ramzswap.postrm \
	debian/rules \
	debian/source/format
