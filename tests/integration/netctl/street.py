"""A router's surroundings for tests: two phones on its LAN, the owner's laptop, a host on its uplink, and
sockets everywhere.

The router is the network namespace the tests run in; phones and host have their own.
"""

import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from socket import (
    AF_INET,
    AF_INET6,
    AF_PACKET,
    SO_REUSEADDR,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from netctl.api import Mac, parse_mac
from netctl.gate.sessions import Admit
from netctl.linux import links
from netctl.linux.nft import PacketFilter
from sync.config import Config
from tests.lab.namespace import Namespace
from tests.lab.waiting import until

OURS, OURS6 = "10.77.0.1", "fd77:79b6:1::1"
OWNERS, UPLINKS = "10.78.0.1", "10.88.0.1"
LAPTOP = "10.78.0.2"
HOST, HOST6 = "10.88.0.2", "fd88::2"
INTERCEPT = 2080
WAIT_SECONDS = 5.0
SILENCE_SECONDS = 0.3


def ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True)


def mac_of(link: str) -> str:
    """The MAC of a link of the router."""
    shown = subprocess.run(["ip", "-br", "link", "show", link], capture_output=True, text=True, check=True)
    return shown.stdout.split()[2]


def _links() -> str:
    return subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout


class Phone:
    """A station with fixed addresses."""

    def __init__(self, number: int, home: Path) -> None:
        self.mac: Mac = parse_mac(f"02:00:5e:10:00:{number:02x}")
        self.ipv4, self.ipv6 = f"10.77.0.{10 + number}", f"fd77:79b6:1::{10 + number}"
        self.port = f"port{number}"
        self.namespace = Namespace(f"phone{number}", home)
        pid = self.namespace.pid
        ip(f"link add {self.port} type veth peer name w0 address {self.mac} netns {pid}")
        self.namespace.ip(
            "link set w0 up",
            f"addr add {self.ipv4}/16 dev w0",
            f"addr add {self.ipv6}/64 dev w0 nodad",
        )

    def online(self) -> None:
        """Its routes, once the router is there."""
        self.namespace.ip(f"route add default via {OURS}", f"route add default via {OURS6}")

    def connect(self, address: str, port: int) -> str:
        """What a TCP connection meets: open, refused or nothing."""
        with self.namespace.open_socket(_family(address), SOCK_STREAM) as talking:
            talking.settimeout(WAIT_SECONDS)
            try:
                talking.connect((address, port))
            except ConnectionRefusedError:
                return "refused"
            except (TimeoutError, OSError):
                return "nothing"
            return "open"

    def udp(self, address: str, port: int) -> socket:
        talking = self.namespace.open_socket(_family(address), SOCK_DGRAM)
        talking.settimeout(WAIT_SECONDS)
        talking.connect((address, port))
        return talking

    def pings(self, address: str, count: int = 3, *more: str) -> int:
        """How many of so many are answered."""
        waiting = more or ("-i", "0.05", "-W", "0.3")
        told = self.namespace.run("ping", "-n", "-c", str(count), *waiting, address, check=False).stdout
        return int(told.partition(" received")[0].rpartition(" ")[2])

    def cable(self, ethertype: int = 0x0003) -> socket:
        """Frames as they are, to and (of one kind, or all) from this phone's link."""
        raw = self.namespace.open_socket(AF_PACKET, SOCK_RAW)
        raw.bind(("w0", ethertype))
        raw.settimeout(WAIT_SECONDS)
        return raw

    def send(self, *packets: Packet, to: str) -> None:
        """Puts packets on its link as they are, in frames from its own MAC to `to`."""
        with self.cable() as raw:
            for packet in packets:
                raw.send(bytes(Ether(src=self.mac, dst=to) / packet))


def _family(address: str) -> int:
    return AF_INET6 if ":" in address else AF_INET


def listen(where: Namespace | None, address: str, port: int, kind: int) -> socket:
    """A listening socket on the host, or (None) on the router."""
    family = _family(address)
    listening = where.open_socket(family, kind) if where else socket(family, kind)
    listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listening.bind((address, port))
    listening.settimeout(WAIT_SECONDS)
    if kind == SOCK_STREAM:
        listening.listen(64)
    return listening


class Street:
    """Everything up, the ruleset in force, nobody admitted; `settings` go into [network]. `close` ends it."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.anna, self.ben = Phone(1, home), Phone(2, home)
        self.host = Namespace("host", home)
        ip(f"link add wan type veth peer name eth0 netns {self.host.pid}")
        ip("link set wan up")
        ip(f"addr add {UPLINKS}/24 dev wan")
        ip("-6 addr add fd88::1/64 dev wan nodad")
        ip("link add owner-port type bridge")
        self.host.ip(
            "link set eth0 up", f"addr add {HOST}/24 dev eth0", f"addr add {HOST6}/64 dev eth0 nodad"
        )
        self.laptop = Namespace("laptop", home)
        ip(f"link add owner-laptop master owner-port type veth peer name eth0 netns {self.laptop.pid}")
        ip("link set owner-laptop up")
        self.laptop.ip(
            "link set eth0 up", f"addr add {LAPTOP}/24 dev eth0", f"route add default via {OWNERS}"
        )
        # It knows the way to everybody, so that only the packet filter keeps it out.
        self.host.ip(
            f"route add 10.77.0.0/16 via {UPLINKS}",
            "route add fd77:79b6:1::/64 via fd88::1",
            f"route add 10.78.0.0/24 via {UPLINKS}",
        )
        self.config = Config.parse(
            {
                "network": {
                    "lan_interfaces": [self.anna.port, self.ben.port],
                    "uplink": "wan",
                    "owner_interfaces": [],
                    "owner_bridge": "owner-port",
                    **settings,
                }
            }
        )
        links.ensure(self.config)
        ip(f"addr add {OWNERS}/24 dev owner-port")
        ip("link set owner-port up")
        # The kernel tells of links at most once a second (linkwatch): nothing is to change by itself later.
        until(lambda: "DOWN" not in _links(), "every link is up")
        for phone in (self.anna, self.ben):
            phone.online()
        self.router_mac = mac_of("br-lan")
        self.filter = PacketFilter(self.config)
        self.filter.load([])

    def admit(self, phone: Phone, seconds: int = 3600) -> None:
        addresses = (IPv4Address(phone.ipv4),)
        step = Admit(mac=phone.mac, seconds=seconds, bytes_up=0, bytes_down=0, addresses=addresses)
        self.filter.admit([step])

    def lease(self, *phones: Phone) -> None:
        """They have their addresses from us, and are captive."""
        self.filter.lease([(phone.mac, IPv4Address(phone.ipv4)) for phone in phones])

    def nobody(self) -> None:
        """All are captive again, hold no lease, and have done nothing yet."""
        self.filter.load([])
        subprocess.run(["conntrack", "-F"], check=True, capture_output=True)

    def close(self) -> None:
        for table in ("inet", "netdev", "bridge"):
            subprocess.run(["nft", "delete", "table", table, "yingke"], check=True)
        # The kernel takes a namespace apart when it has time: our ends would be in the next street's way.
        for link in (self.anna.port, self.ben.port, "wan", "owner-laptop", "br-lan", "owner-port"):
            ip(f"link del {link}")
        for phone in (self.anna, self.ben):
            phone.namespace.close()
        self.host.close()
        self.laptop.close()
