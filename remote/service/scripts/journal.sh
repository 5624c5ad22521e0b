# Part of a script, not one of its own: the function `journal`. $1 history file, $2 a line of JSON, appended whole.
journal() {
    # What a full disk cut short must not take this line with it.
    if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then echo >>"$1" || return 1; fi
    (umask 077 && printf '%s\n' "$2" >>"$1") || return 1
    sync -d "$1" 2>/dev/null || sync
}
