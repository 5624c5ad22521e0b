# Waits until nothing talks to a slot that is no longer live, then stops its container with SIGTERM and keeps it.
# $1 base, $2 container, $3 slot, $4 seconds to wait at most, $5 seconds from SIGTERM to SIGKILL, $6 the container's memory
# when it shall run on, as docker writes it: so it does if the host has as much to spare.
set -eu
base=$1 container=$2 slot=$3 limit=$4 stop=$5 keep=${6-}
case $(readlink "$base/live") in
slots/"$slot"/*)
    echo "$slot is the live slot: it is not stopped" >&2
    exit 64
    ;;
esac
port=$(serving "$container")
if [ -z "$port" ]; then
    echo "did not run"
    exit 0
fi
busy=$(settle "$port" "$limit" "the old slot")
if [ -n "$keep" ]; then
    number=${keep%[kmg]}
    case $keep in *k) wanted=$number ;; *m) wanted=$((number * 1024)) ;; *g) wanted=$((number * 1024 * 1024)) ;; esac
    free=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    if [ "${free:-0}" -ge "$wanted" ]; then
        echo "drained, kept warm"
        exit 0
    fi
    echo "only $((free / 1024)) MB of memory are free: it is not kept warm" >&2
fi
docker stop -t "$stop" "$container" >/dev/null
echo "drained and stopped with $busy connections left"
