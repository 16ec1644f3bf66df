#!/usr/bin/env bash
# Turns this machine into the store's router: Debian 12 or 13, or Raspberry Pi OS on them.
#
#   sudo make install [LAN=wlan0] [UPLINK=eth0] [SSID="Free WiFi"] [COUNTRY=TW] [OWNER=eth1] [SENSOR=wlan1]
#                     [VENUE=my-shop] [TITLE="My shop"]
#
# It asks nothing, may be run again, and writes down what it changed, for `sudo make uninstall`.
#   TAKE_OVER=1       services that hold what the box needs are stopped and disabled, not just named
#   WHEELHOUSE=DIR    Python packages come from this folder, not from the network
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(dirname "$here")
# shellcheck source=systemd/changes.sh
source "$here/changes.sh"

for option in "$@"; do
    [[ $option =~ ^[A-Z_]+=.* ]] || fail "$option is not an option: options are written LAN=wlan0"
    declare "$option"
done

settings=/etc/yingke/yingke.toml
units=(yingke-portal.socket yingke-apply.path yingke-migrate.service yingke-gate.service yingke-dnsmasq.service
    yingke-prefix.service yingke-sensor.service yingke-portal.service yingke-sync.service yingke-legal-log.service)

# --- what kind of machine this is -------------------------------------------------------------------

check_machine() {
    local release version
    [[ $EUID -eq 0 ]] || fail "installing changes the whole machine: sudo make install"
    release=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    case $release:$version in
        debian:12 | debian:13 | raspbian:12 | raspbian:13) ;;
        *) fail "this is $release $version; the box runs on Debian 12 or 13, or Raspberry Pi OS on them" ;;
    esac
}

# A chroot or an image being built has no service manager: everything is installed, nothing started.
running() { [[ -d /run/systemd/system ]]; }

is_radio() { [[ -e /sys/class/net/$1/phy80211 ]] || { ! running && [[ $1 == wl* ]]; }; }

is_wired() { [[ -e /sys/class/net/$1/device && ! -e /sys/class/net/$1/phy80211 ]]; }

interfaces() { find /sys/class/net -mindepth 1 -printf '%f\n' | sort; }

# $1 an interface, $2 a test that the others are put to
first_other_than() {
    local candidate
    while read -r candidate; do
        if [[ $candidate != "$1" ]] && "$2" "$candidate"; then
            echo "$candidate"
            return
        fi
    done < <(interfaces)
}

choose_interfaces() {
    local candidate
    UPLINK=${UPLINK:-$(installed_setting uplink)}
    LAN=${LAN:-$(installed_setting lan_interfaces)}
    OWNER=${OWNER:-$(installed_setting owner_interfaces)}
    SENSOR=${SENSOR:-$(installed_setting interfaces)}
    UPLINK=${UPLINK:-$(ip -o -4 route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)}
    [[ -n $UPLINK ]] || fail "no way to the internet was found: connect it, or name it with UPLINK=eth0"
    LAN=${LAN:-$(first_other_than "$UPLINK" is_radio)}
    LAN=${LAN:-$(first_other_than "$UPLINK" is_wired)}
    [[ -n $LAN ]] || fail "no interface for the guests was found beside the uplink $UPLINK: name it with LAN=wlan0"
    [[ $LAN != "$UPLINK" ]] || fail "$LAN cannot be the guests' LAN and the uplink at once: name both, LAN= and UPLINK="
    for candidate in "$LAN" "$UPLINK" ${OWNER:+"$OWNER"} ${SENSOR:+"$SENSOR"}; do
        if running && [[ ! -e /sys/class/net/$candidate ]]; then
            fail "there is no interface $candidate here; those there are: $(interfaces | xargs)"
        fi
    done
}

choose_place() {
    TIMEZONE=${TIMEZONE:-$(readlink -f /etc/localtime | sed -n 's#^/usr/share/zoneinfo/##p')}
    [[ $TIMEZONE == */* ]] || TIMEZONE=Asia/Shanghai
    COUNTRY=${COUNTRY:-$(awk -v zone="$TIMEZONE" '$3 == zone { print $1; exit }' /usr/share/zoneinfo/zone.tab 2>/dev/null || true)}
    COUNTRY=${COUNTRY:-CN}
    [[ $COUNTRY =~ ^[A-Z]{2}$ ]] || fail "COUNTRY=$COUNTRY is not a country: two capital letters, such as COUNTRY=TW"
}

# --- what is in the way -----------------------------------------------------------------------------

# Prints "pid name" of each program that listens there and is not ours. $1 tcp or udp, $2 port, $3 pattern of addresses.
listeners() {
    ss -Hlnp"${1:0:1}" "sport = :$2" | awk -v wanted="$3" '$4 ~ wanted' |
        grep -oE '"[^"]+",pid=[0-9]+' | sed -E 's/"([^"]+)",pid=([0-9]+)/\2 \1/' | sort -u |
        while read -r pid name; do
            [[ $(ps -o unit= -p "$pid") == yingke-* || $pid == 1 ]] || echo "$pid $name"
        done
}

in_the_way() {
    local pid name unit what
    for what in "tcp 80 port 80, where the pages answer" "tcp 443 port 443, where they answer with a certificate" \
        "tcp 2080 port 2080, where redirected phones are answered" "udp 67 the DHCP port on every interface" \
        "udp 53 the DNS port on every interface"; do
        read -r protocol port meaning <<<"$what"
        # Resolvers that listen on their own loopback address only, as systemd-resolved's stub does, disturb nobody.
        listeners "$protocol" "$port" '^(0\.0\.0\.0|\*|\[::\])(%[^:]*)?:' | while read -r pid name; do
            unit=$(ps -o unit= -p "$pid")
            echo "${unit:--}	$name (pid $pid) holds $meaning"
        done
    done
    for unit in hostapd.service "wpa_supplicant@$LAN.service" "dhcpcd@$LAN.service"; do
        if systemctl is-active --quiet "$unit"; then echo "$unit	$unit uses the radio or interface the guests get"; fi
    done
    if grep -qsE "^[[:space:]]*iface[[:space:]]+${LAN}[[:space:]]" /etc/network/interfaces /etc/network/interfaces.d/*; then
        echo "-	/etc/network/interfaces configures $LAN, which the guests get: take it out there"
    fi
    if [[ -n ${SSH_CONNECTION:-} ]] && ip -o addr show dev "$LAN" | grep -qF " $(cut -d' ' -f3 <<<"$SSH_CONNECTION")/"; then
        echo "-	you are logged in over $LAN, which the guests get: log in over another interface"
    fi
}

clear_the_way() {
    local unit sentence left=0
    while IFS=$'\t' read -r unit sentence; do
        if [[ ${TAKE_OVER:-} == 1 && $unit != - ]]; then
            remember enable "$unit"
            systemctl disable --now "$unit"
        elif [[ $unit != - ]]; then
            say "$sentence: sudo systemctl disable --now $unit, or TAKE_OVER=1"
            left=1
        else
            say "$sentence"
            left=1
        fi
    done < <(in_the_way)
    ((left == 0)) || fail "nothing was changed; clear the above out of the way and run this again"
}

# --- what is put on it ------------------------------------------------------------------------------

install_packages() {
    local package missing=()
    while read -r package; do
        [[ $(dpkg-query -Wf '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || missing+=("$package")
    done < <(grep -v '^#' "$here/packages.txt")
    # Any time daemon will do, and Debian lets only one be installed.
    dpkg-query -Wf '${Provides}\n' 2>/dev/null | grep -q time-daemon || missing+=(systemd-timesyncd)
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends "${missing[@]}"
    for package in "${missing[@]}"; do remember package "$package"; done
}

install_python() {
    local product=${WHEELHOUSE:+yingke} options=(--quiet --disable-pip-version-check --no-cache-dir)
    product=${product:-$checkout}
    [[ ! -f $checkout/constraints.txt ]] || options+=(--constraint "$checkout/constraints.txt")
    [[ -z ${WHEELHOUSE:-} ]] || options+=(--no-index --find-links "$WHEELHOUSE")
    # After an upgrade of Debian the old environment points to a Python that is gone.
    /opt/yingke/bin/python -c '' 2>/dev/null || python3 -m venv --clear /opt/yingke
    remember folder /opt/yingke
    say "installing the Python packages into /opt/yingke"
    /opt/yingke/bin/pip install "${options[@]}" "$product"
    # The version may be the same and the code another.
    /opt/yingke/bin/pip install "${options[@]}" --no-deps --force-reinstall "$product"
    for command in /opt/yingke/bin/yingke-*; do
        ln -sfn "$command" "/usr/local/bin/${command##*/}"
        remember file "/usr/local/bin/${command##*/}"
    done
}

install_units() {
    local file key value
    for file in "$here"/*.service "$here"/*.socket "$here"/*.path; do put "$file" "/etc/systemd/system/${file##*/}"; done
    put "$here/hostapd@.service.d/yingke.conf" /etc/systemd/system/hostapd@.service.d/yingke.conf
    put "$here/sysusers.d/yingke.conf" /etc/sysusers.d/yingke.conf
    put "$here/tmpfiles.d/yingke.conf" /etc/tmpfiles.d/yingke.conf
    put "$here/modules-load.d/yingke.conf" /etc/modules-load.d/yingke.conf
    while IFS='= ' read -r key value; do
        if running && value=$(sysctl -n "$key" 2>/dev/null); then remember sysctl "$key=$value"; fi
    done < <(grep -E '^[a-z]' "$here/sysctl.d/60-yingke.conf")
    put "$here/sysctl.d/60-yingke.conf" /etc/sysctl.d/60-yingke.conf
    # A router ignores router advertisements unless told otherwise; the uplink's are wanted, the guests' never.
    write /etc/sysctl.d/61-yingke-uplink.conf "-net.ipv6.conf.${UPLINK//./\/}.accept_ra = 2" \
        "-net.ipv4.conf.${UPLINK//./\/}.promote_secondaries = 1"
    systemd-sysusers /etc/sysusers.d/yingke.conf
    systemd-tmpfiles --create /etc/tmpfiles.d/yingke.conf
}

# The value of a key in the settings file, if somebody set it there. $1 key
installed_setting() {
    [[ -f $settings ]] || return 0
    sed -nE "s/^$1 = \[?\"([^\"]*)\".*/\1/p" "$settings" | head -n 1
}

# Sets one key of the fresh settings file. $1 section, $2 key, $3 TOML value
setting() {
    awk -v section="[$1]" -v key="$2" -v value="${3//\\/\\\\}" '
        /^\[/ { inside = ($0 == section) }
        inside && index($0, "#" key " = ") == 1 { print key " = " value; next }
        { print }' "$settings.new" >"$settings.next"
    mv "$settings.next" "$settings.new"
}

quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

write_settings() {
    [[ ! -f $settings ]] || { say "keeping $settings"; return 0; }
    mkdir -p /etc/yingke
    /opt/yingke/bin/yingke-sync config >"$settings.new"
    setting network uplink "$(quoted "$UPLINK")"
    setting network lan_interfaces "[$(quoted "$LAN")]"
    [[ -z ${OWNER:-} ]] || setting network owner_interfaces "[$(quoted "$OWNER")]"
    [[ -z ${SENSOR:-} ]] || setting sensor interfaces "[$(quoted "$SENSOR")]"
    if is_radio "$LAN"; then setting wifi interface "$(quoted "$LAN")"; fi
    [[ -z ${SSID:-} ]] || setting wifi ssid "$(quoted "$SSID")"
    [[ -z ${CHANNEL:-} ]] || setting wifi channel "$CHANNEL"
    [[ -z ${VENUE:-} ]] || setting venue id "$(quoted "$VENUE")"
    [[ -z ${TITLE:-} ]] || setting venue name "$(quoted "$TITLE")"
    setting venue country "$(quoted "$COUNTRY")"
    setting venue timezone "$(quoted "$TIMEZONE")"
    # The stub knows the uplink's resolvers but answers on its own loopback address only.
    if [[ $(readlink -f /etc/resolv.conf) == /run/systemd/resolve/stub-resolv.conf ]]; then
        setting network uplink_resolv_file '"/run/systemd/resolve/resolv.conf"'
    fi
    chmod 0644 "$settings.new"
    mv "$settings.new" "$settings"
}

# --- what the machine is told -----------------------------------------------------------------------

free_interfaces() {
    local ours=(br-lan br-owner "$LAN" ${OWNER:+"$OWNER"} ${SENSOR:+"$SENSOR"})
    if [[ -d /etc/NetworkManager ]]; then
        # NetworkManager reads these by name, and a later file may set the list anew.
        write /etc/NetworkManager/conf.d/zz-yingke.conf "[keyfile]" \
            "unmanaged-devices+=$(printf 'interface-name:%s;' "${ours[@]}")"
        if running && systemctl is-active --quiet NetworkManager; then systemctl reload NetworkManager; fi
    fi
    if [[ -d /etc/systemd/network ]]; then
        write /etc/systemd/network/10-yingke.network "[Match]" "Name=${ours[*]}" "[Link]" "Unmanaged=yes"
        if running && systemctl is-active --quiet systemd-networkd; then networkctl reload; fi
    fi
}

ready_radio() {
    is_radio "$LAN" || return 0
    write /etc/modprobe.d/yingke-country.conf "options cfg80211 ieee80211_regdom=$COUNTRY"
    running || return 0
    remember country "$(iw reg get | sed -nE 's/^country ([A-Z0-9]{2}):.*/\1/p' | head -n 1)"
    iw reg set "$COUNTRY"
    if rfkill -no TYPE,SOFT | grep -q '^wlan *blocked'; then
        remember rfkill wlan
        rfkill unblock wlan
    fi
}

start() {
    local unit
    if is_radio "$LAN"; then units+=("hostapd@$LAN.service"); fi
    if [[ -n $SENSOR ]]; then units+=("yingke-monitor@$SENSOR.service"); fi
    for unit in "${units[@]}"; do remember unit "$unit"; done
    systemctl enable --quiet "${units[@]}"
    running || return 0
    systemctl daemon-reload
    systemctl restart systemd-modules-load systemd-sysctl
    systemctl restart "${units[@]}" || fail "not all parts of the box started: systemctl status 'yingke-*'"
}

first_password() {
    local password
    ! remembered password set || return 0
    password=$(tr -dc 'a-hjkmnp-z2-9' </dev/urandom | head -c 12 || true)
    in_group yingke-sync yingke-sync migrate
    in_group yingke-portal yingke-portal password <<<"$password"
    remember password set
    say "the owner's password, shown this once: $password"
}

# $1 user, then one of our commands, as its unit would run it.
in_group() {
    local user=$1
    shift
    (umask 0007 && cd / && runuser -u "$user" -g yingke -- "/opt/yingke/bin/$1" "${@:2}")
}

check_machine
choose_interfaces
choose_place
if running; then clear_the_way; fi
install_packages
install_python
install_units
write_settings
free_interfaces
ready_radio
first_password
start
say "the guests' LAN is $LAN, the uplink $UPLINK; settings: $settings"
say "shoppers see the splash page with the first page they open on that WiFi"
if [[ -n $OWNER ]]; then
    say "the owner's page: http://$(/opt/yingke/bin/python -c '
from sync.config import load
print(load().network.owner_address.split("/")[0])')/owner, for whoever is connected to $OWNER"
else
    say "the owner's page needs a network of its own, such as OWNER=eth1, or a certificate: a password never crosses open WiFi"
fi
