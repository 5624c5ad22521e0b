# $1 path, $2 mode; content on stdin. The file appears whole or not at all, never with a wider mode than $2.
# Prints "changed" or "same".
set -eu
umask 077
mkdir -p "$(dirname "$1")"
temporary=$1.new.$$
trap 'rm -f "$temporary"' EXIT
cat >"$temporary"
chmod "$2" "$temporary"
if [ -f "$1" ] && cmp -s "$temporary" "$1" && [ "$(stat -c %a "$1")" = "$(stat -c %a "$temporary")" ]; then
    echo same
else
    sync -d "$temporary" 2>/dev/null || sync
    mv "$temporary" "$1"
    echo changed
fi
