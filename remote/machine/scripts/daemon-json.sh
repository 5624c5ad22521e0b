# The engine's configuration: $1 its file, $2 the SHA-256 of what was seen there ("none": no file). The new text is on stdin.
# Written whole; what was there is kept beside it. `engine` restarts what has to be. Prints a line when it wrote.
# Exit 31: the engine does not take it, or somebody changed the file meanwhile; it stays as it was.
set -eu
file=$1
umask 022
mkdir -p "$(dirname "$file")"
now=none
if [ -e "$file" ]; then now=$(sha256sum "$file" | cut -d' ' -f1); fi
if [ "$now" != "$2" ]; then
    echo "$file was changed by somebody else meanwhile" >&2
    exit 31
fi
trap 'rm -f "$file.new"' EXIT
cat >"$file.new"
# Known to engines from 23.0 on; for older ones the restart is the test.
if dockerd --help 2>/dev/null | grep -q -e --validate; then
    if ! dockerd --validate --config-file "$file.new" >&2; then
        echo "the engine does not accept this configuration; $file stays as it was" >&2
        exit 31
    fi
fi
mkdir -p /run/edgepaas
if [ -e "$file" ]; then cp -p "$file" "$file.before-edgepaas"; fi
: >/run/edgepaas/docker-restart
mv "$file.new" "$file"
echo "changed $file"
