"""A shopper's phone: its own MAC, a real DHCP client, IPv6 from router advertisements, and a browser."""

import json
import socket
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

from tests.lab.namespace import Namespace
from tests.lab.waiting import until
from tests.lab.web import Reply, fetch, forms

# What any DHCP client does with its lease; the lease itself is kept as JSON for the tests to read.
_ON_LEASE = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router" dev "$interface"
: >"$HOME_OF_PHONE/resolv.conf"
for server in $dns; do echo "nameserver $server" >>"$HOME_OF_PHONE/resolv.conf"; done
printf '{"ip": "%s", "router": "%s", "dns": "%s", "captive_portal": "%s"}' \\
    "$ip" "$router" "$dns" "$opt114" >"$HOME_OF_PHONE/lease.json"
"""


class Phone:
    """Made by `Store.phone`; `join` takes a lease."""

    def __init__(self, namespace: Namespace, mac: str, link: str = "wlan0") -> None:
        self.namespace = namespace
        self.name = namespace.name
        self.mac = mac
        self._link = link
        # A phone takes part in IPv6 as an ordinary host: addresses and routes by router advertisement.
        # Temporary addresses (RFC 8981) as on a real phone; no duplicate detection, which costs seconds.
        namespace.sysctl(
            ipv6__conf__wlan0__accept_ra=2,
            ipv6__conf__wlan0__use_tempaddr=2,
            ipv6__conf__wlan0__dad_transmits=0,
            ipv6__conf__wlan0__router_solicitation_delay=0,
            ipv6__conf__wlan0__router_solicitation_interval=1,
        )

    def join(self) -> "Phone":
        """Associates and takes a lease with udhcpc. Raises Failed with what the client said."""
        script = self.home / "on-lease"
        if not script.exists():
            script.write_text(_ON_LEASE)
            script.chmod(0o755)
        self.namespace.ip(f"link set {self._link} up")
        client = [
            "udhcpc",
            "-i",
            self._link,
            "-n",
            "-q",
            "-t",
            "10",
            "-T",
            "1",
            "-O",
            "114",
            "-s",
            str(script),
        ]
        self.namespace.run("env", f"HOME_OF_PHONE={self.home}", *client, timeout_seconds=40)
        return self

    def leave(self) -> None:
        """Walks out of the WiFi's reach."""
        self.namespace.ip(f"address flush dev {self._link}", f"link set {self._link} down")

    @property
    def home(self) -> Path:
        return self.namespace.home

    @property
    def lease(self) -> dict[str, str]:
        lease: dict[str, str] = json.loads((self.home / "lease.json").read_text())
        return lease

    @property
    def captive_portal(self) -> str:
        """DHCP option 114 (RFC 8910) as it came over the wire; udhcpc hands it on in hexadecimal."""
        return bytes.fromhex(self.lease["captive_portal"]).decode()

    @property
    def ipv4(self) -> str:
        return self.lease["ip"]

    @property
    def router(self) -> str:
        return self.lease["router"]

    def ipv6(self) -> list[str]:
        """Its usable addresses beyond link-local."""
        shown = self.namespace.run(
            "ip", "-json", "-6", "address", "show", "dev", self._link, "scope", "global"
        )
        addresses = [entry for link in json.loads(shown.stdout) for entry in link.get("addr_info", [])]
        return [entry["local"] for entry in addresses if "local" in entry and not entry.get("tentative")]

    def wait_for_ipv6(self) -> str:
        return until(self.ipv6, f"an IPv6 address of {self.name}")[0]

    def look_up(self, name: str, family: int = socket.AF_INET) -> set[str]:
        """The addresses the phone's own resolver finds."""
        database = "ahostsv4" if family == socket.AF_INET else "ahostsv6"
        found = self.namespace.run("getent", database, name, check=False).stdout
        return {line.split()[0] for line in found.splitlines()}

    def get(self, url: str, **options: object) -> Reply:
        return fetch(self.namespace, url, **options)  # type: ignore[arg-type]

    def connects(self, address: str, port: int, seconds: float = 5) -> str:
        """How a TCP connection goes: open, refused, reset or silence."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.namespace.open_socket(family) as attempt:
            attempt.settimeout(seconds)
            try:
                attempt.connect((address, port))
            except ConnectionError as refusal:
                return "reset" if isinstance(refusal, ConnectionResetError) else "refused"
            except TimeoutError:
                return "silence"
            return "open"

    def kept_connection(self, address: str) -> "KeptConnection":
        """A connection to port 80, open and silent, as browsers keep one at hand."""
        return KeptConnection(self, address)

    def udp_answer(self, address: str, port: int, seconds: float = 5) -> str:
        """How one datagram goes: answered, refused (an ICMP error came back) or silence."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.namespace.open_socket(family, socket.SOCK_DGRAM) as attempt:
            attempt.settimeout(seconds)
            try:
                attempt.connect((address, port))
                attempt.send(b"anybody there?")
                attempt.recv(2048)
            except ConnectionError:
                return "refused"
            except TimeoutError:
                return "silence"
            return "answered"

    def open_portal(self, url: str = "http://connectivitycheck.gstatic.com/generate_204") -> Reply:
        """What pops up after joining: the phone's own check, followed to the splash page."""
        return self.get(url, follow=True)

    def register(self, **typed: str) -> Reply:
        """From the intercepted check to the registration form, fills it in and sends it; the last page."""
        page = self.get(urljoin(self.open_portal().url, "/register"))
        return self.submit(page, **typed)

    def submit(self, page: Reply, **typed: str) -> Reply:
        """Fills in the first form of `page` that has one of these fields, sends it and follows the answer."""
        form = next(form for form in forms(page.body) if form.fields.keys() & typed.keys())
        return self.get(urljoin(page.url, form.action), form=form.fields | typed, follow=True)


class KeptConnection:
    """Opened when entered; `ask` uses it much later."""

    def __init__(self, phone: Phone, address: str) -> None:
        self._socket = phone.namespace.open_socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._address = address

    def __enter__(self) -> Self:
        self._socket.settimeout(10)
        self._socket.connect((self._address, 80))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self) -> bytes:
        """The head of the answer to a connectivity check; nothing when the connection is reset."""
        try:
            self._socket.sendall(b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n")
            return self._socket.recv(4096)
        except ConnectionError:
            return b""
