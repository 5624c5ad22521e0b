# Part of a script, not one of its own: the last requests of a container that gets no new ones.

# Prints the port of this host that leads to container $1, if it runs; nothing if it does not.
serving() {
    form='{{.State.Running}}{{range .HostConfig.PortBindings}}{{range .}} {{.HostPort}}{{end}}{{end}}'
    state=$(docker inspect -f "$form" "$1" 2>/dev/null) || state=
    case $state in true*) echo "${state##* }" ;; esac
}

# Waits until nothing on this host talks to port $1, at most $2 seconds. Prints how many connections are left; $3 is what
# they lead to, for people.
settle() {
    deadline=$(($(date +%s) + $2))
    while :; do
        busy=$(ss -Htn state established "( dport = :$1 )" | wc -l)
        if [ "$busy" -eq 0 ] || [ "$(date +%s)" -ge "$deadline" ]; then break; fi
        echo "$busy connections to $3" >&2
        sleep 0.3
    done
    echo "$busy"
}
