#!/bin/sh
# What udhcpc calls with a lease: sets the address and the way out, writes down the rest.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace "$ip/${mask:-24}" dev "$interface"
ip route replace default via "${router%% *}" dev "$interface"
mkdir -p /run/leases
env | grep -E '^(ip|router|dns|lease|opt[0-9]+)=' >"/run/leases/$interface"
