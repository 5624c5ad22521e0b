# $1 base, then words: "release:N" removes that release's directory, "image:ID" that image, "runtime:FILE" what was mounted in it.
# In use is left alone, and what a release that stays has, of whichever service on this host.
# Prints a line for everything that it removed.
set -eu
base=$1
shift
live=$(readlink "$base/live")
for word in "$@"; do
    case $word in
    release:*[!0-9]* | release:) exit 64 ;;
    release:*)
        number=${word#release:}
        [ "${live##*/}" != "$number" ] || continue
        [ -d "$base/releases/$number" ] || continue
        rm -rf "$base/releases/$number"
        rm -rf "$base/data/.edgepaas-database-$number.json"
        rmdir "$base"/slots/*/"$number" 2>/dev/null || :
        echo "removed release $number"
        ;;
    runtime:*/* | runtime: | runtime:.*) exit 64 ;;
    runtime:*) rm -f "$base/runtime/${word#runtime:}" ;;
    image:*)
        if named "${base%/*}" "${word#image:}"; then continue; fi
        # Without --force: an image that a container still uses, by whomever, stays.
        if docker rmi "${word#image:}" >/dev/null 2>&1; then echo "removed ${word#image:}"; fi
        ;;
    esac
done
