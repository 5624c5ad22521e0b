# Runs a Python program in a container of the app's image, with its own variables, on the host where the app runs.
# image, name (of the container), program, arguments (one word). certificate: the database's root certificate, or empty.
# alone: yes, to end one of that name that was left behind, else empty. Arguments: names of variables; the canonical file
# is on stdin. Prints what the program prints; the container is gone afterwards. Exit 32: nobody listens to us any more,
# the container was ended.
set -eu
: "${image:?}" "${name:?}" "${program:?}" "${arguments?}" "${certificate?}" "${alone?}"
if [ -n "$alone" ]; then
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
