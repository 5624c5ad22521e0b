# Part of a changing program's start, not a script of its own: $1 lease file, $2 our token, $3 its time to live in seconds,
# $4 phase. Holds the lock until this shell ends, so a program that outlived its connection is never overtaken.
# Two locks: lease.lock is held by whatever changes the host, lease.write by whoever writes the lease, for a moment.
edgepaas_mask=$(umask)
umask 077 # who can read a lock can hold it
exec 9>>"$1.lock"
umask "$edgepaas_mask"
if ! flock -w 30 9; then
    echo "another changing program still runs on this host" >&2
    edgepaas_end 75
    exit 0
fi
# Work is a sign of life: each program renews the lease. One printf: on a full disk it is written whole or not at all.
if ! (
    flock 8
    [ "$(sed -n 1p "$1" 2>/dev/null)" = "$2" ] || exit 1
    umask 077
    if printf '%s\n' "$2" $(($(date +%s) + $3)) "$(sed -n 3p "$1")" "$4" 2>/dev/null >"$1.new"; then mv "$1.new" "$1"; fi
) 8>>"$1.write"; then
    echo "the lease is held by: $(sed -n 3p "$1" 2>/dev/null)" >&2
    edgepaas_end 75
    exit 0
fi
