"""DNS is the one thing a captive phone may ask of the world: enough to join by, too little to live on."""

import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.lab.daemon import Daemon
from tests.lab.internet import RESOLVER, TUNNEL_DNS, TUNNEL_ZONE, WEB_IPV4
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

TUNNEL_SERVER = "10.99.0.1"
_MOST_BYTES_A_SECOND = 1000
_UPLOAD_SECONDS = 20


@pytest.fixture
def tunnel_server(store: Store) -> Iterator[Daemon]:
    """iodined on the provider's side, asked through the resolver as through any resolver of the world."""
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("iodine needs /dev/net/tun, which this user may not open")
    internet = store.internet.namespace
    internet.ip(f"address add {TUNNEL_DNS}/32 dev lo")
    line = ["iodined", "-f", "-c", "-P", "secret", "-l", TUNNEL_DNS, TUNNEL_SERVER, TUNNEL_ZONE]
    server = internet.daemon("iodined", *line)
    server.start()
    until(lambda: "Listening to dns" in server.said() or not server.running, "iodined listens")
    assert server.running, server.said()
    yield server
    server.stop()
    internet.ip(f"address del {TUNNEL_DNS}/32 dev lo")


def queries(phone: Phone, names: list[str]) -> int:
    """All asked at once over one socket, as a phone's resolver does; how many are answered."""
    with phone.namespace.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(3)
        asking.connect((phone.router, 53))
        for number, name in enumerate(names):
            labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
            # RFC 1035 section 4.1: an ordinary question for an IPv4 address, recursion desired.
            asking.send(
                struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
            )
        answered: set[bytes] = set()
        try:
            while len(answered) < len(names):
                answer = asking.recv(4096)
                if answer[3] & 0x0F == 0:
                    answered.add(answer[:2])
        except TimeoutError:
            pass
        return len(answered)


def test_the_burst_of_a_joining_phone_loses_no_look_up(phone: Phone) -> None:
    assert queries(phone, [f"app{number}.example" for number in range(100)]) == 100


def test_a_dns_tunnel_starves(store: Store, witness: Phone, phone: Phone, tunnel_server: Daemon) -> None:
    """iodine, with everything on: what gets through it in all, and per second, is next to nothing."""
    # That she who is admitted gets one says that it is not the tunnel's own fault.
    with _tunnel(witness) as came_up:
        assert came_up
    with _tunnel(phone) as came_up:
        assert not came_up or _through(store, phone) < _MOST_BYTES_A_SECOND


@contextlib.contextmanager
def _tunnel(phone: Phone) -> Iterator[bool]:
    """An attempt at a tunnel, and whether it came up."""
    client = phone.namespace.daemon("iodine", "iodine", "-f", "-P", "secret", phone.router, TUNNEL_ZONE)
    client.start()
    try:
        until(
            lambda: "Connection setup complete" in client.said() or not client.running,
            "the tunnel is up, or given up",
            within_seconds=90,
        )
        yield client.running
    finally:
        if client.running:
            client.stop()


def _through(store: Store, phone: Phone) -> float:
    """Bytes a second that a download through the tunnel gets, by the far end's own counter."""
    server = store.internet.namespace.python("far-end", "tests.lab.attacks.far_end", TUNNEL_SERVER, "5999")
    server.start()
    try:
        done = phone.namespace.run(
            "curl", "--silent", "--max-time", str(_UPLOAD_SECONDS), "--output", "/dev/null",
            "--write-out", "%{size_download} %{time_total}", f"http://{TUNNEL_SERVER}:5999/",
            check=False, timeout_seconds=_UPLOAD_SECONDS + 20,
        )  # fmt: skip
        size, seconds = re.findall(r"[0-9.]+", done.stdout)
        return float(size) / max(1.0, float(seconds))
    finally:
        server.kill()


@pytest.mark.parametrize("resolver", ["8.8.8.8", "1.1.1.1", RESOLVER, "2606:4700:4700::1111"])
def test_in_the_place_of_foreign_resolvers_ours_answers(phone: Phone, resolver: str) -> None:
    phone.wait_for_ipv6()
    answer = phone.namespace.run("busybox", "nslookup", "anything.example", resolver, check=False)
    assert WEB_IPV4 in answer.stdout


@pytest.mark.parametrize(
    ("host", "port"), [("8.8.8.8", 853), ("1.1.1.1", 443), ("9.9.9.9", 443), ("8.8.4.4", 853)]
)
def test_hidden_resolvers_are_refused_at_once_while_captive(phone: Phone, host: str, port: int) -> None:
    assert phone.connects(host, port) == "refused"
    assert phone.udp_answer(host, port) == "refused"
