# Packages, as arguments: installs those that are missing. Prints a line for each that it installed.
set -eu
export DEBIAN_FRONTEND=noninteractive
missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
# Cloud images run their own apt at first boot: wait for its lock rather than fail.
lock='-o DPkg::Lock::Timeout=120'
echo "apt-get update" >&2
# shellcheck disable=SC2086  # words on purpose
apt-get $lock -qq --error-on=any update >&2
echo "apt-get install$missing" >&2
# shellcheck disable=SC2086
apt-get $lock -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing >&2
for package in $missing; do echo "installed $package"; done
