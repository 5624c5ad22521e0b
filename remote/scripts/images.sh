# Every image of the host, a line each, in the form of $1 (a template of docker image inspect).
ids=$(docker images --all --quiet --no-trunc 2>/dev/null | sort -u)
[ -n "$ids" ] || exit 0
# shellcheck disable=SC2086  # ids are words
docker image inspect --format "$1" $ids
