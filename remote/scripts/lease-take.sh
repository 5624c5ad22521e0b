# $1 lease file, $2 our token, $3 time to live (s), $4 who we are (one line of JSON), $5 token of a holder known to be gone.
# Prints the lease's third line. Exit 0 it is ours, 76 somebody else has it, 77 the service's directory is not there.
set -eu
[ -d "$(dirname "$1")" ] || exit 77
exec 9>>"$1.lock"
# A changing program holds the lock while it runs, whatever became of its connection.
if ! flock -w 5 9; then
    sed -n 3p "$1" 2>/dev/null || :
    exit 76
fi
if [ -s "$1" ]; then
    token=$(sed -n 1p "$1")
    expires=$(sed -n 2p "$1")
    case $expires in '' | *[!0-9]*) expires=0 ;; esac
    if [ "$token" != "$2" ] && [ "$token" != "$5" ] && [ "$(date +%s)" -le "$expires" ]; then
        sed -n 1,3p "$1"
        exit 76
    fi
fi
umask 077
if ! printf '%s\n' "$2" $(($(date +%s) + $3)) "$4" >"$1.new"; then
    folder=$(dirname "$1")
    echo "the lease can not be written: $(df -Pk "$folder" | awk 'NR == 2 { print $4 }') KB free under $folder" >&2
    exit 1
fi
mv "$1.new" "$1"
