# $1 history file; one line of JSON on stdin.
set -eu
journal "$1" "$(cat)"
