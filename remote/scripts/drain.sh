# Waits until nothing talks to a slot that is no longer live, then stops its container with SIGTERM and keeps it.
# $1 base, $2 container, $3 slot, $4 its port, $5 seconds to wait at most, $6 seconds from SIGTERM to SIGKILL, $7 the
# container's memory when it shall run on, as docker writes it: so it does if the host has as much to spare.
set -eu
base=$1 container=$2 slot=$3 port=$4 limit=$5 stop=$6 keep=${7-}
case $(readlink "$base/live") in
slots/"$slot"/*)
    echo "$slot is the live slot: it is not stopped" >&2
    exit 64
    ;;
esac
if [ "$(docker inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" != true ]; then
    echo "did not run"
    exit 0
fi
deadline=$(($(date +%s) + limit))
while :; do
    busy=$(ss -Htn state established "( dport = :$port )" | wc -l)
    if [ "$busy" -eq 0 ] || [ "$(date +%s)" -ge "$deadline" ]; then break; fi
    echo "$busy connections to the old slot" >&2
    sleep 0.3
done
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
