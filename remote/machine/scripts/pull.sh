# $1 what to pull, $2 the name it gets, $3 a template of docker image inspect, $4 server and $5 user to log in with, or
# nothing; the password is on stdin then, and what docker makes of it is gone afterwards. Prints the image in that form.
# Exit 52: it is there, and not whole.
set -eu
if [ -n "${4-}" ]; then
    DOCKER_CONFIG=$(umask 077 && mktemp -d)
    export DOCKER_CONFIG
    trap 'rm -rf "$DOCKER_CONFIG"' EXIT
    trap 'exit 130' HUP INT TERM
    docker login --username "$5" --password-stdin "$4" >/dev/null
fi
docker pull -q "$1" >/dev/null
docker tag "$1" "$2"
docker rmi "$1" >/dev/null
# containerd's store keeps no copy of layers that it has unpacked already, and then hides the image.
if [ -z "$(docker images --quiet "$2")" ]; then
    echo "the store has layers of $2 only unpacked" >&2
    exit 52
fi
docker image inspect --format "$3" "$2"
