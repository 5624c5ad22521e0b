# $1 file, $2 a line that it has to have.
set -eu
grep -qxF "$2" "$1" 2>/dev/null || echo "$2" >>"$1"
