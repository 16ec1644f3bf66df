"""One phone against the portal, while another wants in."""

import socket
from contextlib import ExitStack

import pytest

from tests.lab.attacks.test_packets import Attacker
from tests.lab.internet import WEB_IPV4
from tests.lab.phone import Phone
from tests.lab.store import Store

_CONNECTIONS = 1200


def opened(phone: Phone, address: str, port: int, count: int, first_words: bytes, stack: ExitStack) -> int:
    """As many connections as the box lets one phone have, each with some words sent; how many stood."""
    stood = 0
    for _ in range(count):
        one = stack.enter_context(phone.namespace.open_socket())
        one.settimeout(2)
        try:
            one.connect((address, port))
            one.sendall(first_words)
        except OSError:
            continue
        stood += 1
    return stood


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\nHost: slow", b"POST /register HTTP/1.1\r\n"])
@pytest.mark.parametrize("target", ["interceptor", "portal"])
def test_while_one_phone_holds_on_to_connections_others_get_in(
    store: Store, attacker: Attacker, words: bytes, target: str
) -> None:
    """With a temporary pass the interceptor is not what it meets, but any web server of the world."""
    phone, _ = attacker
    other = store.phone(f"other{len(store.seen)}").join()
    address = WEB_IPV4 if target == "interceptor" else phone.router
    with ExitStack() as stack:
        opened(phone, address, 80, _CONNECTIONS, words, stack)
        assert other.get("http://captive.apple.com/hotspot-detect.html").status == 302
        assert "Lab store" in other.get(f"http://{other.router}/").body
    store.gone(other)


def test_a_flood_of_connections_to_everywhere_leaves_the_others_alone(store: Store, phone: Phone) -> None:
    """All refused; the table of connections is everybody's, and stays nearly empty."""
    other = store.phone(f"other{len(store.seen)}").join()
    flood = (
        "import socket, itertools\n"
        "for n in range(20000):\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setblocking(False)\n"
        "    try: s.sendto(b'x', (f'203.0.{n >> 8 & 255}.{n & 255}', 1000 + n % 60000))\n"
        "    except OSError: pass\n"
        "    s.close()\n"
    )
    phone.namespace.run("python3", "-c", flood)
    entries = int(store.box.namespace.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)
    assert entries < 5000
    assert other.open_portal().status == 200
    store.gone(other)


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
OWNER = b"GET /owner HTTP/1.1\r\nHost: 10.78.0.1\r\n\r\n"
TRICKS = {
    "a host of our own": b"GET / HTTP/1.1\r\nHost: 10.77.0.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: captive.apple.com\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "an absolute address": b"GET http://10.77.0.1/owner HTTP/1.1\r\nHost: a\r\n\r\n",
    "a host with a page in it": b'GET / HTTP/1.1\r\nHost: a"><script>alert(1)</script>\r\n\r\n',
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd" + OWNER,
    "length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OWNER,
    "two requests at once": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + OWNER,
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n",
    "a line end of another kind": b"GET /\rHost: b HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a header of 20 KB": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_the_interceptor_says_the_same_to_whatever_it_is_told(phone: Phone, trick: str) -> None:
    said = said_to(phone, WEB_IPV4, TRICKS[trick])
    assert said.startswith(b"HTTP/1.1 302 Found\r\n")
    assert said.count(b"HTTP/1.1") == 1
    assert f"Location: http://{phone.router}/\r\n".encode() in said
    assert b"script>" not in said
    assert b"evil" not in said


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_opens_the_owners_page_from_the_guests_wifi(phone: Phone, trick: str) -> None:
    said = said_to(phone, phone.router, TRICKS[trick].replace(b"GET / ", b"GET /owner "))
    assert b"/owner/sign-in" not in said
    assert b'name="password"' not in said


def said_to(phone: Phone, address: str, words: bytes) -> bytes:
    """Everything that comes back until the other side is done."""
    said = b""
    with phone.namespace.open_socket() as one:
        one.settimeout(10)
        one.connect((address, 80))
        try:
            one.sendall(words)
            one.shutdown(socket.SHUT_WR)
            while more := one.recv(65536):
                said += more
        except ConnectionError:
            pass
    return said
