# source: what to pull. name: what it is tagged as. form: a template of docker image inspect. server, user: to log in with,
# or empty; the password is on stdin then, and what docker makes of it is gone afterwards. Prints the image in that form.
# Exit 52: it is there, and not whole.
set -eu
: "${source:?}" "${name:?}" "${form:?}" "${server?}" "${user?}"
if [ -n "$server" ]; then
    DOCKER_CONFIG=$(umask 077 && mktemp -d)
    export DOCKER_CONFIG
    trap 'rm -rf "$DOCKER_CONFIG"' EXIT
    trap 'exit 130' HUP INT TERM
    docker login --username "$user" --password-stdin "$server" >/dev/null
fi
docker pull -q "$source" >/dev/null
docker tag "$source" "$name"
docker rmi "$source" >/dev/null
# containerd's store keeps no copy of layers that it has unpacked already, and then hides the image.
if [ -z "$(docker images --quiet "$name")" ]; then
    echo "the store has layers of $name only unpacked" >&2
    exit 52
fi
docker image inspect --format "$form" "$name"
