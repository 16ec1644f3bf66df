"""What a phone meets before anybody has registered on it: everything is answered at once, nothing passes."""

import pytest

from tests.lab.internet import UPLINK_IPV4, WEB_IPV4, WEB_IPV6
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.web import NoAnswer

CHECKS = [
    "http://captive.apple.com/hotspot-detect.html",
    "http://connectivitycheck.gstatic.com/generate_204",
    "http://connect.rom.miui.com/generate_204",
    "http://www.msftconnecttest.com/connecttest.txt",
    "http://detectportal.firefox.com/canonical.html",
    "http://network-test.debian.org/nm",
]


def test_a_phone_gets_a_lease_with_the_box_as_router_and_resolver(store: Store, phone: Phone) -> None:
    assert phone.ipv4.startswith("10.77.")
    assert phone.router == store.box.LAN_ADDRESS
    assert phone.lease["dns"] == store.box.LAN_ADDRESS


def test_without_a_certificate_no_phone_is_told_of_a_captive_portal_api(phone: Phone) -> None:
    assert phone.captive_portal == ""


@pytest.mark.parametrize("url", CHECKS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_connectivity_check_is_sent_to_the_splash_page(phone: Phone, url: str, method: str) -> None:
    reply = phone.get(url, method=method)
    assert reply.status == 302
    assert reply.location == f"http://{phone.router}/"
    assert reply.headers["cache-control"] == "no-store"


def test_the_splash_page_opens_from_any_intercepted_page(phone: Phone) -> None:
    page = phone.get("http://news.example/today?x=<script>", follow=True)
    assert page.status == 200
    assert "Lab store" in page.body
    assert "<script>" not in page.body


def test_names_are_answered_truly_while_captive(phone: Phone) -> None:
    assert phone.look_up("anything.example") == {WEB_IPV4}


def test_what_a_phone_calls_itself_is_told_to_nobody(store: Store, phone: Phone) -> None:
    _ask_for_a_lease(phone, "hostname:wpad")
    assert phone.look_up("wpad") == set()
    told = phone.namespace.run("busybox", "nslookup", phone.ipv4, phone.router, check=False)
    assert "wpad" not in told.stdout + (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()


@pytest.mark.parametrize("subnet", ["0x76:0a4e0000", "0x52:05040a4e0000"])
def test_no_guest_takes_a_lease_of_the_owners_network(store: Store, phone: Phone, subnet: str) -> None:
    _ask_for_a_lease(phone, subnet)
    leases = (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()
    assert phone.ipv4 in leases
    assert " 10.78.0." not in leases


def _ask_for_a_lease(phone: Phone, option: str) -> None:
    """Once more, with an option of its own; what it is given it does not use."""
    once = ["udhcpc", "-i", "wlan0", "-n", "-q", "-t", "2", "-T", "1", "-s", "/bin/true", "-x", option]
    phone.namespace.run(*once, check=False)


def test_a_foreign_resolver_is_answered_by_the_box_too(phone: Phone) -> None:
    answer = phone.namespace.run("busybox", "nslookup", "anything.example", "8.8.8.8", check=False)
    assert WEB_IPV4 in answer.stdout


@pytest.mark.parametrize("port", [443, 853, 22, 8080])
def test_other_connections_are_refused_at_once(phone: Phone, port: int) -> None:
    assert phone.connects(WEB_IPV4, port) == "refused"


def test_quic_is_refused_at_once(phone: Phone) -> None:
    assert [phone.udp_answer(WEB_IPV4, 443) for _ in range(20)] == ["refused"] * 20


def test_over_ipv6_nothing_passes_either_and_all_is_refused_at_once(phone: Phone) -> None:
    phone.wait_for_ipv6()
    assert phone.connects(WEB_IPV6, 443) == "refused"
    assert phone.udp_answer(WEB_IPV6, 443) == "refused"
    assert phone.get(f"http://[{WEB_IPV6}]/generate_204").status == 302


def test_guests_cannot_reach_the_owners_network(store: Store, phone: Phone) -> None:
    assert phone.connects(store.box.OWNER_ADDRESS, 80) == "refused"
    with pytest.raises(NoAnswer):
        phone.get(f"http://{UPLINK_IPV4}/owner", seconds=3)


def test_the_owners_page_on_the_guests_wifi_says_why_it_is_closed(phone: Phone) -> None:
    assert phone.get(f"http://{phone.router}/owner").status == 403
