# Docker runs, starts at boot and has its present configuration; the login user may use it. config: the
# configuration's file. group: group to let the login user in, else no-group. services: where services are. Arguments: ports of ours. docker-ports.sh is on stdin, and is to run
# after each start of Docker. A running engine is left alone unless its configuration changed, or it keeps one of these ports.
# Prints a line for what it changed. Exit 32: it did not come up with the new configuration, the one before is back.
# Exit 33: a deploy is running. Exit 34: a port cannot be freed.
set -eu
: "${config:?}" "${group:?}" "${services:?}"
guard=/var/lib/edgepaas/docker-ports.sh
unit=/etc/systemd/system/edgepaas-docker-ports.service
# $1 a file whose text is on stdin: whether it had to be written.
differs() {
    mkdir -p "${1%/*}"
    cat >"$1.new"
    if [ -e "$1" ] && [ "$(cat "$1.new")" = "$(cat "$1")" ]; then
        rm "$1.new"
        return 1
    fi
    mv "$1.new" "$1"
}
if differs "$guard"; then echo "wrote $guard"; fi
if differs "$unit" <<END; then
# inv setup writes this.
[Unit]
Description=Free the ports that Docker keeps for containers which never started
After=docker.service

[Service]
Type=oneshot
ExecStart=/bin/sh $guard free

[Install]
WantedBy=docker.service
END
    systemctl daemon-reload
    echo "wrote $unit"
fi
if ! systemctl is-enabled --quiet "${unit##*/}" 2>/dev/null; then systemctl enable "${unit##*/}" >&2; fi
up() {
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || return 1
        sleep 0.5
    done
}
if ! systemctl is-enabled --quiet docker 2>/dev/null; then
    systemctl enable docker >&2
    echo "enabled docker"
fi
if ! docker info >/dev/null 2>&1; then
    systemctl reset-failed docker.service docker.socket 2>/dev/null || :
    if systemctl start docker && up; then
        rm -f /run/edgepaas/docker-restart
        echo "started docker"
    elif [ ! -e /run/edgepaas/docker-restart ]; then
        docker info >&2 || :
        systemctl status --no-pager docker >&2 || :
        exit 1
    fi
fi
# Some packages start the engine as they are installed: it has its configuration already.
if [ -n "$(find /run/docker.pid -newer /run/edgepaas/docker-restart 2>/dev/null)" ]; then rm -f /run/edgepaas/docker-restart; fi
if [ -e /run/edgepaas/docker-restart ]; then
    no_deploy "$services"
    # A reload is enough for live-restore; with it, the restart that the rest needs leaves containers running.
    systemctl reload docker 2>/dev/null || :
    # systemd counts restarts, those of others too, and refuses one too many in ten seconds.
    systemctl reset-failed docker.service docker.socket 2>/dev/null || :
    if systemctl restart docker && up; then
        rm -f /run/edgepaas/docker-restart
        echo "restarted docker with its new configuration"
    else
        systemctl status --no-pager --lines 5 docker >&2 || :
        if [ -e "$config.before-edgepaas" ]; then mv "$config.before-edgepaas" "$config"; else rm -f "$config"; fi
        rm -f /run/edgepaas/docker-restart
        systemctl reset-failed docker.service docker.socket 2>/dev/null || :
        systemctl restart docker >&2 || :
        up || echo "Docker does not come up with the configuration before either" >&2
        echo "Docker does not start with the new $config; the one before is back" >&2
        exit 32
    fi
fi
if [ "$group" = group ] && [ -n "${SUDO_USER-}" ] && getent group docker >/dev/null; then
    case " $(id -nG "$SUDO_USER") " in
    *" docker "*) ;;
    *)
        usermod -aG docker "$SUDO_USER"
        echo "let $SUDO_USER use docker, from the next login on"
        ;;
    esac
fi
up || { docker info >&2; exit 1; }
if [ -n "$(sh "$guard" look "$@")" ]; then
    no_deploy "$services"
    # Somebody asked for it: however long ago the last time was.
    rm -f /run/edgepaas/docker-ports
    sh "$guard" free "$@"
    up || { docker info >&2; exit 1; }
fi
