# $1 image id; the image, as docker save writes it, on stdin. Exit 50: what arrived is another image.
set -eu
docker load -q >&2
if ! docker image inspect "$1" >/dev/null 2>&1; then
    echo "the image that arrived is not $1" >&2
    exit 50
fi
