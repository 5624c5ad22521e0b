# Puts a service's maintenance page up, or takes it down. nginx looks for the flag at every request: nothing is reloaded.
# base: the service's directory. wanted: on or off. listen, host_name: nginx's. The page is on stdin. Prints what it came to: "on", "off" or "same".
# Exit 50: nginx does not do as the flag says. 51: the service has no directory here.
set -eu
umask 022
: "${base:?}" "${wanted:?}" "${listen:?}" "${host_name:?}"
flag=$base/maintenance
if [ ! -d "$base" ]; then
    echo "$base is not there: inv setup makes it" >&2
    exit 51
fi
if [ -f "$flag" ]; then was=on; else was=off; fi
if [ "$wanted" = on ]; then
    # The page first, and it stays: a request between the flag's removal and the page's would find neither.
    cat >"$flag.html.new"
    mv "$flag.html.new" "$flag.html"
    [ "$was" = on ] || : >"$flag"
else
    rm -f "$flag"
fi
# As a visitor sees it: the host's own requests are let in, those that it only forwards are not.
tries=0
while :; do
    seen=$(curl -g -s -o /dev/null -D - --max-time 3 -H "Host: $host_name" -H "X-Forwarded-For: 192.0.2.1" \
        "http://127.0.0.1:$listen/" | tr '[:upper:]' '[:lower:]') || :
    case $seen in
    *x-edgepaas-maintenance:*) now=on ;;
    http/*) now=off ;;
    *) now=unknown ;;
    esac
    [ "$now" != "$wanted" ] || break
    tries=$((tries + 1))
    if [ "$tries" -ge 10 ]; then
        echo "the flag says $wanted, nginx on port $listen says $now" >&2
        exit 50
    fi
    sleep 0.2
done
if [ "$was" = "$wanted" ]; then echo same; else echo "$wanted"; fi
