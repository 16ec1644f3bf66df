"""Who is in a set, asked of a real kernel that real nft filled."""

import subprocess
from collections.abc import Iterator

import pytest

from netctl.api import Mac
from netctl.linux.members import ENDLESS, Counted, find_member, list_members

ANNA, BEN, CARL = Mac("02:00:5e:10:00:01"), Mac("02:00:5e:10:00:02"), Mac("02:00:5e:10:00:03")


def nft(commands: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=commands, text=True, check=True)


@pytest.fixture(params=["inet street", "netdev street"])
def where(private_network: None, request: pytest.FixtureRequest) -> Iterator[str]:
    nft(
        f"add table {request.param}\nadd set {request.param} s {{ type ether_addr; flags timeout; counter; }}"
    )
    yield f"{request.param} s"
    nft(f"delete table {request.param}")


def test_members_are_read_with_their_time_and_count(where: str) -> None:
    nft(
        f"add element {where} {{ {ANNA} counter packets 3 bytes 5000000000 timeout 600s }}\n"
        f"add element {where} {{ {BEN} counter packets 0 bytes 0 timeout 30d }}"
    )
    members = list_members(where)
    assert {mac: each.bytes for mac, each in members.items()} == {ANNA: 5_000_000_000, BEN: 0}
    # The second may turn between the two.
    assert members[ANNA].seconds_left in (599, 600)
    assert members[BEN].seconds_left in (30 * 86400 - 1, 30 * 86400)
    assert find_member(where, ANNA) in (Counted(599, 5_000_000_000), Counted(600, 5_000_000_000))


def test_a_member_somebody_added_by_hand_is_seen_too(where: str) -> None:
    nft(f"add element {where} {{ {ANNA} }}")
    assert list_members(where) == {ANNA: Counted(ENDLESS, 0)}
    assert find_member(where, ANNA) == Counted(ENDLESS, 0)


def test_who_is_not_there_is_not_found(where: str) -> None:
    assert list_members(where) == {}
    nft(f"add element {where} {{ {ANNA} timeout 60s, {BEN} timeout 60s }}")
    assert find_member(where, CARL) is None


def test_thousands_of_members_come_in_many_messages_and_none_is_missing(where: str) -> None:
    everybody = {Mac(f"02:00:5e:20:{number >> 8:02x}:{number & 255:02x}") for number in range(3000)}
    for some in (sorted(everybody)[at : at + 500] for at in range(0, 3000, 500)):
        nft(f"add element {where} {{ {', '.join(f'{mac} timeout 1h' for mac in some)} }}")
    assert set(list_members(where)) == everybody


def test_no_such_set_is_told_apart_from_an_empty_one(private_network: None) -> None:
    with pytest.raises(FileNotFoundError):
        list_members("inet nobody s")
    assert find_member("inet nobody s", ANNA) is None
