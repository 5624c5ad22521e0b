# image: its id (the digest of its configuration), empty where the store calls it otherwise. name. label: what its parts
# have. form: a template of docker image inspect. On stdin archives as docker load takes them, each after a line with its
# length, then a line with 0; each but the last one is a part, an image of the lower layers, so that what has arrived stays
# when the connection ends. Prints the image in that form. Exit 50: another image came. 51: the stream ended too early.
set -eu
: "${image?}" "${name:?}" "${label:?}" "${form:?}"
size=
while read -r size && [ "$size" != 0 ]; do
    # docker's own digests tell whether a layer arrived as it was.
    head -c "$size" | docker load -q >/dev/null
done
if [ "$size" != 0 ]; then
    echo "the connection ended before the whole image was here" >&2
    exit 51
fi
if [ -n "$image" ]; then
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        echo "what came is not image $image" >&2
        exit 50
    fi
    docker tag "$image" "$name"
fi
parts=$(docker images --quiet --no-trunc --filter "label=$label")
# shellcheck disable=SC2086  # ids are words
[ -z "$parts" ] || docker rmi $parts >/dev/null 2>&1 || :
docker image inspect --format "$form" "${image:-$name}"
