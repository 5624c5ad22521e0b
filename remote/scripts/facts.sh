# Everything that a plan needs to know about a host, as key=value lines. Changes nothing; each line stands alone.
[ -r /etc/os-release ] && (
    # shellcheck disable=SC1091  # on the host
    . /etc/os-release
    printf 'os=%s\nos_like=%s\nos_version=%s\nos_name=%s\n' "${ID-}" "${ID_LIKE-}" "${VERSION_ID-}" "${PRETTY_NAME-}"
)
echo "kernel=$(uname -s)"
echo "arch=$(uname -m)"
echo "user=$(id -un)"
echo "clock=$(date +%s)"
if [ -d /run/systemd/system ]; then echo "init=systemd"; else echo "init=other"; fi
# printf, since mawk prints large numbers as 2.4e+10
awk '/^MemTotal:/ { printf "memory_total=%.0f\n", $2 * 1024 } /^MemAvailable:/ { printf "memory_free=%.0f\n", $2 * 1024 }' /proc/meminfo
for path in / /opt /var/lib/docker; do
    [ -d "$path" ] || continue
    bytes=$(df -Pk "$path" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
    inodes=$(df -Pi "$path" | awk 'NR == 2 { print $4 }')
    echo "disk=$path $bytes $inodes"
done
if command -v docker >/dev/null; then
    echo "docker=$(docker version --format '{{.Server.Version}}' 2>/dev/null)"
    echo "docker_store=$(docker info --format '{{.Driver}}' 2>/dev/null)"
fi
if command -v nginx >/dev/null; then
    echo "nginx=$(nginx -v 2>&1 | sed 's/.*nginx\///; s/ .*//')"
    if systemctl is-active --quiet nginx 2>/dev/null; then echo "nginx_active=yes"; fi
fi
for tool in curl ss flock; do
    if command -v "$tool" >/dev/null; then echo "tool=$tool"; fi
done
if command -v ss >/dev/null; then
    ss -Hltn | awk '{ print "listen=" $4 }' | sort -u
fi
