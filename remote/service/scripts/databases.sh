# $1 a service's directory: which database each release has decided on, a JSON document a line, its number in front.
for file in "$1"/data/.edgepaas-database-*.json; do
    [ -f "$file" ] || continue
    number=${file##*-}
    printf '%s %s\n' "${number%.json}" "$(tr -d '\n' <"$file")"
done
