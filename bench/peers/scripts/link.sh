# $1 link, $2 where it leads.
set -eu
[ "$(readlink "$1")" = "$2" ] || ln -sfn "$2" "$1"
