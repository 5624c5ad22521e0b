# Moves traffic to a release, bakes it, and leaves it there when the deploying process says so; back in every other case.
# base: the service's directory. slot, release (number). port, health_path: the release's own. listen, host_name: nginx's.
# headers, public_headers (a line each): what probes of the slot and through nginx send. bake: milliseconds. decision_timeout: seconds to wait for the decision after that. path: what to probe. expected: the
# status that it answers (0: any 2xx). text: what its body contains (empty: anything).
# stdin: one line, "commit JOURNAL-LINE" or "back REASON"; "baked" on stderr asks for it. Prints where the flag led before.
# Exit 30: not healthy before the flip, nothing moved. 35: no room for the journal, nothing moved. 31: failed behind
# nginx, flipped back. 32: nobody listens to us any more, flipped back. 33: told to go back, flipped back. 36: live, but
# its journal could not be written.
set -eu
: "${base:?}" "${slot:?}" "${release:?}" "${port:?}" "${health_path:?}" "${listen:?}" "${host_name:?}"
: "${headers?}" "${public_headers?}" "${bake:?}" "${decision_timeout:?}" "${path:?}" "${expected:?}" "${text?}"
before=$(readlink "$base/live")
wanted=slots/$slot/$release
seconds() { printf '%d.%02d s' $(($1 / 1000)) $(($1 % 1000 / 10)); }
point() {
    # rename(2) replaces the link at once: a request sees the one or the other.
    ln -sfn "$1" "$base/live.new"
    mv -T "$base/live.new" "$base/live"
}
gate=$(probe 5 "http://127.0.0.1:$port$health_path" "$headers" -o /dev/null -w '%{http_code}') || :
case $gate in
2??) ;;
*)
    echo "$health_path of slot $slot answered $gate before the flip" >&2
    exit 30
    ;;
esac
# What gets traffic comes up again by itself, whoever started it and was killed or not: after a crash, after a reboot.
docker update --restart unless-stopped "${base##*/}-$slot" >/dev/null
work=$(mktemp -d)
# Room for the journal's line is taken before traffic moves, so that a full disk cannot come between the two.
trap 'rm -rf "$work" "$base/history.spare"' EXIT
if ! head -c 8192 /dev/zero >"$base/history.spare"; then
    echo "no room in $base for the journal" >&2
    exit 35
fi
exec 3<&0 </dev/null
# sh has no read with a time-out: this waits for the word, or for the end of whoever could say it.
{
    IFS= read -r word <&3 || word=gone
    printf '%s\n' "$word" >"$work/word.new"
    mv "$work/word.new" "$work/word"
} >/dev/null 2>&1 &
reader=$!
exec 3<&-
trap 'kill "$reader" 2>/dev/null || :; rm -rf "$work" "$base/history.spare"' EXIT
public() {
    asked=$(now)
    body=/dev/null
    if [ -n "$text" ]; then body=$work/body; fi
    seen=$(probe "$1" "http://127.0.0.1:$listen$path" "$public_headers" -o "$body" -D - | tr -d '\r') || :
    status=$(printf '%s\n' "$seen" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    answered=$(printf '%s\n' "$seen" | sed -n 's/^[Xx]-[Ee]dge[Pp]aa[Ss]-[Rr]elease: *//p')
    found="through nginx $path answered ${status:-nothing} from release ${answered:-none}, wanted $release"
    case $expected:$status in 0:2??) ;; *) [ "$expected" = "$status" ] || return 1 ;; esac
    [ "$answered" = "$release" ] || return 1
    [ -z "$text" ] || grep -qF -e "$text" "$body" || {
        found="through nginx the answer of $path does not have the expected text"
        return 1
    }
}
back() {
    point "$before"
    echo "flipped back to $before: $1" >&2 || : # there may be nobody to tell
    exit "$2"
}
failed() {
    point "$before"
    at=$(now)
    if [ -z "$status" ] && ! systemctl is-active --quiet nginx; then found="nginx does not run on this host"; fi
    echo "flipped back to $before: $found" >&2 || :
    echo "errors for at most $((at - good)) ms, $((at - detected)) ms of them after the first failed look" >&2 || :
    exit 31
}
heed() {
    IFS= read -r word <"$work/word"
    case $word in
    commit\ *)
        [ -n "$baked" ] || return 0
        trap '' INT TERM HUP # it is decided, here and on the other hosts
        rm -f "$base/history.spare"
        if ! journal "$base/history.jsonl" "${word#commit }"; then
            echo "release $release is live, but the journal in $base could not be written" >&2
            exit 36
        fi
        echo "$before" || :
        exit 0
        ;;
    back\ *) back "${word#back }" 33 ;;
    *) back "the deploying process is gone" 32 ;;
    esac
}
trap 'back "interrupted" 32' INT TERM HUP
trap '' PIPE
point "$wanted"
good=$(now) baked=
end=$((good + bake))
limit=$((end + decision_timeout * 1000))
while :; do
    if ! public 3; then
        detected=$(now)
        sleep 0.2 # one second look: a lone slow answer is no reason to move everybody twice
        public 0.6 || failed
    fi
    good=$asked # when a look that went well began
    # Not in one breath with the loop's condition: the first look verifies the flip even without a bake.
    if [ -z "$baked" ] && [ "$(now)" -ge "$end" ]; then
        baked=yes
        echo baked >&2 || back "the deploying process is gone" 32
    elif [ -z "$baked" ]; then
        echo "baking, $(seconds $((end - asked))) left" >&2 || back "the deploying process is gone" 32
    fi
    for _ in 1 2 3 4 5; do
        [ ! -e "$work/word" ] || heed
        sleep 0.1
    done
    [ "$good" -lt "$limit" ] || back "no word came within $decision_timeout s of the bake" 32
done
