# Pairs of a path and a mode.
set -eu
while [ $# -gt 0 ]; do
    [ -d "$1" ] || mkdir -p "$1"
    [ "$(stat -c %a "$1")" = "$2" ] || chmod "$2" "$1"
    shift 2
done
