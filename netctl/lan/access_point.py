"""What hostapd, dnsmasq and dhcpcd are told, as text. The gate renders it, root installs it (apply.py)."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path

from netctl.lan import garden
from sync.config import Config

DNSMASQ, HOSTAPD, PREFIX = "dnsmasq.conf", "hostapd.conf", "prefix.conf"
_MOST_LEASES = 20_000
_FIRST_HOST = 10
_ADVERTISE_SECONDS = 60
_ROUTER_LIFETIME_SECONDS = 1800
# A tunnel starves on the packet filter's budget for each station; this is what only the resolver can do.
_DNS_HYGIENE = (
    # Never longer than what a budget in bytes is made for, and never in fragments (DNS flag day 2020).
    "edns-packet-max=1232",
    # Kinds of records that nothing but tunnels uses (iodine asks for them first): NULL and PRIVATE.
    "filter-rr=NULL,65399",
    # A store full of phones that join at once; the default of 150 is one phone's page.
    "dns-forward-max=1000",
    # A process each: five times what the packet filter grants one station (ruleset.nft, resolving).
    "max-tcp-connections=60",
    "dns-loop-detect",
    "no-ident",
)
# Names of the internet that stand for somebody's private network (DNS rebinding); but Windows is online only
# if it hears a private address of Microsoft's.
_NO_PRIVATE_ANSWERS = ("stop-dns-rebind", "rebind-domain-ok=/dns.msftncsi.com/")


def render(config: Config, uplink_has_ipv6: bool) -> dict[str, str]:
    """File name -> text, for what this box runs."""
    files = {DNSMASQ: dnsmasq_conf(config, uplink_has_ipv6), PREFIX: prefix_conf(config)}
    if config.wifi.interface:
        files[HOSTAPD] = hostapd_conf(config)
    return files


def write(config: Config, uplink_has_ipv6: bool) -> list[Path]:
    """Puts the files that have changed into `<run_dir>/rendered`, each at once; returns those."""
    directory = config.venue.run_dir / "rendered"
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    changed = []
    for name, text in render(config, uplink_has_ipv6).items():
        file = directory / name
        if file.exists() and file.read_text() == text:
            continue
        fresh = directory / f".{name}.new"
        fresh.write_text(text)
        os.replace(fresh, file)
        changed.append(file)
    return changed


def dnsmasq_conf(config: Config, uplink_has_ipv6: bool) -> str:
    """DHCP, DNS and router advertisements for the guests and the owner.

    The quiet- lines keep MACs and names out of the log, and the unit those that they let through. `no-ping`
    and `dhcp-authoritative` take a lease from 3.3 s to 0.4 s (measured 2026-11-22). Without
    `dhcp-ignore-names` phones' names would become names of our DNS: everybody could ask for Anna's, and
    whoever calls itself wpad would be every laptop's proxy. Without `dhcp-ignore-clid` a lease would be given
    to whoever names its holder's client identifier, no secret.

    IPv6: addresses by SLAAC, the rest by DHCPv6 (RFC 8415 section 6.1); the router's lifetime is 0 while
    there is no IPv6 on the uplink, so that phones do not try (RFC 4861 section 6.2.3).

    The captive portal's API is told in DHCP options 114 and 103, not in the router advertisement's option 37,
    which dnsmasq (2.90, 2.91) does not know. Android reads option 114 alone (NetworkStack, 2025-03).
    """
    network = config.network
    lines = [
        "# Made by yingke-net from yingke.toml; changes here are lost.",
        f"interface={network.bridge}",
        *([f"interface={network.owner_bridge}"] if network.owner_interfaces else []),
        "except-interface=lo",
        "bind-dynamic",
        "no-hosts",
        "domain-needed",
        "bogus-priv",
        *_resolvers(config),
        *_DNS_HYGIENE,
        *(_NO_PRIVATE_ANSWERS if network.guests_reach_private == "off" else ()),
        *garden.dnsmasq_lines(config),
        "cache-size=1000",
        "dhcp-authoritative",
        "no-ping",
        "dhcp-ignore-clid",
        "dhcp-ignore-names",
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
        f"dhcp-leasefile={config.venue.data_dir / 'dnsmasq' / 'dnsmasq.leases'}",
        f"dhcp-lease-max={_MOST_LEASES}",
        _range("guests", network.bridge, IPv4Interface(network.lan_address), network.lease_minutes),
        *_ipv6(network.bridge, IPv6Interface(network.lan_ula), uplink_has_ipv6),
    ]
    if network.owner_interfaces:
        owners = IPv4Interface(network.owner_address)
        lines.append(_range("owner", network.owner_bridge, owners, network.lease_minutes))
    own_addresses = f"{IPv4Interface(network.lan_address).ip},{IPv6Interface(network.lan_ula).ip}"
    lines += [f"host-record={name},{own_addresses}" for name in own_names(config)]
    if config.portal.certificate:
        # RFC 8910 sections 2.1 and 2.2; the bare URI; `-force`: phones that do not ask get it too.
        api = f"https://{config.portal.domain}/capport/api"
        lines += [f"dhcp-option-force=tag:guests,114,{api}", f"dhcp-option=option6:103,{api}"]
    return "\n".join(lines) + "\n"


def own_names(config: Config) -> list[str]:
    """The names under which phones on our WiFi find this box: its certificate's, and that of the links which
    head office sends them, wherever else these lead."""
    names = [config.portal.domain] if config.portal.certificate else []
    return list(dict.fromkeys([*names, *([config.follow.link_host] if config.follow.link_host else [])]))


def _resolvers(config: Config) -> list[str]:
    if config.network.dns_servers:
        return ["no-resolv", *(f"server={address}" for address in config.network.dns_servers)]
    return [f"resolv-file={config.network.uplink_resolv_file}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The addresses that are leased, from the first to the last."""

    first: IPv4Address
    last: IPv4Address

    @classmethod
    def of(cls, own: IPv4Interface) -> "Pool":
        """Of the network in which we have this address."""
        net = own.network
        # A quarter of a tiny network is left for what has an address by hand.
        first = net.network_address + min(_FIRST_HOST, max(1, net.num_addresses // 4))
        if first <= own.ip:
            first = own.ip + 1 if own.ip + 1 < net.broadcast_address else first
        return cls(first=first, last=net.broadcast_address - 1)

    @property
    def capacity(self) -> int:
        """How many there can be at once."""
        return min(int(self.last) - int(self.first) + 1, _MOST_LEASES)

    def __contains__(self, address: IPv4Address) -> bool:
        return self.first <= address <= self.last


def _range(tag: str, bridge: str, own: IPv4Interface, minutes: int) -> str:
    """Only for who asks on that bridge, whose name is a tag of the request: options 82 and 118 let a guest
    ask for a lease of the owner's network (RFC 3011, RFC 3527)."""
    pool = Pool.of(own)
    return f"dhcp-range=tag:{bridge},set:{tag},{pool.first},{pool.last},{own.netmask},{minutes}m"


def _ipv6(bridge: str, own: IPv6Interface, uplink_has_ipv6: bool) -> list[str]:
    lifetime = _ROUTER_LIFETIME_SECONDS if uplink_has_ipv6 else 0
    return [
        "enable-ra",
        # Every prefix on the bridge, as they come and go: our ULA, and the one the uplink delegates.
        f"dhcp-range=::,constructor:{bridge},ra-stateless,{own.network.prefixlen}",
        f"dhcp-option=option6:dns-server,[{own.ip}]",
        f"ra-param={bridge},{_ADVERTISE_SECONDS},{lifetime}",
    ]


def prefix_conf(config: Config) -> str:
    """For dhcpcd, which asks the uplink for a prefix for the guests' LAN (RFC 8415 section 6.3) and does
    nothing else: addresses and routes of the uplink are others' business, and without a prefix there is NAT.
    """
    network = config.network
    lines = [
        "# Made by yingke-net from yingke.toml; changes here are lost.",
        "ipv6only",
        "noipv6rs",
        "nodev",
        "duid",
        f"allowinterfaces {network.uplink}",
        f"interface {network.uplink}",
        # The first /64 of the prefix, whose first address is ours.
        f"ia_pd 1 {network.bridge}/0/64",
    ]
    return "\n".join(lines) + "\n"


def hostapd_conf(config: Config) -> str:
    """An open WiFi on the guests' bridge; its stations do not see each other."""
    wifi = config.wifi
    lines = [
        "# Made by yingke-net from yingke.toml; changes here are lost.",
        f"interface={wifi.interface}",
        f"bridge={config.network.bridge}",
        "driver=nl80211",
        # The name as bytes: any letters of any language, nothing to escape (hostapd.conf, ssid2).
        f"ssid2={wifi.ssid.encode().hex()}",
        "utf8_ssid=1",
        f"country_code={config.venue.country}",
        "ieee80211d=1",
        "hw_mode=g",
        f"channel={wifi.channel}",
        "ieee80211n=1",
        "wmm_enabled=1",
        "auth_algs=1",
        "wpa=0",
        "ap_isolate=1",
        f"ctrl_interface={wifi.control_directory}",
        # The gate alone: it names the hardware address of every station, and throws anybody off.
        "ctrl_interface_group=yingke-gate",
        # At level 2 and below it logs the hardware address of every station that comes or goes.
        "logger_syslog=-1",
        "logger_syslog_level=3",
        "logger_stdout=-1",
        "logger_stdout_level=3",
    ]
    return "\n".join(lines) + "\n"
