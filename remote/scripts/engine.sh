# Docker runs, starts at boot and has its present configuration; the login user may use it. $1 the configuration's file,
# $2 "group" to let the login user in, $3 where services are. A running engine is left alone unless its configuration changed.
# Prints a line for what it changed. Exit 32: it did not come up with the new configuration, the one before is back.
# Exit 33: a deploy is running.
set -eu
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
    no_deploy "$3"
    # A reload is enough for live-restore; with it, the restart that the rest needs leaves containers running.
    systemctl reload docker 2>/dev/null || :
    # systemd counts restarts, those of others too, and refuses one too many in ten seconds.
    systemctl reset-failed docker.service docker.socket 2>/dev/null || :
    if systemctl restart docker && up; then
        rm -f /run/edgepaas/docker-restart
        echo "restarted docker with its new configuration"
    else
        systemctl status --no-pager --lines 5 docker >&2 || :
        if [ -e "$1.before-edgepaas" ]; then mv "$1.before-edgepaas" "$1"; else rm -f "$1"; fi
        rm -f /run/edgepaas/docker-restart
        systemctl reset-failed docker.service docker.socket 2>/dev/null || :
        systemctl restart docker >&2 || :
        up || echo "Docker does not come up with the configuration before either" >&2
        echo "Docker does not start with the new $1; the one before is back" >&2
        exit 32
    fi
fi
if [ "$2" = group ] && [ -n "${SUDO_USER-}" ] && getent group docker >/dev/null; then
    case " $(id -nG "$SUDO_USER") " in
    *" docker "*) ;;
    *)
        usermod -aG docker "$SUDO_USER"
        echo "let $SUDO_USER use docker, from the next login on"
        ;;
    esac
fi
up || { docker info >&2; exit 1; }
