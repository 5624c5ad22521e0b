# $1 a service's directory. Makes what is missing: nginx's user must be able to walk to `live`, secrets stay below releases/.
# Prints a line for everything that it made.
set -eu
make() {
    [ -d "$1" ] || { mkdir -p "$1"; echo "made $1"; }
    [ "$(stat -c %a "$1")" = "$2" ] || { chmod "$2" "$1"; echo "set mode $2 on $1"; }
}
make "$(dirname "$1")" 755
make "$1" 755
make "$1/releases" 700
make "$1/slots" 755
make "$1/runtime" 755
make "$1/slots/none" 755
make "$1/slots/none/0" 755
[ -d "$1/data" ] || make "$1/data" 750
if [ ! -L "$1/live" ]; then
    ln -s slots/none/0 "$1/live"
    echo "made $1/live"
fi
