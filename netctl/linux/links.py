"""The box's own side of the network: bridges, addresses, and the kernel's switches for a router.

Everything here may be done twice; what is as it should be is left alone.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface, IPv6Network, ip_interface
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from sync.config import Config
from sync.process import ProcessFailed

log = logging.getLogger(__name__)

_PROC_SYS = Path("/proc/sys")
_GONE = 0x01 | 0x10  # RTNH_F_DEAD, RTNH_F_LINKDOWN (linux/rtnetlink.h)
_RT_SCOPE_UNIVERSE = 0
_IFA_F_NODAD = 0x02  # linux/if_addr.h: our own network, the address must work at once

ROUTER: Mapping[str, str] = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
}
# Rejects are ICMP errors; under the kernel's limits most refused QUIC packets would hang instead (icmp(7)).
AUDIBLE: Mapping[str, str] = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "20000",
    "net/ipv4/icmp_msgs_burst": "2000",
    "net/ipv6/icmp/ratelimit": "0",
}
# With br_netfilter the bridge would ask our rules for each frame a second time, on its own level.
_BRIDGED: Mapping[str, str] = {
    f"net/bridge/bridge-nf-call-{tables}": "0" for tables in ("iptables", "ip6tables", "arptables")
}


def ensure(config: Config) -> None:
    """Makes bridges, ports, addresses and switches as the settings say. Blocks; not for a thread with an
    event loop. Raises ProcessFailed with one sentence: a name that is no interface, no permission.
    """
    network = config.network
    with IPRoute() as route:
        _up(route, "lo")
        # hostapd puts its interface on the bridge itself, once it is an access point.
        ports = [name for name in network.lan_interfaces if name != config.wifi.interface]
        _bridge(route, network.bridge, ports, "network.lan_interfaces")
        _address(route, network.bridge, ip_interface(network.lan_address))
        _address(route, network.bridge, ip_interface(network.lan_ula))
        if network.owner_interfaces:
            _bridge(route, network.owner_bridge, network.owner_interfaces, "network.owner_interfaces")
            _address(route, network.owner_bridge, ip_interface(network.owner_address))
        if not route.link_lookup(ifname=network.uplink):
            log.warning("network.uplink: there is no interface %s yet, so no internet", network.uplink)
    switch(ROUTER, needed=True)
    switch({key: value for key, value in _BRIDGED.items() if (_PROC_SYS / key).exists()}, needed=False)
    # A router still listens to its own uplink's routers (accept_ra=2, kernel ip-sysctl.rst).
    switch({**AUDIBLE, f"net/ipv6/conf/{network.uplink}/accept_ra": "2"}, needed=False)


def uplink_has_route(config: Config) -> bool:
    """Whether a default route of either family leads over the uplink and its cable is plugged in. Blocks; not
    for a thread with an event loop."""
    with IPRoute() as route:
        found = route.link_lookup(ifname=config.network.uplink)
        if not found:
            return False
        routes = [
            each
            for family in (socket.AF_INET, socket.AF_INET6)
            for each in route.get_default_routes(family=family)
        ]
        return any(each.get("RTA_OIF") == found[0] and not each["flags"] & _GONE for each in routes)


def lan_prefixes6(config: Config) -> list[IPv6Network]:
    """The prefixes of the LAN bridge that are not its ULA: what the uplink delegated. Blocks; not for a
    thread with an event loop."""
    own = IPv6Interface(config.network.lan_ula).network
    with IPRoute() as route:
        found = route.link_lookup(ifname=config.network.bridge)
        there = route.get_addr(index=found[0], family=socket.AF_INET6) if found else []
        networks = {
            IPv6Interface(f"{each.get('IFA_ADDRESS')}/{each['prefixlen']}").network
            for each in there
            if each["scope"] == _RT_SCOPE_UNIVERSE
        }
    return sorted(networks - {own})


def uplink_has_ipv6(config: Config) -> bool:
    """Whether there is an IPv6 default route over the uplink. Blocks; not for a thread with an event loop."""
    with IPRoute() as route:
        found = route.link_lookup(ifname=config.network.uplink)
        routes = route.get_default_routes(family=socket.AF_INET6) if found else []
        return any(each.get("RTA_OIF") == found[0] for each in routes)


def _bridge(route: Any, name: str, ports: Sequence[str], setting: str) -> None:
    found = route.link_lookup(ifname=name)
    if not found:
        _permitted(lambda: route.link("add", ifname=name, kind="bridge"), f"the bridge {name}")
        found = route.link_lookup(ifname=name)
    for port in ports:
        index = route.link_lookup(ifname=port)
        if not index:
            there = ", ".join(sorted(link.get("IFLA_IFNAME") for link in route.get_links()))
            raise ProcessFailed(f"{setting}: there is no interface {port}; there are {there}")
        link = next(iter(route.get_links(index[0])))
        if link.get("IFLA_MASTER") != found[0]:
            _permitted(lambda index=index: route.link("set", index=index[0], master=found[0]), f"{port}")
        _up(route, port)
    _up(route, name)


def _up(route: Any, name: str) -> None:
    index = route.link_lookup(ifname=name)[0]
    if not next(iter(route.get_links(index)))["flags"] & 1:  # IFF_UP
        _permitted(lambda: route.link("set", index=index, state="up"), name)


def _address(route: Any, name: str, wanted: IPv4Interface | IPv6Interface) -> None:
    index = route.link_lookup(ifname=name)[0]
    family = socket.AF_INET if wanted.version == 4 else socket.AF_INET6
    there = {
        (each.get("IFA_ADDRESS"), each["prefixlen"]) for each in route.get_addr(index=index, family=family)
    }
    if (str(wanted.ip), wanted.network.prefixlen) in there:
        return
    extra = {"flags": _IFA_F_NODAD} if wanted.version == 6 else {"broadcast": str(wanted.network[-1])}
    _permitted(
        lambda: route.addr(
            "add", index=index, address=str(wanted.ip), prefixlen=wanted.network.prefixlen, **extra
        ),
        f"the address {wanted} of {name}",
    )


def _permitted(act: Any, what: str) -> None:
    try:
        act()
    except NetlinkError as error:
        raise ProcessFailed(f"{what} cannot be set up: {error}; the gate needs CAP_NET_ADMIN") from error


def switch(wanted: Mapping[str, str], *, needed: bool) -> None:
    """Kernel switches under /proc/sys, written only where they differ: under systemd the daemons see them
    read-only, and sysctl.d has set them. Raises ProcessFailed if one is `needed` and cannot be set.
    """
    for key, value in wanted.items():
        file = _PROC_SYS / key
        try:
            if file.read_text().strip() != value:
                file.write_text(value)
        except OSError as error:
            sentence = f"sysctl {key.replace('/', '.')}={value} is not set and cannot be: {error.strerror}"
            if needed:
                raise ProcessFailed(f"{sentence}; set it in /etc/sysctl.d") from error
            log.warning("%s", sentence)
