# Packages, as arguments: installs those that are missing, with dnf or yum; "program:package" only where the program is
# missing, and "package=version" the newest version that begins so. Prints a line for each that it installed.
# -f: an asterisk is for dnf, not for this shell.
set -euf
missing=
for word in "$@"; do
    case $word in
    *:*)
        if command -v "${word%%:*}" >/dev/null; then continue; fi
        word=${word#*:}
        ;;
    esac
    if ! rpm -q "${word%%=*}" >/dev/null 2>&1; then missing="$missing $word"; fi
done
[ -n "$missing" ] || exit 0
wanted=
for word in $missing; do
    case $word in *=*) word="${word%%=*}-${word#*=}*" ;; esac
    wanted="$wanted $word"
done
manager=dnf
if ! command -v dnf >/dev/null; then manager=yum; fi
echo "$manager install$wanted" >&2
# shellcheck disable=SC2086  # words on purpose
$manager -q -y --setopt=install_weak_deps=False install $wanted >&2
for package in $missing; do echo "installed ${package%%=*}"; done
