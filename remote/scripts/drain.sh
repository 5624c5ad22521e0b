# Waits until nothing talks to a slot that is no longer live, then stops its container with SIGTERM and keeps it.
# $1 base, $2 container, $3 slot, $4 its port, $5 seconds to wait at most, $6 seconds from SIGTERM to SIGKILL.
set -eu
base=$1 container=$2 slot=$3 port=$4 limit=$5 stop=$6
case $(readlink "$base/live") in
slots/"$slot"/*)
    echo "$slot is the live slot: it is not stopped" >&2
    exit 64
    ;;
esac
[ "$(docker inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" = true ] || exit 0
deadline=$(($(date +%s) + limit))
while :; do
    busy=$(ss -Htn state established "( dport = :$port )" | wc -l)
    if [ "$busy" -eq 0 ] || [ "$(date +%s)" -ge "$deadline" ]; then break; fi
    echo "$busy connections to the old slot" >&2
    sleep 0.3
done
docker stop -t "$stop" "$container" >/dev/null
echo "stopped with $busy connections left"
