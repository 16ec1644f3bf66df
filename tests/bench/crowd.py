"""Very many phones at little cost: one cable, and at its end a packet filter that gives each address a MAC.

The kernel answers ARP for the whole range, and frames to any of the MACs are taken in, so a station costs one
element of a map. Leases are written beforehand.
"""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.lab.box import Box
from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.store import Store
from tests.lab.web import forms

UNHURRIED: dict[str, object] = {"absent_after_seconds": 3600, "ask_presence_seconds": 600}
"""Tests of the lab ask every second who is still there; a bench is not to measure that."""

FIRST, RANGE = IPv4Address("10.77.128.0"), "10.77.128.0/17"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One of the crowd."""

    mac: str
    ip: str


class Crowd:
    """`present` stations that can speak, and `absent` ones that once held a lease. Make it before the store
    opens: dnsmasq reads its leases when it starts. Without `all_here` nobody has a lease or answers yet.
    """

    def __init__(self, store: Store, *, present: int, absent: int = 0, all_here: bool = True) -> None:
        self._box = store.box
        self._portal = store.box.LAN_ADDRESS
        self.present = [station(number) for number in range(present)]
        self.absent = [station(number) for number in range(present, present + absent)]
        self.namespace = Namespace("crowd", store.home)
        store.plug_in(self.namespace, "wire", "ap-crowd")
        self.namespace.sysctl(ipv6__conf__wire__disable_ipv6=1)
        self.namespace.ip(
            f"route add local {RANGE} dev lo",
            f"route add {self._portal}/32 dev wire scope link",
            f"route add default via {self._portal} dev wire onlink",
        )
        self.namespace.run("nft", "-f", "-", stdin=disguise("wire", self.present, all_here=all_here))
        self.lease_file = store.box.data_dir / "dnsmasq" / "dnsmasq.leases"
        if all_here:
            self.lease_file.write_text(leases(self.present))

    def settle(self) -> None:
        """After the store has opened: the crowd knows where the box is, and the box where the crowd is.

        The kernel's limit of 1024 neighbours (gc_thresh3) is one for all namespaces; permanent ones are free.
        """
        self.find_box()
        known = "neigh replace {} lladdr {} dev br-lan nud permanent"
        self._box.namespace.ip(*(known.format(each.ip, each.mac) for each in self.present))

    def find_box(self) -> None:
        """After the store has opened: the crowd knows where the box is, and never has to ask."""
        self.namespace.ip(f"neigh replace {self._portal} lladdr {lan_mac(self._box)} dev wire nud permanent")

    @contextlib.contextmanager
    def absent_hold_leases(self) -> Iterator[None]:
        """While inside, the lease file names the absent too: more than dnsmasq would start with."""
        only_present = self.lease_file.read_text()
        self.lease_file.write_text(only_present + leases(self.absent))
        yield
        self.lease_file.write_text(only_present)

    def open_socket(self, station: Station, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket that speaks as this station."""
        made = self.namespace.open_socket(kind=kind)
        made.bind((station.ip, 0))
        made.settimeout(30)
        return made

    def form(self, station: Station) -> dict[str, str]:
        """The hidden fields of a registration form made for this station."""
        status, page = self.ask(station, "GET", "/register")
        if status != 200:
            raise RuntimeError(f"/register answers {status}")
        return next(form.fields for form in forms(page) if "email" in form.fields)

    def ask(self, station: Station, method: str, path: str, body: str = "") -> tuple[int, str]:
        """One request of this station to the portal: status and page."""
        connection = http.client.HTTPConnection(self._portal)
        connection.sock = self.open_socket(station)
        connection.sock.connect((self._portal, 80))
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body or None, headers)
        reply = connection.getresponse()
        try:
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def drum(self, station: Station, port: int) -> socket.socket:
        """A datagram socket of this station towards the internet."""
        made = self.open_socket(station, socket.SOCK_DGRAM)
        made.connect((WEB_IPV4, port))
        return made


def leases(stations: Sequence[Station]) -> str:
    """dnsmasq's lease file (man dnsmasq, FILES)."""
    expires = int(time.time()) + 86400
    return "".join(f"{expires} {each.mac} {each.ip} * *\n" for each in stations)


def station(number: int) -> Station:
    """The same number, the same station."""
    mac = "06:00:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))
    return Station(mac=mac, ip=str(FIRST + number))


def disguise(link: str, stations: Sequence[Station], *, all_here: bool = True) -> str:
    """A ruleset: what leaves `link` carries the MAC of its IPv4 address; what is for any of them comes in.

    Who is in the set `here` answers ARP: all, or nobody yet.
    """
    here = f"\t\telements = {{ {RANGE} }}\n" if all_here else ""
    elements = ", ".join(f"{each.ip} : {each.mac}" for each in stations)
    return f"""
table netdev crowd {{
	map macs {{
		type ipv4_addr : ether_addr
		elements = {{ {elements} }}
	}}
	set here {{
		type ipv4_addr
		flags interval
{here}	}}
	chain leaving {{
		type filter hook egress device {link} priority filter; policy accept;
		ether saddr set ip saddr map @macs
		ether saddr set arp saddr ip map @macs
		arp saddr ether set arp saddr ip map @macs
	}}
	chain arriving {{
		type filter hook ingress device {link} priority filter; policy accept;
		arp operation request arp daddr ip != @here drop
		meta pkttype other meta pkttype set host
	}}
}}
"""


def lan_mac(box: Box) -> str:
    """The MAC of the box on the guests' LAN."""
    return box.namespace.run("cat", "/sys/class/net/br-lan/address").stdout.strip()
