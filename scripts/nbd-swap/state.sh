# SPDX-License-Identifier: GPL-2.0-or-later
# Part of rzs-nbd-swap: what it keeps in /run/rzs, and who may change that.

# ---- the lock

# The lock is on the directory itself: no lock file can be left behind, and the kernel releases the
# lock when the process ends, in whatever way.
take_lock()
{
    local flock
    [ "$dry" = no ] || return 0
    flock=$(locate flock util-linux) || exit
    (umask 077; mkdir -p "$run") 2>/dev/null && [ -r "$run" ] ||
        refuse "cannot create or read ${run#"$root"}: is /run mounted and writable?"
    exec 9<"$run"
    "$flock" -n 9 || refuse "another $me is at work: wait for it"
    # If there is no room for this file, only messages are lost.  (With ":" some shells would exit.)
    ! { true >"$run/out.$$"; } 2>/dev/null || output=$run/out.$$
}

# ---- files of lines

# keep LINES FILE: append them.  All of them are appended or nothing is changed, also when the file
# system is full.
keep()
{
    { { [ ! -e "$2" ] || cat "$2"; } && printf '%s\n' "$1"; } 2>/dev/null >"$2.new" &&
        mv -f "$2.new" "$2" 2>/dev/null && return
    rm -f "$2.new"
    return 1
}

cannot_keep()
{
    fail "cannot write ${1#"$root"}: is /run full, or read-only?  detach will need what is" \
        "written there, so attach does not go on without it"
}

# note KEY TEXT: in the state file.  TEXT may go on with more lines "KEY TEXT": each call is a file
# written and renamed.
note() { [ "$dry" = yes ] || keep "$1 $2" "$state" || cannot_keep "$state"; }

# noted KEY: the last value under it, in $value.
noted()
{
    local key rest found=1
    [ -r "$state" ] || return 1
    value=
    while read -r key rest; do
        [ "$key" != "$1" ] || { value=$rest; found=0; }
    done <"$state"
    return $found
}

# Prints the server that the device was attached to, if it is still running.
noted_server()
{
    local pid
    noted server_pid && [ -n "$value" ] || return 1
    pid=$value
    noted server_start && [ "$(start_of "$pid")" = "$value" ] && echo "$pid"
}

# Whether there was a server, and it has ended; its process is then in $value.
server_died() { ! noted_server >/dev/null && noted server_pid && [ -n "$value" ]; }

note_server()
{
    local pid="$1"
    note server_pid "$pid${pid:+
server_start $(start_of "$pid")}"
}

forget() { rm -f "$state"; }
