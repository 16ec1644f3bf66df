#!/usr/bin/env bash
# Puts the machine back as install.sh found it, by what it wrote down.
#
#   sudo make uninstall [PURGE=1]      PURGE=1 also removes the records, the settings and the users
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=systemd/changes.sh
source "$here/changes.sh"
for option in "$@"; do
    [[ $option =~ ^PURGE=.* ]] || fail "$option is not an option; there is one: PURGE=1"
    declare "$option"
done

[[ $EUID -eq 0 ]] || fail "uninstalling changes the whole machine: sudo make uninstall"
[[ -f $changes ]] || fail "nothing was installed here: $changes is missing"

running() { [[ -d /run/systemd/system ]]; }

# What was done to the machine of one kind, the last first. $1 kind
done_of() { sed -n "s/^$1\t//p" "$changes" | tac; }

stop_units() {
    local units
    # Somebody may have started a head office here too.
    mapfile -t units < <(done_of unit && echo yingke-headoffice.service)
    systemctl disable --quiet "${units[@]}" 2>/dev/null || true
    if running; then systemctl stop "${units[@]}"; fi
}

# Access ends with the gate's own tables; stopping the gate alone leaves them, on purpose.
clear_kernel() {
    running || return 0
    nft delete table inet yingke 2>/dev/null || true
    nft delete table netdev yingke 2>/dev/null || true
    nft delete table bridge yingke 2>/dev/null || true
    nft delete table netdev yingke_shaper 2>/dev/null || true
    ip link delete ifb-yingke 2>/dev/null || true
    local bridge
    for bridge in br-lan br-owner; do
        if [[ -d /sys/class/net/$bridge/bridge ]]; then ip link delete "$bridge"; fi
    done
}

remove_files() {
    local path
    done_of file | while read -r path; do rm -f "$path"; done
    done_of folder | while read -r path; do rm -rf "${path:?}"; done
    rmdir --ignore-fail-on-non-empty /etc/systemd/system/hostapd@.service.d 2>/dev/null || true
    # What yingke-apply put there for the radio is ours by its first line.
    for path in /etc/hostapd/*.conf; do
        if [[ -f $path ]] && head -n 1 "$path" | grep -qi yingke; then rm -f "$path"; fi
    done
    rm -f /etc/yingke/dnsmasq.conf /etc/yingke/prefix.conf
}

put_back() {
    local what
    if running; then
        systemctl daemon-reload
        done_of sysctl | while read -r what; do sysctl -q -w "$what" || true; done
        for what in $(done_of rfkill); do rfkill block "$what"; done
        for what in $(done_of country); do iw reg set "$what" || true; done
        if systemctl is-active --quiet NetworkManager; then systemctl reload NetworkManager; fi
        if systemctl is-active --quiet systemd-networkd; then networkctl reload; fi
    fi
    done_of enable | while read -r what; do
        if running; then systemctl enable --now "$what"; else systemctl enable "$what"; fi
    done
}

purge() {
    local user
    rm -rf /var/lib/yingke /var/lib/yingke-headoffice /var/lib/yingke-prefix /etc/yingke /run/yingke
    for user in gate sensor portal sync legal dnsmasq prefix headoffice; do
        if getent passwd "yingke-$user" >/dev/null; then userdel "yingke-$user" 2>/dev/null; fi
        if getent group "yingke-$user" >/dev/null; then groupdel "yingke-$user"; fi
    done
    if getent group yingke >/dev/null; then groupdel yingke; fi
}

remove_packages() {
    local packages
    mapfile -t packages < <(done_of package)
    ((${#packages[@]})) || return 0
    DEBIAN_FRONTEND=noninteractive apt-get purge -qy "${packages[@]}"
}

stop_units
clear_kernel
remove_files
put_back
remove_packages
if [[ ${PURGE:-} == 1 ]]; then
    purge
    rm -rf "${changes%/*}"
    say "the machine is as it was before"
else
    # The password and the users stay with the records they belong to.
    sed -n '/^password\t/p' "$changes" >"$changes.left"
    mv "$changes.left" "$changes"
    say "the machine is as it was before; records in /var/lib/yingke and settings in /etc/yingke are kept (PURGE=1 removes them)"
fi
