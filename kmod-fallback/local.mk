# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module.  "make" builds only its manual page, because the module needs the headers of a kernel.  The targets
# below work on a copy in kmod-build/, so the source tree stays clean and may be read-only.

RZS_KMOD_FILES = \
	kmod-fallback/Kbuild \
	kmod-fallback/Makefile \
	kmod-fallback/compat.h \
	kmod-fallback/ramzswap.h \
	kmod-fallback/ramzswap_backing.c \
	kmod-fallback/ramzswap_backing.h \
	kmod-fallback/ramzswap_bio.c \
	kmod-fallback/ramzswap_blocks.c \
	kmod-fallback/ramzswap_bounce.c \
	kmod-fallback/ramzswap_dev.h \
	kmod-fallback/ramzswap_device.c \
	kmod-fallback/ramzswap_freed.c \
	kmod-fallback/ramzswap_ioctl.c \
	kmod-fallback/ramzswap_ioctl.h \
	kmod-fallback/ramzswap_job.c \
	kmod-fallback/ramzswap_main.c \
	kmod-fallback/ramzswap_merge.c \
	kmod-fallback/ramzswap_recompress.c \
	kmod-fallback/ramzswap_selftest.c \
	kmod-fallback/ramzswap_shrink.c \
	kmod-fallback/ramzswap_spill.c \
	kmod-fallback/ramzswap_spill.h \
	kmod-fallback/ramzswap_stats.h \
	kmod-fallback/ramzswap_sysfs.c \
	kmod-fallback/ramzswap_sysfs_idle.c \
	kmod-fallback/ramzswap_sysfs_merge.c \
	kmod-fallback/ramzswap_walk.c \
	kmod-fallback/rzs_core_unity.c \
	kmod-fallback/rzs_port.h \
	kmod-fallback/rzs_port_codec.h

EXTRA_DIST += \
	$(RZS_KMOD_FILES) \
	kmod-fallback/dkms.conf.in \
	kmod-fallback/ramzswap.4.pod

RZS_PODS += kmod-fallback/ramzswap.4.pod
dist_man4_MANS = kmod-fallback/ramzswap.4
MAINTAINERCLEANFILES += kmod-fallback/ramzswap.4

kmod-fallback/ramzswap.4: kmod-fallback/ramzswap.4.pod
	$(AM_V_GEN)$(MKDIR_P) kmod-fallback && $(POD2MAN) --section=4 --center=ramzswap --utf8 \
		--name=RAMZSWAP --release='ramzswap $(VERSION)' \
		$(srcdir)/kmod-fallback/ramzswap.4.pod $@.tmp && mv $@.tmp $@

# The files that a build of the module needs.
RZS_KMOD_TREE = $(RZS_KMOD_FILES) $(RZS_CORE_SOURCES) port/port_check.h

# KDIR=... is the directory of the kernel's headers; the default is that of the running kernel.
RZS_KMOD_MAKE = kdir='$(KDIR)'; test -n "$$kdir" || kdir=/lib/modules/`uname -r`/build; \
	test -e "$$kdir/Makefile" || { \
		echo "no kernel module: no headers at $$kdir (Debian: linux-headers-`uname -r`; or set KDIR=...)"; \
		exit 1; }; \
	$(MAKE) -C kmod-build/kmod-fallback KDIR="$$kdir" RZS_VERSION='$(VERSION)'

# rzs_copy_kmod TO: files that have not changed keep their time, so that make builds only what has changed.
rzs_copy_kmod = \
	copy_to() { \
		for f in $(RZS_KMOD_TREE); do \
			cmp -s "$(srcdir)/$$f" "$$1/$$f" && continue; \
			$(MKDIR_P) "$$1/`dirname $$f`" && rm -f "$$1/$$f" && \
				cp "$(srcdir)/$$f" "$$1/$$f" && chmod u+w "$$1/$$f" || exit; \
		done; \
	}; copy_to

modules:
	@$(rzs_copy_kmod) kmod-build
	@$(RZS_KMOD_MAKE) modules

modules_install: modules
	@$(RZS_KMOD_MAKE) modules_install

# The source tree for "dkms add ramzswap/$(VERSION)".
dkms-source:
	@$(rzs_copy_kmod) '$(DESTDIR)/usr/src/ramzswap-$(VERSION)'
	$(SED) 's,@VER''SION@,$(VERSION),g' $(srcdir)/kmod-fallback/dkms.conf.in \
		>'$(DESTDIR)/usr/src/ramzswap-$(VERSION)/dkms.conf'

clean-kmod:
	rm -rf kmod-build

.PHONY: clean-kmod dkms-source modules modules_install
