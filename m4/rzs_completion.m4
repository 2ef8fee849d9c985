# SPDX-License-Identifier: GPL-2.0-or-later
# Where bash's completions go.

# BASHCOMPLETIONDIR, and the conditional BASH_COMPLETION.  bash-completion's own folder only when
# everything else goes below /usr as well: another prefix is not left, and bash-completion finds a
# program's completions in the prefix that the program is in.
AC_DEFUN([RZS_BASH_COMPLETION], [
	AC_ARG_WITH([bash-completion-dir],
		[AS_HELP_STRING([--with-bash-completion-dir=DIR],
			[install bash completions there (--without-...: not at all)])],
		[], [with_bash_completion_dir=auto])
	AS_CASE([$with_bash_completion_dir],
		[yes|auto], [
			BASHCOMPLETIONDIR=
			AS_IF([test "x$prefix" = x/usr],
				[PKG_CHECK_VAR([BASHCOMPLETIONDIR], [bash-completion],
					[completionsdir], [], [:])])
			AS_IF([test -z "$BASHCOMPLETIONDIR"],
				[BASHCOMPLETIONDIR='${datarootdir}/bash-completion/completions'])
		],
		[no], [BASHCOMPLETIONDIR=],
		[BASHCOMPLETIONDIR=$with_bash_completion_dir])
	AC_SUBST([BASHCOMPLETIONDIR])
	AM_CONDITIONAL([BASH_COMPLETION], [test -n "$BASHCOMPLETIONDIR"])
])
