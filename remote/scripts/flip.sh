# Moves traffic to a release, and back if the public path does not bear it out.
# $1 base, $2 slot, $3 release, $4 its port, $5 health path, $6 nginx port, $7 host name, $8 seconds to bake.
# Exit 30: not healthy before the flip, nothing moved. 31: failed behind nginx, flipped back. 32: nobody listens to us any
# more, flipped back. After 31 the last line says for how long requests may have failed.
set -eu
base=$1 slot=$2 release=$3 port=$4 health=$5 listen=$6 name=$7 bake=$8
before=$(readlink "$base/live")
wanted=slots/$slot/$release
point() {
    # rename(2) replaces the link at once: a request sees the one or the other.
    ln -sfn "$1" "$base/live.new"
    mv -T "$base/live.new" "$base/live"
}
gate=$(curl -s -o /dev/null --max-time 5 -w '%{http_code}' "http://127.0.0.1:$port$health") || :
case $gate in
2??) ;;
*)
    echo "$health of slot $slot answered $gate before the flip" >&2
    exit 30
    ;;
esac
now() {
    echo $(($(date +%s%N) / 1000000)) # milliseconds
}
public() { # $1 seconds to wait for an answer
    asked=$(now)
    seen=$(curl -s -o /dev/null -D - --max-time "$1" -H "Host: $name" "http://127.0.0.1:$listen$health" | tr -d '\r') || :
    status=$(printf '%s\n' "$seen" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    answered=$(printf '%s\n' "$seen" | sed -n 's/^[Xx]-[Ee]dge[Pp]aa[Ss]-[Rr]elease: *//p')
    case $status in 2??) [ "$answered" = "$release" ] ;; *) false ;; esac
}
back() {
    point "$before"
    echo "flipped back to $before: $1" >&2 || :
    exit "$2"
}
failed() {
    point "$before" # first of all
    moved=$(now)
    what="through nginx $health answered ${status:-nothing} from release ${answered:-none}, wanted $release"
    if [ -z "$status" ] && ! systemctl is-active --quiet nginx; then what="nginx does not run on this host"; fi
    back "$what; errors for at most $((moved - good)) ms, $((moved - failing)) ms of them after the first failed look" 31
}
trap 'back "interrupted" 32' INT TERM HUP
trap '' PIPE
good=$(now) # when a look that went well began
end=$((good + bake))
point "$wanted"
while :; do
    if ! public 3; then
        failing=$(now)
        sleep 0.2 # one second look: a lone slow answer is no reason to move everybody twice
        public 0.5 || failed
    fi
    good=$asked
    # Not in one breath with the loop's condition: the first look verifies the flip even without a bake.
    [ "$(now)" -lt "$end" ] || break
    echo "baking" >&2 || back "the deploying process is gone" 32
    sleep 0.5
done
echo "baked" >&2 || back "the deploying process is gone" 32
trap - INT TERM HUP
echo "$before"
