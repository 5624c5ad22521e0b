# $1 lease file. Prints the host's clock and "busy" when a changing program runs, "held" or "free"; then the lease:
# its token, when it runs out, who has it (one line of JSON), and the phase.
state=free
seen=$(cat "$1" 2>/dev/null) && state=held
if [ -e "$1.lock" ] && ! flock -n "$1.lock" true; then state=busy; fi
echo "$(date +%s) $state"
printf '%s\n' "$seen"
