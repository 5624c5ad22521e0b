# Starts a release in a slot that is not live and waits until it is healthy on its own port.
# base: the service's directory. slot, release (number), image (id), version. port: on the host; container_port: in the
# container. memory, stop_timeout (s), log_size, log_files: as docker takes them. data: the data directory in the container.
# pids_limit. capabilities: those that are kept, with spaces between. new_privileges: yes, or empty. health_path,
# health_timeout (s). host_name, headers (a line each): what the health probe sends. spec: a hash of what was wanted. drain_timeout: seconds that the last requests of what
# still runs in the slot may take. May be empty: runtime (the file that runs first; else the image's own command),
# certificate (the database's root certificate), database (that of the release before). Arguments: names of variables.
# Exit 20: the container ended. 21: not healthy in time. 22: the data belongs to another user. 23: the image has no
# python3. 64: the slot is live.
set -eu
: "${base:?}" "${service:?}" "${slot:?}" "${release:?}" "${image:?}" "${version:?}" "${port:?}" "${container_port:?}"
: "${memory:?}" "${stop_timeout:?}" "${log_size:?}" "${log_files:?}" "${data:?}" "${health_path:?}" "${health_timeout:?}"
: "${host_name:?}" "${headers?}" "${pids_limit:?}" "${capabilities?}" "${new_privileges?}" "${spec:?}" "${drain_timeout:?}" "${runtime?}" "${certificate?}" "${database?}"
container=$service-$slot
case $(readlink "$base/live") in
slots/"$slot"/*)
    echo "$slot is the live slot: nothing is started over it" >&2
    exit 64
    ;;
esac
# A deploy that was cut off may have left the release before in it, with requests that are not over.
old=$(serving "$container")
if [ -n "$old" ]; then
    settle "$old" "$drain_timeout" "what still runs in $slot" >/dev/null
    docker stop -t "$stop_timeout" "$container" >/dev/null
fi
docker rm -f "$container" >/dev/null 2>&1 || :

# The data directory belongs to the user the image runs as: one write by another locks the right one out.
owner=$(docker image inspect -f '{{.Config.User}}' "$image")
case $owner in
'' | root) owner=0:0 ;;
*[!0-9:]*) owner=$(docker run --rm --network none --entrypoint sh "$image" -c 'echo "$(id -u):$(id -g)"') ;;
*:*) ;;
*) owner=$owner:$owner ;;
esac
if [ "$(stat -c %u "$base/data")" != "${owner%:*}" ]; then
    # Our own records of which database is used are no data.
    if [ -n "$(find "$base/data" -mindepth 1 -maxdepth 1 ! -name '.edgepaas-database-*' | head -n 1)" ]; then
        echo "$base/data belongs to uid $(stat -c %u "$base/data"), the image runs as ${owner%:*}" >&2
        exit 22
    fi
    chown "$owner" "$base/data"
fi

# Which database it uses is decided anew; what a container put there instead of a file goes too.
rm -rf "$base/data/.edgepaas-database-$release.json"

mkdir -p "$base/slots/$slot/$release"
environment=$base/releases/$release/.env
for name in "$@"; do
    set -- "$@" -e "$name"
    shift
done
# It is to be restarted only once it has traffic (flip.sh): until then one end is enough, with its own exit code and log.
for name in $capabilities; do set -- "$@" --cap-add "$name"; done
if [ -z "$new_privileges" ]; then set -- "$@" --security-opt no-new-privileges; fi
set -- docker run -d --name "$container" --restart no \
    --label "edgepaas.service=$service" --label "edgepaas.slot=$slot" --label "edgepaas.release=$release" \
    --label "edgepaas.version=$version" --label "edgepaas.spec=$spec" \
    --publish "127.0.0.1:$port:$container_port" --memory "$memory" --stop-timeout "$stop_timeout" \
    --pids-limit "$pids_limit" --cap-drop ALL \
    --log-driver json-file --log-opt "max-size=$log_size" --log-opt "max-file=$log_files" \
    --mount "type=bind,source=$base/data,target=$data" \
    -e "EDGEPAAS_SLOT=$slot" -e "EDGEPAAS_DATABASE_BEFORE=$database" "$@"
if [ -n "$certificate" ]; then
    set -- "$@" --mount "type=bind,source=$base/runtime/$certificate,target=/opt/edgepaas/root.crt,readonly"
fi
if [ -n "$runtime" ]; then
    # What it resolves lies on a file system of its own, in memory, and belongs to the image's user.
    set -- "$@" --mount "type=bind,source=$base/runtime/$runtime,target=/opt/edgepaas/runtime.pyz,readonly" \
        --tmpfs "/run/edgepaas:mode=0700,uid=${owner%:*},gid=${owner#*:},size=16m,noexec,nosuid,nodev" \
        --entrypoint python3 "$image" /opt/edgepaas/runtime.pyz \
        --image "$(docker image inspect -f '[{{json .Config.Entrypoint}},{{json .Config.Cmd}}]' "$image")"
else
    set -- "$@" "$image"
fi
# Sourced last, in a shell of its own: the app's names must not meet ours. docker takes the values from its environment.
# shellcheck disable=SC1090
(
    set -a
    . "$environment"
    exec "$@"
) >/dev/null || {
    code=$?
    # 127: the image has no program of that name.
    [ "$code" -eq 127 ] && [ -n "$runtime" ] || exit "$code"
    docker rm -f "$container" >/dev/null 2>&1 || :
    echo "the image has no python3, which starts the app" >&2
    exit 23
}

deadline=$(($(now) + health_timeout * 1000))
answer=none
while :; do
    state=$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$container")
    if [ "$state" != "running 0" ]; then
        echo "the container ended (${state% *})" >&2
        exit 20
    fi
    answer=$(probe 5 "http://127.0.0.1:$port$health_path" "$headers" -o /dev/null -w '%{http_code} in %{time_total} s') || :
    case $answer in 2??\ *) break ;; esac
    if [ "$(now)" -ge "$deadline" ]; then
        echo "not healthy within $health_timeout s; the last answer of $health_path was $answer" >&2
        exit 21
    fi
    case $answer in
    000*) echo "waiting for $health_path: no answer yet" >&2 ;;
    *) echo "waiting for $health_path: $answer" >&2 ;;
    esac
    sleep 0.2
done
echo "$answer"
