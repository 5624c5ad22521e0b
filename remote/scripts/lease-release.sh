# $1 lease file, $2 our token. Gives the lease back if it is still ours; never anybody else's.
set -eu
[ -e "$1" ] || exit 0
exec 9>>"$1.lock"
flock -w 30 9
if [ "$(sed -n 1p "$1" 2>/dev/null)" = "$2" ]; then rm -f "$1"; fi
