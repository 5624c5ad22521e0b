# Moves the flag, if it is still where it must be now. base: the service's directory. to: where it shall point. now: where
# it must point now. token: the lease's, where this runs without the lock (empty where it has the lock). Prints "moved" or
# "left" (somebody moved it already).
set -eu
: "${base:?}" "${to:?}" "${now:?}" "${token?}"
if [ -n "$token" ] && [ "$(sed -n 1p "$base/lease")" != "$token" ]; then
    echo left
elif [ "$(readlink "$base/live")" = "$now" ]; then
    ln -sfn "$to" "$base/live.new"
    mv -T "$base/live.new" "$base/live"
    echo moved
else
    echo left
fi
