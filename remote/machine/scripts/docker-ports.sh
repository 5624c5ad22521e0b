# Frees a port of ours that Docker itself has kept: when it, or the whole host, went down as a container was started, Docker
# comes up with that container not running and its port taken for good. Removing the container does not free it, only
# another start of Docker does. Containers of others, and what Docker listens on for itself, are not touched.
# It runs by itself after each start of Docker. $1 "look" to say only which ports are kept; otherwise it prints a line when
# it freed one. $2.. ports of ours, besides those of our containers.
# Exit 34: a restart would end the containers, or was done minutes ago.
set -eu
what=$1
shift
stamp=/run/edgepaas/docker-ports
# A container that is gone by now is an error of inspect, and has no port; a Docker that does not answer tells nothing.
ports_of() { printf '%s' "$2" | xargs -r docker inspect -f "{{range .$1}}{{range .}}{{.HostPort}} {{end}}{{end}}" || :; }
# "PORT WHOSE SOCKET" for each port of ours that Docker listens on while no container runs that has it.
kept() {
    ours=$(docker ps -q -a --filter label=edgepaas.service)
    used=$(docker ps -q)
    ours=$(ports_of HostConfig.PortBindings "$ours")
    used=$(ports_of NetworkSettings.Ports "$used")
    ss -Hltnp | awk -v ours="$ours $*" -v used="$used" '
        BEGIN {
            split(ours, words)
            for (one in words) wanted[words[one]] = 1
            split(used, words)
            for (one in words) delete wanted[words[one]]
        }
        /"dockerd"/ && sub(/^127\.0\.0\.1:/, "", $4) && $4 in wanted { print $4, $NF }' | sort
}
first=$(kept "$@")
[ -n "$first" ] || exit 0
# A container that is just being started looks the same for a moment.
sleep 2
again=$(kept "$@")
ports=$(printf '%s\n%s\n' "$first" "$again" | sort | uniq -d | cut -d' ' -f1 | xargs)
[ -n "$ports" ] || exit 0
if [ "$what" = look ]; then
    echo "$ports"
    exit 0
fi
said="Docker keeps port $ports for a container that never started; only a restart of Docker frees it"
if [ "$(docker info --format '{{.LiveRestoreEnabled}}')" != true ]; then
    echo "$said, which ends all containers here, since live-restore is off: systemctl restart docker" >&2
    exit 34
fi
# Each start of Docker brings us here again: never in a circle.
if [ -n "$(find "$stamp" -mmin -5 2>/dev/null)" ]; then
    echo "$said, and there was one within the last 5 minutes: ss -ltnp on the host" >&2
    exit 34
fi
mkdir -p "${stamp%/*}"
: >"$stamp"
# systemd counts restarts, and refuses one too many.
systemctl reset-failed docker.service docker.socket 2>/dev/null || :
systemctl restart docker
echo "restarted docker to free port $ports"
