# Starts Docker and enables it at boot; a running engine is left alone. Prints a line for what it changed.
set -eu
if ! systemctl is-enabled --quiet docker 2>/dev/null; then
    systemctl enable docker >&2
    echo "enabled docker"
fi
if ! docker info >/dev/null 2>&1; then
    systemctl start docker
    echo "started docker"
fi
tries=0
until docker info >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { docker info >&2; exit 1; }
    sleep 0.5
done
