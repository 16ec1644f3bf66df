"""Very many phones at little cost: each its own MAC address, one cable, leases written beforehand."""

import http.client
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.store import Store
from tests.lab.web import forms

_FIRST = IPv4Address("10.77.100.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One of the crowd; `link` is empty for those that only exist as a lease."""

    mac: str
    ip: str
    link: str = ""


class Crowd:
    """`present` stations that can speak, and `absent` ones that only hold a lease. Make it before the store
    opens: dnsmasq reads its leases when it starts.
    """

    def __init__(self, store: Store, *, present: int, absent: int = 0) -> None:
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
        expires = int(time.time()) + 86400
        lines = [f"{expires} {each.mac} {each.ip} * *\n" for each in (*self.present, *self.absent)]
        (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").write_text("".join(lines))

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


def _station(number: int, link: str = "") -> Station:
    mac = "06:00:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))
    return Station(mac=mac, ip=str(_FIRST + number), link=link)
