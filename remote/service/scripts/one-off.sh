# Runs a Python program in a container of the app's image, with its own variables, on the host where the app runs.
# $1 image, $2 the container's name, $3 the program, $4 its arguments as one word, $5 the database's root certificate ("" for
# none), $6 alone or beside, then the names of the variables; the canonical file on stdin. Prints what the program
# prints; the container is gone afterwards. Exit 32: nobody listens to us any more, the container was ended.
set -eu
image=$1 name=$2 program=$3 arguments=$4 certificate=$5 kind=$6
shift 6
if [ "$kind" = alone ]; then
    # One that outlived its controller: ended, so that what it held in the database is given back.
    docker rm -f "$name" >/dev/null 2>&1 || :
fi
for variable in "$@"; do
    set -- "$@" -e "$variable"
    shift
done
if [ -f "$certificate" ]; then
    set -- "$@" --mount "type=bind,source=$certificate,target=/opt/edgepaas/root.crt,readonly"
fi
command=$(docker image inspect -f '[{{json .Config.Entrypoint}},{{json .Config.Cmd}}]' "$image")
variables=$(cat)
trap '' PIPE
for python in python3 python; do
    # The values go through docker's environment, and through no file and no word.
    (
        set -a
        eval "$variables"
        exec docker run --rm --pull never --name "$name" --label edgepaas.one-off=yes "$@" \
            --entrypoint "$python" "$image" -c "$program" "$arguments" "$command"
    ) &
    ticks=0
    while kill -0 $! 2>/dev/null; do
        sleep 0.1
        ticks=$((ticks + 1))
        [ $((ticks % 10)) -eq 0 ] || continue
        if ! echo "running for $((ticks / 10)) s" >&2; then
            docker rm -f "$name" >/dev/null 2>&1 || :
            exit 32
        fi
    done
    code=0
    wait $! || code=$?
    # 127: the image has no program of that name.
    [ "$code" -eq 127 ] || exit "$code"
done
echo '{"verdict": "driver", "said": "the image has no python", "kind": "none"}'
