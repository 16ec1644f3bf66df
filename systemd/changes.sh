# shellcheck shell=bash
# What install.sh changes on the machine, written down so that uninstall.sh can put it back.

changes=/var/lib/yingke-install/changes

say() { echo "yingke: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

# $1 kind of change, $2 what it was done to, or KEY=VALUE as it was before. Installing again adds nothing:
# a value found then is our own already.
remember() {
    mkdir -p "${changes%/*}"
    touch "$changes"
    case $1 in
        sysctl) grep -qF -- "$1"$'\t'"${2%%=*}=" "$changes" && return 0 ;;
        country) grep -qF -- "$1"$'\t' "$changes" && return 0 ;;
        *) remembered "$1" "$2" && return 0 ;;
    esac
    printf '%s\t%s\n' "$1" "$2" >>"$changes"
}

remembered() { grep -qxFs -- "$1"$'\t'"$2" "$changes"; }

# Installs one of our files. $1 from, $2 to
put() {
    install -D -m 0644 "$1" "$2"
    remember file "$2"
}

# Writes a file of ours, a line an argument. $1 path
write() {
    mkdir -p "${1%/*}"
    printf '%s\n' "${@:2}" >"$1"
    remember file "$1"
}
