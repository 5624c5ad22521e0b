# $1 name of our file in conf.d, $2 port, $3 host name to ask for; content on stdin.
# Prints "same", or "reloaded" or "started" once the new one is in use.
# The candidate is tested in a copy of the configuration, so a broken one is never where nginx could read it.
set -eu
site=/etc/nginx/conf.d/$1
umask 022
work=$(mktemp -d /etc/nginx/.edgepaas.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/candidate"
systemctl is-active --quiet nginx && active=yes || active=no
pending=$site.pending # there from before the swap until nginx uses it: a killed program leaves the rest to the next
if cmp -s "$work/candidate" "$site" && [ "$active" = yes ] && [ ! -e "$pending" ]; then
    echo same
    exit 0
fi
mkdir "$work/etc" "$work/etc/conf.d"
for entry in /etc/nginx/*; do
    name=${entry##*/}
    case $name in conf.d | nginx.conf) ;; *) ln -s "$entry" "$work/etc/$name" ;; esac
done
for entry in /etc/nginx/conf.d/*; do
    [ -e "$entry" ] || continue
    [ "$entry" = "$site" ] || ln -s "$entry" "$work/etc/conf.d/${entry##*/}"
done
cp "$work/candidate" "$work/etc/conf.d/$1"
sed "s#/etc/nginx/conf\.d/#$work/etc/conf.d/#g" /etc/nginx/nginx.conf >"$work/etc/nginx.conf"
if ! nginx -t -q -c "$work/etc/nginx.conf" 2>"$work/said"; then
    sed "s#$work/etc#/etc/nginx#g" "$work/said" >&2
    echo "the new nginx configuration does not pass nginx -t; the old one stays" >&2
    exit 40
fi
if [ -e "$site" ]; then cp -p "$site" "$work/before"; fi
chmod 644 "$work/candidate"
: >"$pending"
mv "$work/candidate" "$site"
if [ "$active" = yes ]; then verb=reload; else verb=start; fi
if ! systemctl "$verb" nginx 2>"$work/said"; then
    cat "$work/said" >&2
    if [ -e "$work/before" ]; then mv "$work/before" "$site"; else rm -f "$site"; fi
    systemctl "$verb" nginx >&2 || :
    rm -f "$pending"
    echo "nginx did not $verb with the new configuration; the old one is back" >&2
    exit 41
fi
systemctl is-enabled --quiet nginx || systemctl enable nginx >&2
# A reload is asynchronous: it is in use when the site answers with our header.
tries=0
until curl -s -o /dev/null -D - --max-time 2 -H "Host: $3" "http://127.0.0.1:$2/" | grep -qi '^x-edgepaas-release:'; do
    tries=$((tries + 1))
    if [ "$tries" -ge 25 ]; then
        echo "nginx does not answer on port $2 with our site for host name $3: does another site claim it?" >&2
        exit 42
    fi
    sleep 0.2
done
rm -f "$pending"
case $verb in start) echo started ;; *) echo reloaded ;; esac
