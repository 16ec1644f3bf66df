"""Very many phones at little cost: each its own MAC address, one cable, leases written beforehand."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.store import Store
from tests.lab.web import forms

UNHURRIED: dict[str, object] = {"absent_after_seconds": 3600, "ask_presence_seconds": 600}
"""Tests of the lab ask every second who is still there; a bench is not to measure that."""

_FIRST = IPv4Address("10.77.100.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One of the crowd; `link` is empty for those that only exist as a lease."""

    mac: str
    ip: str
    link: str = ""


class Crowd:
    """`present` stations that can speak, and `absent` ones that once held a lease. Make it before the store
    opens: dnsmasq reads its leases when it starts.
    """

    def __init__(self, store: Store, *, present: int, absent: int = 0) -> None:
        self._box = store.box
        self._portal = store.box.LAN_ADDRESS
        self.present = [_station(number, f"m{number}") for number in range(present)]
        self.absent = [_station(number) for number in range(present, present + absent)]
        self.namespace = Namespace("crowd", store.home)
        store.plug_in(self.namespace, "wire", "ap-crowd")
        # Each answers for its own address only; replies may come in on any of the links.
        self.namespace.sysctl(
            ipv4__conf__all__arp_ignore=1, ipv4__conf__all__arp_announce=2, ipv4__conf__all__rp_filter=0
        )
        for metric, station in enumerate(self.present, start=1):
            self.namespace.ip(
                f"link add link wire name {station.link} address {station.mac} type macvlan mode bridge",
                f"link set {station.link} up",
                f"address add {station.ip}/16 dev {station.link}",
                f"route add default via {self._portal} dev {station.link} metric {metric}",
            )
        self._lease_file = store.box.data_dir / "dnsmasq" / "dnsmasq.leases"
        self._lease_file.write_text(_leases(self.present))

    def settle(self) -> None:
        """After the store has opened: the present know where the box is.

        The kernel's limit of 1024 neighbours (gc_thresh3) is one for all namespaces; permanent ones are free.
        """
        bridge = json.loads(self._box.namespace.run("ip", "-json", "link", "show", "br-lan").stdout)
        known = f"neigh replace {self._portal} lladdr {bridge[0]['address']} nud permanent"
        self.namespace.ip(*(f"{known} dev {station.link}" for station in self.present))

    @contextlib.contextmanager
    def absent_hold_leases(self) -> Iterator[None]:
        """While inside, the lease file names the absent too: more than dnsmasq would start with."""
        only_present = self._lease_file.read_text()
        self._lease_file.write_text(only_present + _leases(self.absent))
        yield
        self._lease_file.write_text(only_present)

    def open_socket(self, station: Station, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket that speaks as this station."""
        made = self.namespace.open_socket(kind=kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, station.link.encode())
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


def _leases(stations: Sequence[Station]) -> str:
    """dnsmasq's lease file (man dnsmasq, FILES)."""
    expires = int(time.time()) + 86400
    return "".join(f"{expires} {each.mac} {each.ip} * *\n" for each in stations)


def _station(number: int, link: str = "") -> Station:
    mac = "06:00:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))
    return Station(mac=mac, ip=str(_FIRST + number), link=link)
