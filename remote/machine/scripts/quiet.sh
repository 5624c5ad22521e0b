# Part of a script, not one of its own: the function `no_deploy`, for what must not happen under a deploy.
# $1 where services are. Holds their locks until this shell ends; exit 33 when a deploy is running.
no_deploy() {
    lock=2
    for lease in "$1"/*/lease; do
        [ -s "$lease" ] || continue
        # Held for as long as we are at it, so that none begins meanwhile; sh has descriptors of one digit only.
        if [ "$lock" -lt 8 ]; then
            lock=$((lock + 1))
            eval "exec $lock>>\"\$lease.lock\""
            chmod 600 "$lease.lock" # who can read a lock can hold it
            flock -w 30 "$lock"
        fi
        if [ "$(sed -n 2p "$lease")" -ge "$(date +%s)" ]; then
            echo "a deploy is running, Docker is left alone: $(sed -n 3p "$lease")" >&2
            exit 33
        fi
    done
}
