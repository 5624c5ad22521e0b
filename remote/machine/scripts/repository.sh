# A package repository: key_file, key_url, fingerprint, repository_file; its text is on stdin.
# The key is checked before it lies where a package manager could take it: dnf -y would import whatever it is told to.
# Prints a line for each file that it wrote. Exit 30: the key is another one.
set -eu
: "${key_file:?}" "${key_url:?}" "${fingerprint:?}" "${repository_file:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 700 "$work"
mkdir -m 700 "$work/gnupg"
fingerprints() { gpg --batch --homedir "$work/gnupg" --show-keys --with-colons "$1" 2>/dev/null | awk -F: '/^pub/ { pub = 1 } /^fpr/ && pub { print $10; pub = 0 }'; }
umask 022
if [ ! -r "$key_file" ] || [ "$(fingerprints "$key_file")" != "$fingerprint" ]; then
    if ! curl -fsSL --max-time 60 -o "$work/key" "$key_url"; then
        echo "the repository's key cannot be fetched from $key_url" >&2
        exit 30
    fi
    found=$(fingerprints "$work/key")
    if [ "$found" != "$fingerprint" ]; then
        echo "the key at $key_url has the fingerprint ${found:-(none: it is no key)}, expected $fingerprint: nothing was installed from there" >&2
        exit 30
    fi
    mkdir -p "$(dirname "$key_file")"
    cp "$work/key" "$key_file.new"
    mv "$key_file.new" "$key_file"
    echo "wrote $key_file"
fi
cat >"$work/repository"
if ! cmp -s "$work/repository" "$repository_file"; then
    cp "$work/repository" "$repository_file.new"
    mv "$repository_file.new" "$repository_file"
    echo "wrote $repository_file"
fi
