"""A hardware address that two devices use: open WiFi cannot prevent it, so it is noticed and told."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium
from tests.lab.attacks.wire import Wire
from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

PASSWORD = "correct horse battery"
OTHER_PORT = "lan1"


@pytest.fixture(scope="module")
def thief(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Namespace:
    """Somebody at another access point of the store."""
    return Namespace("thief", tmp_path_factory.mktemp("thief"))


@pytest.fixture(scope="module")
def store(thief: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with two access points, each at a port of its own."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        thief.join("wlan0", store.box.namespace, OTHER_PORT)
        yield store.open(network={"lan_interfaces": [store.box.LAN_PORT, OTHER_PORT]})
    thief.close()


def test_a_copied_hardware_address_is_noticed_and_the_owner_told(
    store: Store, phone: Phone, thief: Namespace
) -> None:
    phone.register(email="anna@example.com", terms="yes")
    thief.ip("link set wlan0 down", f"link set wlan0 address {phone.mac}", "link set wlan0 up")
    frame = b"\xff" * 6 + bytes.fromhex(phone.mac.replace(":", "")) + b"\x88\xb5" + bytes(46)

    def told() -> bool:
        with Wire(thief, "wlan0") as wire:
            wire.send(frame)
        phone.udp_answer(WEB_IPV4, 443, seconds=1)
        return "same MAC seen twice" in store.box.command("yingke-net", "status", phone.mac)

    until(told, "the two are noticed", within_seconds=30)
    assert "Another device uses the same hardware address" in store.box.command(
        "yingke-net", "status", phone.mac
    )

    store.box.command("yingke-portal", "password", stdin=f"{PASSWORD}\n")
    with Chromium(store.laptop, javascript=False) as owner:
        owner.open(f"http://{store.box.OWNER_ADDRESS}/owner/sign-in")
        owner.fill("#password", PASSWORD)
        owner.press("main button")

        def reads() -> bool:
            owner.open(f"http://{store.box.OWNER_ADDRESS}/owner")
            return "Two devices seem to use the same hardware address" in owner.html

        until(reads, "the notice on her page")
        owner.open(f"http://{store.box.OWNER_ADDRESS}/owner/stations")
        assert "when one is let in, both are" in owner.html
        assert phone.mac not in owner.html.lower()


def test_one_phone_that_goes_about_its_business_is_no_two(store: Store, phone: Phone) -> None:
    phone.register(email="ben@example.com", terms="yes")
    for _ in range(10):
        phone.leave()
        phone.join()
    assert "seen twice" not in store.box.command("yingke-net", "status", phone.mac)
