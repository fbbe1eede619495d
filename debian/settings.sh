# Sets dbdir, user and group from /etc/default/postgrey, as the daemon does.
settings() {
    dbdir=/var/lib/postgrey user=postgrey group=postgrey
    [ -r /etc/default/postgrey ] || return 0
    words=$(
        set +e
        POSTGREY_OPTS=
        . /etc/default/postgrey >/dev/null 2>&1
        printf '%s' "$POSTGREY_OPTS"
    ) || return 0
    set -f
    set -- $words
    set +f
    while [ $# -gt 0 ]; do
        case "$1" in
        --dbdir | -dbdir | --user | -user | --group | -group) [ $# -gt 1 ] || return 0 ;;
        esac
        case "$1" in
        --dbdir=* | -dbdir=*) dbdir=${1#*=} ;;
        --user=* | -user=*) user=${1#*=} ;;
        --group=* | -group=*) group=${1#*=} ;;
        --dbdir | -dbdir) shift && dbdir=$1 ;;
        --user | -user) shift && user=$1 ;;
        --group | -group) shift && group=$1 ;;
        esac
        shift
    done
}

# Runs a command as the daemon's user: the files in its directory belong to that
# user, and root must not follow its links.
as_daemon() {
    setpriv --reuid="$user" --regid="${group%%[, ]*}" --clear-groups -- "$@"
}
