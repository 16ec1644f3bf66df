"""Radios that pass the store are counted from their frames, and nothing of theirs is kept."""

import random
import socket

import pytest

from tests.lab.radio import MODELS, Phone
from tests.lab.store import Store
from tests.lab.waiting import until

# Real addresses of their own: what is there to count is beyond dispute.
OLD = next(model for model in MODELS if not model.makes_up_addresses)


@pytest.fixture(scope="module")
def passing(store: Store) -> list[bytes]:
    """Five strong phones and two faint ones scan, all at once; their addresses."""
    chance = random.Random(1)
    phones = [Phone(OLD, chance, signal_dbm=-50) for _ in range(5)]
    phones += [Phone(OLD, chance, signal_dbm=-85) for _ in range(2)]
    frames = [frame for phone in phones for _, frame in phone.scan(0)]
    with store.air.open_socket(socket.AF_PACKET, socket.SOCK_RAW) as radio:
        radio.bind(("radio", 0))
        for frame in frames:
            radio.send(frame)
    # IEEE 802.11: the sender's address stands 10 bytes into the frame, behind 15 bytes of radiotap.
    return sorted({frame[25:31] for frame in frames})


def test_the_box_counts_who_passed_and_who_came_in(store: Store, passing: list[bytes]) -> None:
    question = "SELECT devices, inside, passers_by FROM footfall WHERE frames > 0 AND complete"
    assert until(lambda: store.box.records(question), "a count") == [(len(passing), 5, 2)]


def test_head_office_pulls_the_count_but_not_its_smallest_parts(store: Store, passing: list[bytes]) -> None:
    def counted() -> list[dict[str, object]]:
        return [row for row in store.head_office.pull("footfall") if row["devices"] == len(passing)]

    row = until(counted, "a count of seven devices")[0]
    assert row["venue_id"] == store.box.VENUE
    # Two passers-by are too few to be shown, and could be worked out from those inside.
    assert (row["inside"], row["passers_by"], row["suppressed"]) == (None, None, True)


def test_no_address_heard_in_the_air_lies_on_the_disk(store: Store, passing: list[bytes]) -> None:
    spellings = [
        spelling
        for mac in passing
        for spelling in (mac, mac.hex().encode(), mac.hex(":").encode(), mac.hex("-").upper().encode())
    ]
    looked_at = 0
    for place in (store.box.namespace.home, store.head_office.namespace.home):
        for file in place.rglob("*"):
            if file.is_file():
                looked_at += 1
                contents = file.read_bytes()
                assert not [spelling for spelling in spellings if spelling in contents], file
    assert looked_at > 5


def test_a_stations_address_lies_only_with_the_gate_and_the_leases(store: Store) -> None:
    phone = store.phone("station").join()
    phone.register(email="station@example.com", terms="yes")
    store.head_office.wait_for("leads")
    mac = bytes.fromhex(phone.mac.replace(":", ""))
    spellings = (mac, mac.hex().encode(), phone.mac.encode(), phone.mac.upper().encode())
    found = set()
    for place in (store.box.namespace.home, store.head_office.namespace.home):
        for file in place.rglob("*"):
            if file.is_file() and any(spelling in file.read_bytes() for spelling in spellings):
                found.add(file.relative_to(place).parts[:-1])
    store.gone(phone)
    assert found <= {("data", "gate"), ("data", "dnsmasq")}
    assert ("data", "dnsmasq") in found
