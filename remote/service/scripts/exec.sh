# Runs a command in a running container, with what the app's environment was resolved to.
# $1 the container, $2 the command, for its sh. Lines of its stdout come on stderr as "1TEXT", of its stderr as "2TEXT",
# as they are written. stdin: a sign of life now and then; its end ends the command and what it started.
# The exit code is the command's.
set -u
container=$1
EDGEPAAS_COMMAND=$2
export EDGEPAAS_COMMAND
# The command has no stdin, and its own group of processes; the last line of the environment's file may set any name.
# shellcheck disable=SC2016
inside='
exec 3<&0 </dev/null
{ while read -r _; do :; done <&3; kill -s TERM -- "-$$"; } >/dev/null 2>&1 &
edgepaas_watch=$!
exec 3<&-
edgepaas_command=$EDGEPAAS_COMMAND
unset EDGEPAAS_COMMAND
if [ -r /run/edgepaas/env ]; then
    set -a
    . /run/edgepaas/env
    set +a
fi
(eval "$edgepaas_command")
edgepaas_code=$?
kill "$edgepaas_watch" 2>/dev/null
exit "$edgepaas_code"
'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkfifo "$work/out" "$work/err"
sed -u 's/^/1/' <"$work/out" >&2 &
sed -u 's/^/2/' <"$work/err" >&2 &
# The command goes through docker's environment: it is on no list of processes but those that it makes itself.
docker exec -i -e EDGEPAAS_COMMAND "$container" sh -c "$inside" >"$work/out" 2>"$work/err"
code=$?
wait
exit "$code"
