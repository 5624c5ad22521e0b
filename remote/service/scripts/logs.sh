# What the service's containers have written. base: the service's directory. service. which: live, previous or both. lines:
# of each, or all. since: as docker takes it (empty: from the beginning). follow: yes, or empty.
# Each line as "SLOT TIME TEXT" on stdout; when following on stderr, as they are written, until stdin ends: then nothing
# of it is left here. Exit 61: there is no such container.
set -eu
: "${base:?}" "${service:?}" "${which:?}" "${lines:?}" "${since?}" "${follow?}"
case $(readlink "$base/live" || :) in
slots/blue/*) live=blue previous=green ;;
slots/green/*) live=green previous=blue ;;
*)
    echo "nothing is deployed" >&2
    exit 61
    ;;
esac
case $which in
live) wanted=$live ;;
previous) wanted=$previous ;;
*) wanted="$previous $live" ;;
esac
found=
for slot in $wanted; do
    if docker inspect "$service-$slot" >/dev/null 2>&1; then found="$found $slot"; fi
done
if [ -z "$found" ]; then
    echo "there is no container in $wanted" >&2
    exit 61
fi
read_logs() { docker logs --timestamps --tail "$lines" ${since:+--since "$since"} "$@" 2>&1; }
if [ -z "$follow" ]; then
    for slot in $found; do
        read_logs "$service-$slot" | sed "s/^/$slot /"
    done
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
exec 3<&0 </dev/null
readers=
for slot in $found; do
    mkfifo "$work/$slot"
    sed -u "s/^/$slot /" <"$work/$slot" >&2 &
    # By exec, so that what is ended below is the program itself.
    (
        exec 3<&-
        exec docker logs --timestamps --tail "$lines" ${since:+--since "$since"} --follow "$service-$slot"
    ) >"$work/$slot" 2>&1 &
    readers="$readers $!"
done
# An idle container writes nothing, and would keep its reader here for ever after nobody listens any more.
{
    while read -r _; do :; done <&3
    # shellcheck disable=SC2086  # process ids are words
    kill $readers
} >/dev/null 2>&1 &
watch=$!
exec 3<&-
# shellcheck disable=SC2086
wait $readers 2>/dev/null || :
kill "$watch" 2>/dev/null || :
wait || :
