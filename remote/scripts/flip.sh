# Moves traffic to a release, and back if the public path does not bear it out.
# $1 base, $2 slot, $3 release, $4 its port, $5 health path, $6 nginx port, $7 host name, $8 seconds to bake.
# Exit 30: not healthy before the flip, nothing moved. 31: failed behind nginx, flipped back. 32: nobody listens to us any
# more, flipped back.
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
public() {
    seen=$(curl -s -o /dev/null -D - --max-time 3 -H "Host: $name" "http://127.0.0.1:$listen$health" | tr -d '\r') || :
    status=$(printf '%s\n' "$seen" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    answered=$(printf '%s\n' "$seen" | sed -n 's/^[Xx]-[Ee]dge[Pp]aa[Ss]-[Rr]elease: *//p')
    case $status in 2??) [ "$answered" = "$release" ] ;; *) false ;; esac
}
back() {
    point "$before"
    echo "flipped back to $before: $1" >&2
    exit "$2"
}
trap 'back "interrupted" 32' INT TERM HUP
trap '' PIPE
point "$wanted"
end=$(($(date +%s%N) / 1000000 + bake))
while :; do
    if ! public; then
        sleep 0.2 # one second look: a lone slow answer is no reason to move everybody twice
        public || back "through nginx $health answered ${status:-nothing} from release ${answered:-none}, wanted $release" 31
    fi
    # Not in one breath with the loop's condition: the first look verifies the flip even without a bake.
    [ $(($(date +%s%N) / 1000000)) -lt "$end" ] || break
    echo "baking" >&2 || back "the deploying process is gone" 32
    sleep 0.5
done
trap - INT TERM HUP
echo "$before"
