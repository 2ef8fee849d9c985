# SPDX-License-Identifier: GPL-2.0-or-later
# The libraries, each with an error that names the package to install.

# liblzo2, required: the default codec.  Our encoder and decoder, or those of the library.
AC_DEFUN([RZS_LIB_LZO], [
	PKG_CHECK_MODULES([LZO], [lzo2], [], [
		# Older releases of the library come without a .pc file.
		AC_CHECK_HEADER([lzo/lzo1x.h], [],
			[AC_MSG_ERROR([lzo/lzo1x.h not found: liblzo2 is required (Debian package: liblzo2-dev)])])
		AC_CHECK_LIB([lzo2], [lzo1x_1_compress], [LZO_LIBS=-llzo2],
			[AC_MSG_ERROR([liblzo2 not found, it is required (Debian package: liblzo2-dev)])])
	])
	AC_ARG_WITH([lzo-decoder],
		[AS_HELP_STRING([--with-lzo-decoder=own|library],
			[what decodes LZO1X: core/lzo_decode.c, the faster one (default), or liblzo2])],
		[], [with_lzo_decoder=own])
	AS_CASE([$with_lzo_decoder],
		[own], [rzs_own_decoder=1],
		[library], [rzs_own_decoder=0],
		[AC_MSG_ERROR([--with-lzo-decoder=$with_lzo_decoder: must be own or library])])
	AC_DEFINE_UNQUOTED([RZS_LZO_OWN_DECODER], [$rzs_own_decoder],
		[1 when our own decoder of LZO1X is used, 0 when the library's is.])
	AC_ARG_WITH([lzo-encoder],
		[AS_HELP_STRING([--with-lzo-encoder=own|library],
			[what encodes LZO1X: core/lzo_encode.c, the faster one (default), or liblzo2])],
		[], [with_lzo_encoder=own])
	AS_CASE([$with_lzo_encoder],
		[own], [rzs_own_encoder=1],
		[library], [rzs_own_encoder=0],
		[AC_MSG_ERROR([--with-lzo-encoder=$with_lzo_encoder: must be own or library])])
	AC_DEFINE_UNQUOTED([RZS_LZO_OWN_ENCODER], [$rzs_own_encoder],
		[1 when our own encoder of LZO1X is used, 0 when the library's is.])
])

# RZS_LIB_OPTIONAL(NAME, VARIABLE, MODULE, DEBIAN-PACKAGE)
# A codec library, used when found: --with-NAME insists, --without-NAME leaves it out.
AC_DEFUN([RZS_LIB_OPTIONAL], [
	AC_ARG_WITH([$1],
		[AS_HELP_STRING([--without-$1], [leave out the $1 codec (default: used when found)])],
		[], [with_$1=auto])
	have_$1=no
	AS_IF([test "$with_$1" != no], [
		PKG_CHECK_MODULES([$2], [$3], [have_$1=yes], [
			AS_IF([test "$with_$1" != auto],
				[AC_MSG_ERROR([$3 not found (Debian package: $4)])])
		])
	])
	AS_IF([test "$have_$1" = yes],
		[AC_DEFINE([RZS_HAVE_$2], [1], [1 when the $1 codec is built in, else 0.])
		codec_summary="$codec_summary $1"],
		[AC_DEFINE([RZS_HAVE_$2], [0], [1 when the $1 codec is built in, else 0.])
		codec_summary="$codec_summary (no $1: $4)"])
])

# libinih, for rzsd's configuration.
AC_DEFUN([RZS_LIB_INIH], [
	PKG_CHECK_MODULES([INIH], [inih], [have_inih=yes], [have_inih="no (libinih-dev)"])
	AM_CONDITIONAL([HAVE_INIH], [test "$have_inih" = yes])
])

# What the tools ask about swap areas: fstab and names of devices, signatures, tables.
AC_DEFUN([RZS_LIBS_SWAP], [
	PKG_CHECK_MODULES([MOUNT], [mount >= 2.33], [],
		[AC_MSG_ERROR([libmount not found, it is required (Debian package: libmount-dev)])])
	PKG_CHECK_MODULES([BLKID], [blkid >= 2.33], [],
		[AC_MSG_ERROR([libblkid not found, it is required (Debian package: libblkid-dev)])])
	PKG_CHECK_MODULES([SMARTCOLS], [smartcols >= 2.33], [],
		[AC_MSG_ERROR([libsmartcols not found, it is required (Debian package: libsmartcols-dev)])])
])

# rzsd, after the libraries.
AC_DEFUN([RZS_SERVER], [
	AC_ARG_WITH([server],
		[AS_HELP_STRING([--without-server], [do not build the server rzsd])],
		[], [with_server=yes])
	AS_IF([test "$with_server" != no], [
		AS_IF([test "$have_inih" != yes],
			[AC_MSG_ERROR([libinih not found (Debian package: libinih-dev); configure --without-server to build without rzsd])])
		server_summary=yes
	], [server_summary=no])
	AM_CONDITIONAL([SERVER], [test "$with_server" != no])
])

# The plugin's interface (a header) and the folder plugins are installed into.
AC_DEFUN([RZS_NBDKIT], [
	AC_ARG_WITH([plugin],
		[AS_HELP_STRING([--without-plugin], [do not build the nbdkit plugin])],
		[], [with_plugin=yes])
	AC_ARG_WITH([nbdkit-plugindir],
		[AS_HELP_STRING([--with-nbdkit-plugindir=DIR],
			[install the plugin there (default: where nbdkit looks for plugins)])],
		[], [with_nbdkit_plugindir=])
	AS_IF([test "$with_plugin" != no], [
		PKG_CHECK_MODULES([NBDKIT], [nbdkit >= 1.24], [],
			[AC_MSG_ERROR([nbdkit >= 1.24 not found (Debian package: nbdkit-plugin-dev); configure --without-plugin to build without it])])
		AS_CASE([$with_nbdkit_plugindir],
			[yes|no], [AC_MSG_ERROR([--with-nbdkit-plugindir needs a folder])],
			[""], [PKG_CHECK_VAR([NBDKIT_PLUGINDIR], [nbdkit], [plugindir], [],
				[AC_MSG_ERROR([nbdkit.pc names no plugindir: give --with-nbdkit-plugindir])])],
			[NBDKIT_PLUGINDIR=$with_nbdkit_plugindir])
		plugin_summary="$NBDKIT_PLUGINDIR"
	], [plugin_summary=no])
	AC_SUBST([NBDKIT_PLUGINDIR])
	AC_PATH_PROG([NBDKIT], [nbdkit])
	# Not with LD_PRELOAD: what nbdkit starts in turn would inherit it, and a shell does not survive TSan.  Leaks are
	# left to valgrind: nbdkit has some of its own.
	RZS_NBDKIT_WRAP=
	AS_IF([test -n "$RZS_RUNTIME" && test -n "$NBDKIT"], [
		rzs_rtld=`ldd "$NBDKIT" | $SED -n 's,^[[^/]]*\(/[[^ ]]*/ld[[^ ]]*\) (.*,\1,p'`
		RZS_NBDKIT_WRAP="env ASAN_OPTIONS=detect_leaks=0 $rzs_rtld --preload $RZS_RUNTIME:\$(abs_builddir)/.libs/keep_locale.so"
	])
	AC_SUBST([RZS_NBDKIT_WRAP])
	AM_CONDITIONAL([PLUGIN], [test "$with_plugin" != no])
])

# The plugin's control=PATH.
AC_DEFUN([RZS_CONTROL_SOCKET], [
	AC_ARG_WITH([plugin-control],
		[AS_HELP_STRING([--without-plugin-control],
			[build the plugin without its control socket])],
		[], [with_plugin_control=yes])
	AS_IF([test "$with_plugin_control" != no], [control_summary=yes], [control_summary=no])
	AM_CONDITIONAL([PLUGIN_CONTROL], [test "$control_summary" = yes])
	AS_IF([test "$control_summary" = yes], [rzs_has_control=1], [rzs_has_control=0])
	AC_DEFINE_UNQUOTED([RZS_HAVE_CONTROL], [$rzs_has_control], [1 when the plugin has a control socket, else 0.])
])

# Only for the benchmark through nbdkit.
AC_DEFUN([RZS_LIBNBD], [
	PKG_CHECK_MODULES([LIBNBD], [libnbd >= 1.4], [have_libnbd=yes], [have_libnbd="no (libnbd-dev)"])
	AM_CONDITIONAL([HAVE_LIBNBD], [test "$have_libnbd" = yes])
])
