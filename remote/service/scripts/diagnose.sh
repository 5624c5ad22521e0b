# What there is to know about a release that did not pass its gate, as sections "== name".
# container, port (on the host), health_path, host_name, headers (a line each), lines (of its log), base (the service's directory). stop: yes, to stop it
# afterwards, else empty. The container is kept; it is only stopped, so that it does not restart forever. The live one is
# never stopped.
: "${host_name:?}" "${headers?}" "${container:?}" "${port:?}" "${health_path:?}" "${lines:?}" "${base:?}" "${stop?}"
echo "== state"
docker inspect -f 'status={{.State.Status}}
exit_code={{.State.ExitCode}}
oom_killed={{.State.OOMKilled}}
restarts={{.RestartCount}}
error={{.State.Error}}' "$container" 2>&1
echo "== image"
docker image inspect -f 'architecture={{.Architecture}}
user={{.Config.User}}' "$(docker inspect -f '{{.Image}}' "$container" 2>/dev/null)" 2>/dev/null
docker version -f 'host={{.Server.Arch}}' 2>/dev/null
echo "== probe"
probe 5 "http://127.0.0.1:$port$health_path" "$headers" -o /dev/null -w '%{http_code} in %{time_total} s, redirect to "%{redirect_url}"\n' 2>&1
echo "== ports"
pid=$(docker inspect -f '{{.State.Pid}}' "$container" 2>/dev/null || echo 0)
if [ "${pid:-0}" -gt 0 ]; then
    # Listening sockets (state 0A) in the container's own network, in hexadecimal as the kernel writes them.
    cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk '$4 == "0A" { print $2 }'
fi
echo "== disk"
df -Pk / /var/lib/docker "$base/data" 2>/dev/null | awk 'NR > 1 { print $6, $4 }' | sort -u
echo "== mounts"
docker inspect -f '{{range .Mounts}}{{.Destination}} {{.Source}}{{"\n"}}{{end}}' "$container" 2>/dev/null |
    while read -r inside outside; do
        [ -n "$inside" ] && echo "$inside $(stat -c '%u %a' "$outside")"
    done
echo "== nginx"
tail -n 10 /var/log/nginx/error.log 2>/dev/null
echo "== logs"
docker logs --tail "$lines" "$container" 2>&1
case $(readlink "$base/live") in slots/"${container##*-}"/*) exit 0 ;; esac
if [ -n "$stop" ]; then
    docker update --restart=no "$container" >/dev/null 2>&1
    docker stop -t 5 "$container" >/dev/null 2>&1
fi
exit 0
