# Takes the lease, unless somebody else has it.
# lease: its file. mine: our token. ttl: seconds to live. holder: who we are (one line of JSON). gone: the token of a holder
# that is known to have ended.
# Exit 0 it is ours; 76 it is not, and it is printed as lease-look.sh does; 77 the service's directory is not there.
set -eu
: "${lease:?}" "${mine:?}" "${ttl:?}" "${holder:?}" "${gone:?}"
[ -d "$(dirname "$lease")" ] || exit 77
umask 077
taken() {
    seen=$(cat "$lease" 2>/dev/null) || return 1
    token=$(printf '%s\n' "$seen" | sed -n 1p)
    expires=$(printf '%s\n' "$seen" | sed -n 2p)
    case $expires in '' | *[!0-9]*) expires=0 ;; esac
    [ "$token" != "$mine" ] && [ "$token" != "$gone" ] && [ "$(date +%s)" -le "$expires" ]
}
refuse() {
    echo "$(date +%s) $1"
    printf '%s\n' "$seen"
    exit 76
}
if taken; then refuse held; fi
exec 9>>"$lease.lock" 8>>"$lease.write"
chmod 600 "$lease.lock" "$lease.write" # who can read one can hold it
# A changing program holds the lock while it runs, whatever became of its connection.
flock -w 5 9 || refuse busy
flock 8
if taken; then refuse held; fi
if ! printf '%s\n' "$mine" $(($(date +%s) + ttl)) "$holder" "" >"$lease.new"; then
    folder=$(dirname "$lease")
    echo "the lease cannot be written: $(df -Pk "$folder" | awk 'NR == 2 { print $4 }') KB free under $folder" >&2
    exit 1
fi
mv "$lease.new" "$lease"
