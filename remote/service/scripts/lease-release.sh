# $1 lease file, $2 the holder's token. Gives the lease back if it is still that holder's; never anybody else's.
# A changing program of the holder may still run: it has lease.lock, and nobody changes anything before it has ended.
# Prints "released", or "not ours".
set -eu
[ -d "$(dirname "$1")" ] || exit 0
exec 8>>"$1.write"
flock -w 10 8
if [ "$(sed -n 1p "$1" 2>/dev/null)" = "$2" ]; then
    rm -f "$1"
    echo released
else
    echo "not ours"
fi
