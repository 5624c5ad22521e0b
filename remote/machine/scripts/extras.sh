# Topics of Amazon Linux 2's extras, as arguments: switches on those that are off. Prints a line for each.
set -eu
command -v amazon-linux-extras >/dev/null || exit 0
for topic in "$@"; do
    if amazon-linux-extras list 2>/dev/null | grep -Eq " $topic(=[^ ]*)? +enabled"; then continue; fi
    amazon-linux-extras enable "$topic" >&2
    echo "enabled $topic of Amazon's extras"
done
