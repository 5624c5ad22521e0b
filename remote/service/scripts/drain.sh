# Waits until nothing talks to a slot that is no longer live, then stops its container with SIGTERM and keeps it.
# base: the service's directory. container, slot. drain_timeout: seconds to wait at most. stop_timeout: seconds from SIGTERM
# to SIGKILL. keep: the container's memory, as docker writes it, if it is to go on running where the host has as much to
# spare; else empty.
set -eu
: "${base:?}" "${container:?}" "${slot:?}" "${drain_timeout:?}" "${stop_timeout:?}" "${keep?}"
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
busy=$(settle "$port" "$drain_timeout" "the old slot")
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
docker stop -t "$stop_timeout" "$container" >/dev/null
echo "drained and stopped with $busy connections left"
