# Asks the app's database from where the app will ask: a container of its image, with its own variables.
# $1 image, $2 a Python program, $3 its argument, then the names of the variables; the canonical file on stdin.
# Prints what the program prints. Changes nothing: the container is gone afterwards.
set -eu
image=$1 program=$2 argument=$3
shift 3
for name in "$@"; do
    set -- "$@" -e "$name"
    shift
done
for python in python3 python; do
    if docker run --rm --network none --entrypoint "$python" "$image" -c '' >/dev/null 2>&1; then break; fi
    python=
done
if [ -z "$python" ]; then
    echo '{"verdict": "driver", "said": "the image has no python", "revision": null, "heads": null}'
    exit 0
fi
set -- docker run --rm --pull never --label edgepaas.probe=database "$@" --entrypoint "$python" "$image" -c "$program" "$argument"
# The values go through docker's environment, and through no file and no word.
variables=$(cat)
(
    set -a
    eval "$variables"
    exec "$@"
)
