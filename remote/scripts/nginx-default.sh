# Takes Debian's default site out of the way: a link, its file in sites-available stays. Prints a line when it did.
set -eu
link=/etc/nginx/sites-enabled/default
if [ -L "$link" ] && [ "$(readlink -f "$link")" = /etc/nginx/sites-available/default ]; then
    rm "$link"
    echo "disabled nginx's default site (to restore: ln -s ../sites-available/default $link)"
fi
