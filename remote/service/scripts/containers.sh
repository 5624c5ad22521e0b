# $1 service: its containers, as docker inspect prints them.
set -eu
ids=$(docker ps -aq --no-trunc --filter "label=edgepaas.service=$1")
if [ -z "$ids" ]; then
    echo '[]'
else
    # shellcheck disable=SC2086  # ids are words
    docker inspect $ids
fi
