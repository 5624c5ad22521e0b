# Runs a module of the runtime in a container of the app's image, with its own variables, on the host where the app runs.
# image, name (of the container), module, arguments (one word). certificate: the database's root certificate, or empty.
# alone: yes, to end one of that name that was left behind, else empty. runtime_size: bytes on stdin that are the runtime in
# base64; the canonical file follows. Arguments: names of variables. Prints what the module prints; the container is gone
# afterwards. Exit 32: nobody listens to us any more, the container was ended.
set -eu
: "${image:?}" "${name:?}" "${module:?}" "${arguments?}" "${certificate?}" "${alone?}" "${runtime_size:?}"
# The runtime goes from stdin into memory: nothing is written on the host or in the container, and it may be of any size.
boot='import base64, os, sys
data = base64.b64decode(sys.stdin.readline())
file = os.memfd_create("edgepaas", 0)
while data:
    data = data[os.write(file, data):]
os.execv(sys.executable, [sys.executable, "/proc/self/fd/%d" % file] + sys.argv[1:])'
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
runtime=$(head -c "$runtime_size")
variables=$(cat)
trap '' PIPE
for python in python3 python; do
    # The values go through docker's environment, and through no file and no word.
    printf '%s\n' "$runtime" | (
        set -a
        eval "$variables"
        exec docker run --rm -i --pull never --name "$name" --label edgepaas.one-off=yes "$@" \
            --entrypoint "$python" "$image" -c "$boot" --run "$module" "$command" "$arguments"
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
