# $1 lease file, $2 our token, $3 "held" when the program that this is part of has the lock already.
# Gives the lease back if it is still ours; never anybody else's.
set -eu
[ -e "$1" ] || exit 0
if [ "${3-}" != held ]; then
    exec 9>>"$1.lock"
    flock -w 30 9
fi
if [ "$(sed -n 1p "$1" 2>/dev/null)" = "$2" ]; then rm -f "$1"; fi
