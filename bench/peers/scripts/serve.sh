# $1 directory of the service's configuration, $2 what restarts it, $3 what waits until it is healthy.
set -eu
if [ ! -s /run/bench.pid ] || [ -n "$(find "$1" -type f -newer /run/bench.pid)" ]; then sh -c "$2"; fi
sh -c "$3"
