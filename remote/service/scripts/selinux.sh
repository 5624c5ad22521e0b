# Where SELinux enforces: lets nginx reach the app's ports and read the flag. $1 a service's directory.
# Prints a line for what it changed.
set -eu
command -v getenforce >/dev/null || exit 0
[ "$(getenforce)" = Enforcing ] || exit 0
if [ "$(getsebool httpd_can_network_connect 2>/dev/null)" != "httpd_can_network_connect --> on" ]; then
    setsebool -P httpd_can_network_connect on
    echo "let nginx connect to the app (httpd_can_network_connect)"
fi
# Readable by nginx and by nothing less trusted; secrets lie below releases/, which keeps what it has.
type=httpd_sys_content_t
for path in "$1" "$1/slots" "$1/live"; do
    case $(stat -c %C "$path") in *:$type:*) continue ;; esac
    if command -v semanage >/dev/null && ! semanage fcontext -l -C | grep -qF "$1(/(slots|live).*)?"; then
        semanage fcontext -a -t "$type" "$1(/(slots|live).*)?"
    fi
    # New entries of a directory take its type.
    chcon -h -t "$type" "$path"
    [ -L "$path" ] || [ "$path" = "$1" ] || chcon -R -h -t "$type" "$path"
    echo "labelled $path for nginx"
done
