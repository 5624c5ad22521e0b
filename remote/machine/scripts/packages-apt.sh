# Packages, as arguments: installs those that are missing; "program:package" only where the program is missing, and
# "package=version" the newest version that begins so. Prints a line for each that it installed.
set -eu
export DEBIAN_FRONTEND=noninteractive
missing=
for word in "$@"; do
    case $word in
    *:*)
        if command -v "${word%%:*}" >/dev/null; then continue; fi
        word=${word#*:}
        ;;
    esac
    status=$(dpkg-query -W -f '${db:Status-Status}' "${word%%=*}" 2>/dev/null || :)
    [ "$status" = installed ] || missing="$missing $word"
done
[ -n "$missing" ] || exit 0
# Cloud images run their own apt at first boot: wait for its lock rather than fail.
lock='-o DPkg::Lock::Timeout=120'
echo "apt-get update" >&2
# shellcheck disable=SC2086  # words on purpose
apt-get $lock -qq --error-on=any update >&2
wanted=
for word in $missing; do
    case $word in
    *=*)
        package=${word%%=*}
        full=$(apt-cache madison "$package" | awk -v want="${word#*=}" '{ v = $3; sub(/^[0-9]+:/, "", v) } index(v, want) == 1 || index($3, want) == 1 { print $3; exit }')
        if [ -z "$full" ]; then
            echo "no version of $package begins with ${word#*=}; there are: $(apt-cache madison "$package" | awk '{ printf "%s ", $3 }')" >&2
            exit 100
        fi
        word=$package=$full
        ;;
    esac
    wanted="$wanted $word"
done
echo "apt-get install$wanted" >&2
# shellcheck disable=SC2086
apt-get $lock -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $wanted >&2
for package in $missing; do echo "installed ${package%%=*}"; done
