# $1 base, $2 where `live` shall point, $3 where it must point now, $4 the token that the lease must have, where this runs
# without the lock ("" where it has the lock). Prints "moved" or "left" (somebody moved it already).
set -eu
if [ -n "${4-}" ] && [ "$(sed -n 1p "$1/lease")" != "$4" ]; then
    echo left
elif [ "$(readlink "$1/live")" = "$3" ]; then
    ln -sfn "$2" "$1/live.new"
    mv -T "$1/live.new" "$1/live"
    echo moved
else
    echo left
fi
