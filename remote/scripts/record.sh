# $1 history file; one line of JSON on stdin, appended whole.
set -eu
umask 077
line=$(cat)
printf '%s\n' "$line" >>"$1"
sync -d "$1" 2>/dev/null || sync
