# Takes the distribution's default site out of the way, restorable. Debian: a link, whose file in sites-available stays.
# The RHEL family: a server inside nginx.conf, that is commented out; the original stays beside it.
# Prints a line when it did.
set -eu
link=/etc/nginx/sites-enabled/default
if [ -L "$link" ] && [ "$(readlink -f "$link")" = /etc/nginx/sites-available/default ]; then
    rm "$link"
    echo "disabled nginx's default site (to restore: ln -s ../sites-available/default $link)"
fi
conf=/etc/nginx/nginx.conf
if grep -Eq '^[[:space:]]*root[[:space:]]+/usr/share/nginx/html;' "$conf"; then
    trap 'rm -f "$conf.edgepaas"' EXIT
    # A server block at a line of its own, up to its closing brace, if it serves the distribution's pages.
    awk '
        !inside && /^[[:space:]]*server[[:space:]]*\{/ { inside = 1; depth = 0; block = ""; ours = 0 }
        inside {
            block = block $0 "\n"
            if ($0 ~ /root[[:space:]]+\/usr\/share\/nginx\/html;/) ours = 1
            line = $0
            sub(/#.*/, "", line)
            depth += gsub(/\{/, "{", line) - gsub(/\}/, "}", line)
            if (depth == 0) {
                if (ours) { sub(/\n$/, "", block); gsub(/\n/, "\n#edgepaas# ", block); print "#edgepaas# " block }
                else printf "%s", block
                inside = 0
            }
            next
        }
        { print }
    ' "$conf" >"$conf.edgepaas"
    if grep -Eq '^[[:space:]]*root[[:space:]]+/usr/share/nginx/html;' "$conf.edgepaas" || ! nginx -t -q -c "$conf.edgepaas" 2>/dev/null; then
        echo "nginx's default site stays: it is not where the distribution puts it" >&2
        exit 0
    fi
    [ -e "$conf.before-edgepaas" ] || cp -p "$conf" "$conf.before-edgepaas"
    chmod --reference="$conf" "$conf.edgepaas"
    mv "$conf.edgepaas" "$conf"
    echo "disabled nginx's default site (to restore: mv $conf.before-edgepaas $conf)"
fi
