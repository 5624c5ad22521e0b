# Keeps a lease alive: every line on stdin is a sign of life, and names the phase. Ends with its stdin.
# $1 lease file, $2 our token, $3 time to live (s). Exit 75: somebody else has it, or nobody.
# It takes lease.write alone: lease.lock may be held for minutes, by the very program that we work with.
set -eu
umask 077
while IFS= read -r phase; do
    (
        flock -w 10 8
        [ "$(sed -n 1p "$1" 2>/dev/null)" = "$2" ] || exit 75
        printf '%s\n' "$2" $(($(date +%s) + $3)) "$(sed -n 3p "$1")" "$phase" >"$1.new"
        mv "$1.new" "$1"
    ) 8>>"$1.write"
done
