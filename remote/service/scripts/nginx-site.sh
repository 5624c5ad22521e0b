# file_name: our file in conf.d; its content is on stdin. port, host_name: to ask for. base: the service's directory.
# blue, green: the ports that the file has for the slots. Exit 43: the live slot has another. 44: another run does not end.
# Prints "same", or "reloaded" or "started" once the new one is in use.
# The candidate is tested in a copy of the configuration, so a broken one is never where nginx could read it.
set -eu
: "${file_name:?}" "${port:?}" "${host_name:?}" "${base:?}" "${blue:?}" "${green:?}"
site=/etc/nginx/conf.d/$file_name log=/var/log/nginx/error.log
# One at a time on a host, whichever service it is for and whether it has a lease: nginx is one, and what is taken back here
# must be what was there before this run.
umask 077 # who can read a lock can hold it
exec 8>>/run/edgepaas-nginx.lock
chmod 600 /run/edgepaas-nginx.lock
umask 022
if ! flock -w 30 8; then
    echo "another program changes nginx's configuration on this host, for more than 30 s: try again" >&2
    exit 44
fi
work=$(mktemp -d /etc/nginx/.edgepaas.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/candidate"
# A kernel without IPv6 has no such socket, and nginx would not start.
[ -s /proc/net/if_inet6 ] || sed -i '/; # IPv6$/d' "$work/candidate"
systemctl is-active --quiet nginx && active=yes || active=no
pending=$site.pending # there from before the swap until nginx uses it: a killed program leaves the rest to the next
# A reload ends idle connections, so it is not made for what nginx would not read: comments and empty lines.
directives() {
    sed '/^[[:space:]]*#/d; /^[[:space:]]*$/d' "$1"
}
if [ -e "$site" ] && [ "$active" = yes ] && [ ! -e "$pending" ]; then
    directives "$work/candidate" >"$work/wanted"
    if directives "$site" | cmp -s "$work/wanted" -; then
        echo same
        exit 0
    fi
fi
# Traffic goes where the live container is, not where its slot shall be one day.
slot=
case $(readlink "$base/live") in slots/blue/*) slot=blue wanted=$blue ;; slots/green/*) slot=green wanted=$green ;; esac
if [ -n "$slot" ]; then
    form='{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}}{{end}}{{end}}'
    there=$(docker inspect -f "$form" "${base##*/}-$slot" 2>/dev/null) || there=
    if [ "${there:-$wanted}" != "$wanted" ]; then
        echo "$slot is live on port $there, slots.$slot is $wanted: change the idle slot's port, deploy, then the other" >&2
        exit 43
    fi
fi
mkdir "$work/etc" "$work/etc/conf.d"
for entry in /etc/nginx/*; do
    file=${entry##*/}
    case $file in conf.d | nginx.conf) ;; *) ln -s "$entry" "$work/etc/$file" ;; esac
done
for entry in /etc/nginx/conf.d/*; do
    [ -e "$entry" ] || continue
    [ "$entry" = "$site" ] || ln -s "$entry" "$work/etc/conf.d/${entry##*/}"
done
cp "$work/candidate" "$work/etc/conf.d/$file_name"
sed "s#/etc/nginx/conf\.d/#$work/etc/conf.d/#g" /etc/nginx/nginx.conf >"$work/etc/nginx.conf"
if ! nginx -t -q -c "$work/etc/nginx.conf" 2>"$work/said"; then
    sed "s#$work/etc#/etc/nginx#g" "$work/said" >&2
    echo "the new nginx configuration does not pass nginx -t; the old one stays" >&2
    exit 40
fi
# Workers of the configuration in use: one that was told to end says so in its title, and takes no connections.
takers() {
    grep -lsxzF 'nginx: worker process' /proc/[0-9]*/cmdline | while IFS= read -r file; do
        if grep -qs "^PPid:[[:space:]]*$master\$" "${file%cmdline}status"; then echo "$file"; fi
    done
}
answers() {
    curl -g -s -o /dev/null -D - --max-time 2 -H "Host: $1" "http://127.0.0.1:$2/" | grep -qi '^x-edgepaas-release:'
}
# A reload is asynchronous, and old workers answer as ours do: it is in use when they are gone and the site answers.
used() {
    if [ -n "$before" ] && takers | grep -qxF -e "$before"; then return 1; fi
    answers "$host_name" "$port"
}
take_back() {
    if [ -s "$pending" ]; then mv "$pending" "$site"; else rm -f "$site" "$pending"; fi
    systemctl reload-or-restart nginx >&2 || :
}
chmod 644 "$work/candidate"
master=$(systemctl show -p MainPID --value nginx)
before=$(takers)
logged=$(stat -c %s "$log" 2>/dev/null) || logged=0
# The file that nginx used last, or an empty one: a run that is killed here leaves it for the next to take back.
if [ ! -e "$pending" ]; then
    if [ -e "$site" ]; then cp -p "$site" "$work/before"; else : >"$work/before"; fi
    mv "$work/before" "$pending"
fi
mv "$work/candidate" "$site"
if [ "$active" = yes ]; then verb=reload; else verb=start; fi
if ! systemctl "$verb" nginx 2>"$work/said"; then
    cat "$work/said" >&2
    take_back
    echo "nginx did not $verb with the new configuration; the old one is back" >&2
    exit 41
fi
systemctl is-enabled --quiet nginx || systemctl enable nginx >&2
tries=0
until used; do
    # What a reload meets, it only logs.
    refused=$(tail -c "+$((logged + 1))" "$log" 2>/dev/null | grep -F '[emerg]' | head -n 1) || :
    tries=$((tries + 1))
    if [ -z "$refused" ] && [ "$tries" -lt 50 ]; then
        sleep 0.2
        continue
    fi
    take_back
    if [ -n "$refused" ]; then
        echo "$refused" >&2
        echo "nginx did not reload with the new configuration; the old one is back" >&2
        exit 41
    fi
    echo "nginx does not answer on port $port with our site for host name $host_name: does another site claim it?" >&2
    echo "its former configuration is back" >&2
    exit 42
done
rm -f "$pending"
case $verb in start) echo started ;; *) echo reloaded ;; esac
