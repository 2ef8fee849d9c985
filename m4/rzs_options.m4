# SPDX-License-Identifier: GPL-2.0-or-later
# What the user may switch on, and the compiler flags that follow from it.

AC_DEFUN([RZS_ENABLE_SWITCHES], [
	AC_ARG_ENABLE([asan],
		[AS_HELP_STRING([--enable-asan], [build with AddressSanitizer and UBSan])],
		[], [enable_asan=no])
	AC_ARG_ENABLE([tsan],
		[AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])],
		[], [enable_tsan=no])
	AC_ARG_ENABLE([msan],
		[AS_HELP_STRING([--enable-msan], [build with MemorySanitizer (needs CC=clang)])],
		[], [enable_msan=no])
	AC_ARG_ENABLE([fuzz],
		[AS_HELP_STRING([--enable-fuzz], [build tests/fuzz for libFuzzer (needs CC=clang)])],
		[], [enable_fuzz=no])
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
		[], [enable_werror=no])
	AS_IF([test "$enable_asan$enable_tsan" = yesyes],
		[AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
	AS_IF([test "$enable_fuzz$enable_tsan" = yesyes],
		[AC_MSG_ERROR([--enable-fuzz brings AddressSanitizer, which excludes --enable-tsan])])
	AS_IF([test "$enable_msan" = yes && test "$enable_asan$enable_tsan$enable_fuzz" != nonono],
		[AC_MSG_ERROR([--enable-msan and other sanitizers exclude each other])])
])

# RZS_WARN_CFLAGS: the warnings this compiler knows.
AC_DEFUN([RZS_COMPILER_FLAGS], [
	RZS_WARN_CFLAGS="-Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes"
	AS_IF([test "$enable_werror" = yes], [RZS_WARN_CFLAGS="$RZS_WARN_CFLAGS -Werror"])
	AC_SUBST([RZS_WARN_CFLAGS])

	AC_CACHE_CHECK([whether $CC takes -std=gnu11], [rzs_cv_gnu11], [
		rzs_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -std=gnu11"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [_Static_assert(1, "C11");])],
			[rzs_cv_gnu11=yes], [rzs_cv_gnu11=no])
		CFLAGS=$rzs_save_CFLAGS
	])
	AS_IF([test "$rzs_cv_gnu11" = no],
		[AC_MSG_ERROR([a C11 compiler with GNU extensions is needed (Debian packages: gcc or clang)])])
])

# RZS_TRY_LINK(FLAGS, MESSAGE): fail with MESSAGE unless a program links with FLAGS.
AC_DEFUN([RZS_TRY_LINK], [
	AC_MSG_CHECKING([whether $CC links with $1])
	rzs_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $1"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([$2])])
	CFLAGS=$rzs_save_CFLAGS
])

# RZS_SAN_CFLAGS for compiling and linking everything; RZS_FUZZ_LDFLAGS for linking a fuzz target;
# RZS_RUNTIME, the library that nbdkit, not built with it, must be started with to load our plugin;
# RZS_TIMEOUT_SCALE, how much longer a test may take.
AC_DEFUN([RZS_SANITIZERS], [
	sanitizers=
	rzs_runtime=
	RZS_RUNTIME=
	RZS_SAN_CFLAGS=
	RZS_FUZZ_LDFLAGS=
	RZS_TIMEOUT_SCALE=1

	AC_MSG_CHECKING([whether $CC is clang])
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([
#ifndef __clang__
#error "not clang"
#endif
		], [])], [rzs_clang=yes], [rzs_clang=no])
	AC_MSG_RESULT([$rzs_clang])

	AS_IF([test "$enable_fuzz" = yes], [
		AS_IF([test "$rzs_clang" = no],
			[AC_MSG_ERROR([--enable-fuzz needs clang: configure CC=clang (Debian package: clang)])])
		enable_asan=yes
		RZS_FUZZ_LDFLAGS="-fsanitize=fuzzer"
		RZS_SAN_CFLAGS="-fsanitize=fuzzer-no-link"
		fuzz_summary="libFuzzer"
	], [fuzz_summary="corpus replay only (--enable-fuzz for libFuzzer)"])

	AS_IF([test "$enable_asan" = yes], [
		sanitizers="address undefined"
		rzs_runtime=asan
		RZS_SAN_CFLAGS="$RZS_SAN_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=all"
		RZS_SAN_CFLAGS="$RZS_SAN_CFLAGS -fno-omit-frame-pointer"
	], [test "$enable_tsan" = yes], [
		sanitizers="thread"
		rzs_runtime=tsan
		RZS_SAN_CFLAGS="-fsanitize=thread -fno-omit-frame-pointer"
	], [test "$enable_msan" = yes], [
		AS_IF([test "$rzs_clang" = no],
			[AC_MSG_ERROR([--enable-msan needs clang: configure CC=clang (Debian package: clang)])])
		sanitizers="memory"
		RZS_SAN_CFLAGS="-fsanitize=memory -fno-omit-frame-pointer"
	])

	AS_IF([test -n "$RZS_SAN_CFLAGS"],
		[RZS_TRY_LINK([$RZS_SAN_CFLAGS],
			[the sanitizer's runtime is missing (Debian: part of gcc; for clang: libclang-rt-dev)])])
	AS_IF([test -n "$rzs_runtime"], [
		AS_IF([test "$rzs_clang" = yes],
			[rzs_lib="libclang_rt.$rzs_runtime-$host_cpu.so"],
			[rzs_lib="lib$rzs_runtime.so"])
		RZS_RUNTIME=`$CC -print-file-name=$rzs_lib`
	])

	AS_IF([test -n "$sanitizers"], [RZS_TIMEOUT_SCALE=10])

	AC_SUBST([RZS_SAN_CFLAGS])
	AC_SUBST([RZS_FUZZ_LDFLAGS])
	AC_SUBST([RZS_TIMEOUT_SCALE])
	AM_CONDITIONAL([FUZZ], [test "$enable_fuzz" = yes])
	AM_CONDITIONAL([SANITIZED], [test -n "$sanitizers"])
])
