"""What the owner allows and limits, as phones meet it: volume, her word on devices, and being sent away."""

import socket
from collections.abc import Iterator

import pytest

from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

CHECK = "http://connectivitycheck.gstatic.com/generate_204"
HOST = "203.0.113.10"
EMAIL = "ada@example.com"


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store where a station may use one megabyte a day."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store.open(limits={"day_megabytes": 1})


def registered(phone: Phone) -> Phone:
    phone.register(email=EMAIL, terms="yes")
    until(lambda: phone.get(CHECK).status == 204, "the phone is online")
    return phone


def status(store: Store, phone: Phone) -> str:
    return store.box.command("yingke-net", "status", phone.ipv4)


def code_of(store: Store, phone: Phone) -> str:
    until(lambda: "joined" in status(store, phone), "the gate has seen it join")
    return status(store, phone).split()[0]


def test_who_has_used_the_volume_of_the_day_is_captive_within_seconds_and_refused(
    store: Store, phone: Phone
) -> None:
    registered(phone)
    with phone.namespace.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        for _ in range(900):
            sending.sendto(b"x" * 1300, (HOST, 9))
    until(lambda: phone.mac not in store.box.admitted(), "the volume is used up", within_seconds=15)
    assert phone.get(CHECK).status == 302
    assert "it has used its volume of today" in status(store, phone)
    phone.register(email=EMAIL, terms="yes")
    assert phone.mac not in store.box.admitted()


def test_a_till_is_online_without_a_form_and_captive_again_when_it_is_forgotten(
    store: Store, phone: Phone
) -> None:
    code = code_of(store, phone)
    line = store.box.command("yingke-net", "device", "allow", code, "--name", "the till")
    assert phone.get(CHECK).status == 204
    assert phone.connects(HOST, 443) == "open"
    store.box.command("yingke-net", "device", "forget", line.split()[0])
    assert phone.get(CHECK).status == 302


def test_who_is_blocked_while_online_is_out_at_once_and_may_come_back_when_forgiven(
    store: Store, phone: Phone
) -> None:
    registered(phone)
    line = store.box.command("yingke-net", "device", "block", phone.mac, "--name", "a nuisance")
    assert phone.connects(HOST, 443) in ("refused", "reset")
    phone.register(email=EMAIL, terms="yes")
    assert phone.mac not in store.box.admitted()
    store.box.command("yingke-net", "device", "forget", line.split()[0])
    registered(phone)


def test_who_is_expelled_asks_again_and_its_way_is_told(store: Store, phone: Phone) -> None:
    registered(phone)
    told = store.box.command("yingke-net", "expel", code_of(store, phone))
    assert "No access point of ours could send it away" in told
    assert phone.get(CHECK).status == 302
    told = status(store, phone)
    for step in ("joined the WiFi", "got its address", "admitted", "session ended         expelled"):
        assert step in told, told


def test_a_phone_that_asks_nothing_is_explained(store: Store, phone: Phone) -> None:
    assert code_of(store, phone).isalpha()
    told = status(store, phone)
    assert "never               connectivity check, portal opened, form sent, admitted" in told
    assert "No connectivity check came" in told
    phone.get(CHECK)
    until(
        lambda: "connectivity check" in status(store, phone).split("never")[0],
        "the check stands in the trace",
    )
