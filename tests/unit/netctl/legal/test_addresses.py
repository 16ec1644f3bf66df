"""Which station has which address, told when it changes."""

import pytest

from netctl.api import parse_ip, parse_mac
from netctl.legal.addresses import Addresses
from netctl.legal.bindings import parse_bound
from netctl.linux.neighbours import Neighbour
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN


def test_a_lease_is_told_when_it_is_given_and_when_it_ends() -> None:
    addresses = Addresses()
    (given,) = addresses.lease({ANNAS_IP: ANNA}, 1)
    assert given == {"k": "lease", "at": 1, "mac": ANNA, "ip": str(ANNAS_IP), "what": "given"}
    assert addresses.lease({ANNAS_IP: ANNA}, 2) == []
    (ended,) = addresses.lease({}, 3)
    assert isinstance(ended, dict)
    assert (ended["what"], ended["at"]) == ("ended", 3)


def test_an_address_that_goes_to_another_is_ended_first() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    told = [
        (each["mac"], each["what"]) for each in addresses.lease({ANNAS_IP: BEN}, 2) if isinstance(each, dict)
    ]
    assert told == [(ANNA, "ended"), (BEN, "given")]


def heard(ip: str, mac: str = ANNA) -> Neighbour:
    return Neighbour(ip=parse_ip(ip), mac=parse_mac(mac), answers=True)


def test_an_ipv6_address_is_told_once_and_belongs_to_her_addresses() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    assert len(addresses.hear([heard("fd77:79b6:1::9")] * 2, 2)) == 1
    assert addresses.of(ANNA) == [str(ANNAS_IP), "fd77:79b6:1::9"]


def test_a_leased_address_heard_at_its_holder_and_link_local_ones_are_no_news() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    assert addresses.hear([heard(str(ANNAS_IP)), heard("fe80::1")], 2) == []


def test_a_leased_address_heard_at_somebody_else_is_told() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    (record,) = addresses.hear([heard(str(ANNAS_IP), BEN)], 2)
    assert isinstance(record, dict)
    assert record["mac"] == BEN


def test_all_that_holds_can_be_said_again() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    addresses.hear([heard("fd77:79b6:1::9")], 1)
    assert [each["k"] for each in addresses.again(9) if isinstance(each, dict)] == ["lease", "address"]


def test_what_the_packet_filter_bound_is_read_as_nft_shows_it() -> None:
    element = {"elem": {"val": {"concat": [ANNA, "0xfd7779b6000100000000000000000011"]}, "expires": 7199}}
    (station,) = parse_bound({"nftables": [{"metainfo": {}}, {"set": {"name": "bound", "elem": [element]}}]})
    assert (station.mac, station.ip) == (ANNA, parse_ip("fd77:79b6:1::11"))


def test_a_packet_filter_of_another_version_is_named_and_ends_nothing() -> None:
    with pytest.raises(ValueError, match="not as expected"):
        parse_bound({"nftables": [{"set": {"elem": ["02:00:5e:10:00:01"]}}]})


def test_it_is_known_whose_address_one_is_once_it_was_told() -> None:
    addresses = Addresses()
    addresses.lease({ANNAS_IP: ANNA}, 1)
    addresses.hear([heard("fd77:79b6:1::9")], 1)
    known = [addresses.knows(text) for text in (str(ANNAS_IP), "fd77:79b6:1::9", "fd77:79b6:1::a")]
    assert known == [True, True, False]
    addresses.lease({}, 2)
    assert not addresses.knows(str(ANNAS_IP))
