# Everything that a plan needs to know about a host, as key=value lines in any order. Changes nothing; each line stands
# alone. $1 where the system says what it is, /etc/os-release if not given.
release=${1:-/etc/os-release}

# What runs after Docker's start may start it once more: a look in between would see a host without Docker.
tries=0
while [ "$(systemctl is-active edgepaas-docker-ports 2>/dev/null)" = activating ] && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.2
done

# The slow ones, side by side: each is one write.
engine() {
    command -v docker >/dev/null || return 0
    # One call of the client, which alone takes longer than all the rest.
    said=$(docker info --format '{{.ServerVersion}}
docker_store={{.Driver}}
live_restore={{.LiveRestoreEnabled}}' 2>/dev/null)
    echo "docker=$said"
}
origin() {
    engine=$(command -v dockerd) || return 0
    # The package it came with, for people: a snap and a distribution's engine behave differently.
    from=$({ dpkg -S "$(readlink -f "$engine")" || rpm -qf --qf '%{NAME}: ' "$(readlink -f "$engine")"; } 2>/dev/null | sed 's/:.*//; 1q')
    echo "engine=${from:-$engine}"
}
proxy() {
    command -v nginx >/dev/null || return 0
    echo "nginx=$(nginx -v 2>&1 | sed 's/.*nginx\///; s/ .*//')"
    if systemctl is-active --quiet nginx 2>/dev/null; then echo "nginx_active=yes"; fi
    if ! said=$(nginx -t 2>&1); then echo "nginx_broken=$(echo "$said" | head -n 1)"; fi
}
engine &
origin &
proxy &
[ -r "$release" ] && (
    # shellcheck disable=SC1090  # on the host
    . "$release"
    printf 'os=%s\nos_like=%s\nos_version=%s\nos_name=%s\n' "${ID-}" "${ID_LIKE-}" "${VERSION_ID-}" "${PRETTY_NAME-}"
    # A derivative names its parent's release apart from its own.
    printf 'os_codename=%s\nos_platform=%s\n' "${UBUNTU_CODENAME:-${DEBIAN_CODENAME:-${VERSION_CODENAME-}}}" "${PLATFORM_ID-}"
)
system=$(uname -sm)
printf 'kernel=%s\narch=%s\n' "${system% *}" "${system##* }"
echo "user=$(id -un)"
echo "login=${SUDO_USER-}"
echo "clock=$(date +%s)"
if [ -d /run/systemd/system ]; then echo "init=systemd"; else echo "init=other"; fi
# printf, since mawk prints large numbers as 2.4e+10
awk '/^MemTotal:/ { printf "memory_total=%.0f\n", $2 * 1024 } /^MemAvailable:/ { printf "memory_free=%.0f\n", $2 * 1024 }' /proc/meminfo
set --
for path in / /opt /var/lib/docker; do
    if [ -d "$path" ]; then set -- "$@" "$path"; fi
done
# A header and a line a path, twice: first what is free in KiB, then inodes.
{ df -Pk "$@"; df -Pi "$@"; } 2>/dev/null | awk -v paths="$*" '
    { free[NR] = $4 }
    END {
        count = split(paths, path, " ")
        if (NR != 2 * (count + 1)) exit
        for (n = 1; n <= count; n++) printf "disk=%s %.0f %s\n", path[n], free[1 + n] * 1024, free[count + 2 + n]
    }'
if command -v getenforce >/dev/null; then echo "selinux=$(getenforce)"; fi
for tool in curl ss flock; do
    if command -v "$tool" >/dev/null; then echo "tool=$tool"; fi
done
for program in postgres psql; do
    set -- /usr/lib/postgresql/*/bin/"$program"
    if command -v "$program" >/dev/null || [ -e "$1" ]; then echo "postgres=$program"; fi
done
# Its client library, which other programs of the host may link to another version of.
if ldconfig -p 2>/dev/null | grep -q 'libpq\.so'; then echo "postgres=libpq"; fi
echo "addresses=$(hostname -I 2>/dev/null)"
if command -v ss >/dev/null; then
    # Whose a socket is only root is told.
    ss -Hltnp | awk '{ print "listen=" $4 } /"dockerd"/ { print "docker_listen=" $4 }' | sort -u
fi
wait
