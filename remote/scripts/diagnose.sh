# $1 container, $2 host port, $3 health path, $4 "stop" to stop it afterwards. What there is to know about a failed start, as
# sections "== name". The container is kept; it is only stopped, so that it does not restart for ever.
container=$1 port=$2 health=$3
echo "== state"
docker inspect -f 'status={{.State.Status}}
exit_code={{.State.ExitCode}}
oom_killed={{.State.OOMKilled}}
restarts={{.RestartCount}}
error={{.State.Error}}' "$container" 2>&1
echo "== probe"
curl -s -o /dev/null --max-time 5 -w '%{http_code} in %{time_total} s, redirect to "%{redirect_url}"\n' "http://127.0.0.1:$port$health" 2>&1
echo "== ports"
pid=$(docker inspect -f '{{.State.Pid}}' "$container" 2>/dev/null || echo 0)
if [ "${pid:-0}" -gt 0 ]; then
    # Listening sockets (state 0A) in the container's own network, in hexadecimal as the kernel writes them.
    cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk '$4 == "0A" { print $2 }'
fi
echo "== disk"
df -Pk / /var/lib/docker 2>/dev/null | awk 'NR > 1 { print $6, $4 }' | sort -u
echo "== nginx"
tail -n 5 /var/log/nginx/error.log 2>/dev/null
echo "== logs"
docker logs --tail 30 "$container" 2>&1
if [ "${4-}" = stop ]; then
    docker update --restart=no "$container" >/dev/null 2>&1
    docker stop -t 5 "$container" >/dev/null 2>&1
fi
exit 0
