# Part of a script, not one of its own: the function `named`. $1 where services are, $2 an image's id or name. Whether a
# release of any service on this host has it.
named() {
    grep -qsF "\"$2\"" "$1"/*/releases/*/release.json
}
