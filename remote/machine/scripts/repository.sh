# A package repository: $1 key file, $2 address of the key, $3 the key's fingerprint, $4 repository file; its text on stdin.
# The key is checked before it lies where a package manager could take it: dnf -y would import whatever it is told to.
# Prints a line for each file that it wrote. Exit 30: the key is another one.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 700 "$work"
mkdir -m 700 "$work/gnupg"
fingerprints() { gpg --batch --homedir "$work/gnupg" --show-keys --with-colons "$1" 2>/dev/null | awk -F: '/^pub/ { pub = 1 } /^fpr/ && pub { print $10; pub = 0 }'; }
umask 022
if [ ! -r "$1" ] || [ "$(fingerprints "$1")" != "$3" ]; then
    if ! curl -fsSL --max-time 60 -o "$work/key" "$2"; then
        echo "the repository's key cannot be fetched from $2" >&2
        exit 30
    fi
    found=$(fingerprints "$work/key")
    if [ "$found" != "$3" ]; then
        echo "the key at $2 has the fingerprint ${found:-(none: it is no key)}, expected $3: nothing was installed from there" >&2
        exit 30
    fi
    mkdir -p "$(dirname "$1")"
    cp "$work/key" "$1.new"
    mv "$1.new" "$1"
    echo "wrote $1"
fi
cat >"$work/repository"
if ! cmp -s "$work/repository" "$4"; then
    cp "$work/repository" "$4.new"
    mv "$4.new" "$4"
    echo "wrote $4"
fi
