# Removes what transfers left: parts of images, and images of ours that no release on this host names. $1 base, $2 the label
# of the service's parts, $3 the label of its images, then ids of images that stay. In use is left alone.
# Prints a line for each that it removed.
set -eu
base=$1 parts=$2 images=$3
root=${base%/*}
shift 3
spared=" $* "

remove() {
    docker images --no-trunc --filter "label=$1" --format '{{.ID}} {{.Repository}}:{{.Tag}}' | while read -r id name; do
        case $spared in *" $id "*) continue ;; esac
        if named "$root" "$id"; then continue; fi
        case $name in *'<none>'*) name=$id ;; esac
        # Without --force: an image that a container uses, by whomever, or that has a second name, stays.
        if docker rmi "$id" >/dev/null 2>&1; then echo "removed $name"; fi
    done
}

remove "$parts"
for lease in "$root"/*/lease; do
    [ "$lease" != "$base/lease" ] || continue
    expires=$(sed -n 2p "$lease" 2>/dev/null) || continue
    case $expires in '' | *[!0-9]*) continue ;; esac
    [ "$(date +%s)" -le "$expires" ] || continue
    # What it has just shipped may be of the same name, and no release has it yet.
    echo "left images that no release names: another service of this host is being deployed"
    exit 0
done
remove "$images"
