# $1 history file; one line of JSON on stdin, appended whole.
set -eu
umask 077
line=$(cat)
# What a full disk cut short must not take this line with it.
if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then echo >>"$1"; fi
printf '%s\n' "$line" >>"$1"
sync -d "$1" 2>/dev/null || sync
