# Part of a script, not one of its own: the last requests of a container that gets no new ones.

# Prints the port of this host that leads to container $1, if it runs; nothing if it does not. Fails where Docker does not
# tell: what it says of a container that is not there it also says, in other words, when it does not answer.
serving() {
    form='{{.State.Running}}{{range .HostConfig.PortBindings}}{{range .}} {{.HostPort}}{{end}}{{end}}'
    if ! state=$(docker inspect -f "$form" "$1" 2>/dev/null) &&
        { ! state=$(docker ps -aq --filter "name=^$1\$") || [ -n "$state" ]; }; then
        echo "Docker does not tell whether $1 runs" >&2
        return 1
    fi
    case $state in true*) echo "${state##* }" ;; esac
}

# Waits until nothing on this host talks to port $1, at most $2 seconds. Prints how many connections are left; $3 is what
# they lead to, for people.
settle() {
    deadline=$(($(now) + $2 * 1000))
    while :; do
        busy=$(ss -Htn state established "( dport = :$1 )" | wc -l)
        if [ "$busy" -eq 0 ] || [ "$(now)" -ge "$deadline" ]; then break; fi
        echo "$busy connections to $3" >&2
        sleep 0.3
    done
    echo "$busy"
}
