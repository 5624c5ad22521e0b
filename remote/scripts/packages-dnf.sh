# Packages, as arguments: installs those that are missing, with dnf or yum; "program:package" only where the program is
# missing, and "package=version" that version. Prints a line for each that it installed.
set -eu
missing=
for word in "$@"; do
    case $word in
    *:*)
        if command -v "${word%%:*}" >/dev/null; then continue; fi
        word=${word#*:}
        ;;
    esac
    if ! rpm -q "${word%%=*}" >/dev/null 2>&1; then missing="$missing $(echo "$word" | tr "=" -)"; fi
done
[ -n "$missing" ] || exit 0
manager=dnf
if ! command -v dnf >/dev/null; then manager=yum; fi
echo "$manager install$missing" >&2
# shellcheck disable=SC2086  # words on purpose
$manager -q -y --setopt=install_weak_deps=False install $missing >&2
for package in $missing; do echo "installed $package"; done
