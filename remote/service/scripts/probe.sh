# Part of a script, not one of its own: a request as a visitor's, for whether the app serves.
# host_name: the Host that it is for. It asks for one path: braces and brackets mean nothing in it.

: "${host_name:?}"

# probe SECONDS URL HEADERS OPTION... $3 has a header a line. The options are curl's.
probe() {
    edgepaas_seconds=$1 edgepaas_url=$2 edgepaas_headers=$3
    shift 3
    edgepaas_fields=$IFS
    IFS='
'
    set -f
    for edgepaas_header in $edgepaas_headers; do set -- "$@" -H "$edgepaas_header"; done
    set +f
    IFS=$edgepaas_fields
    curl -g -s --max-time "$edgepaas_seconds" -H "Host: $host_name" "$@" "$edgepaas_url"
}
