# SPDX-License-Identifier: GPL-2.0-or-later
# Where systemd's units go.

# SYSTEMDSYSTEMUNITDIR, and the conditionals SYSTEMD_UNITS, PLUGIN_UNITS.  systemd's own folder only
# when everything else goes below /usr as well: another prefix is not left, and systemd reads
# /usr/local/lib/systemd/system too.  After RZS_NBDKIT and RZS_SERVER, whose programs they start.
AC_DEFUN([RZS_SYSTEMD], [
	AC_ARG_WITH([systemdsystemunitdir],
		[AS_HELP_STRING([--with-systemdsystemunitdir=DIR],
			[install systemd units there (--without-...: not at all)])],
		[], [with_systemdsystemunitdir=auto])
	AS_CASE([$with_systemdsystemunitdir],
		[yes|auto], [
			SYSTEMDSYSTEMUNITDIR=
			AS_IF([test "x$prefix" = x/usr],
				[PKG_CHECK_VAR([SYSTEMDSYSTEMUNITDIR], [systemd],
					[systemdsystemunitdir], [], [:])])
			AS_IF([test -z "$SYSTEMDSYSTEMUNITDIR"],
				[SYSTEMDSYSTEMUNITDIR='${prefix}/lib/systemd/system'])
		],
		[no], [SYSTEMDSYSTEMUNITDIR=],
		[SYSTEMDSYSTEMUNITDIR=$with_systemdsystemunitdir])
	AS_IF([test "$with_plugin" = no || test -z "$NBDKIT"], [plugin_units=no], [plugin_units=yes])
	AS_IF([test "$plugin_units$with_server" = nono], [SYSTEMDSYSTEMUNITDIR=])
	AC_SUBST([SYSTEMDSYSTEMUNITDIR])
	AM_CONDITIONAL([SYSTEMD_UNITS], [test -n "$SYSTEMDSYSTEMUNITDIR"])
	AM_CONDITIONAL([PLUGIN_UNITS], [test "$plugin_units" = yes])
])
