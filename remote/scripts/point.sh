# $1 base, $2 where `live` shall point, $3 where it must point now. Prints "moved" or "left" (somebody moved it already).
set -eu
if [ "$(readlink "$1/live")" = "$3" ]; then
    ln -sfn "$2" "$1/live.new"
    mv -T "$1/live.new" "$1/live"
    echo moved
else
    echo left
fi
