# $1 our service. What the other services of this host have for themselves, as their sites say: a line each, "SERVICE slot
# PORT", "SERVICE listen PORT" (and " default_server") or "SERVICE names NAME…".
for file in /etc/nginx/conf.d/edgepaas-*.conf; do
    service=${file##*/edgepaas-}
    service=${service%.conf}
    if [ ! -f "$file" ] || [ "$service" = "$1" ]; then continue; fi
    case $service in *[!a-z0-9-]*) continue ;; esac
    sed -n -e "s/^ *server 127\.0\.0\.1:\([0-9]*\);.*/$service slot \1/p" \
        -e "s/^ *listen \([0-9]*\)\( default_server\)\{0,1\};.*/$service listen \1\2/p" \
        -e "s/^ *server_name \(.*\);.*/$service names \1/p" "$file"
done
