# $1 base: every release.json, each on one line.
for file in "$1"/releases/*/release.json; do
    [ -f "$file" ] || continue
    tr -d '\n' <"$file"
    echo
done
