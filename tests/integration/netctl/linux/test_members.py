"""Who is in a set, asked of a real kernel that real nft filled."""

import subprocess
from collections.abc import Iterator

import pytest

from netctl.api import Mac
from netctl.linux.members import ENDLESS, Counted, find_member, list_members, put_members, take_members
from netctl.linux.nfnetlink import Conversation

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


@pytest.fixture
def kernel(private_network: None) -> Iterator[Conversation]:
    kernel = Conversation()
    yield kernel
    kernel.close()


def shown(where: str) -> str:
    """As nft itself sees it."""
    listed = subprocess.run(
        ["nft", "list", "set", *where.split()], capture_output=True, text=True, check=True
    )
    return listed.stdout


def test_members_are_read_with_their_time_and_count(kernel: Conversation, where: str) -> None:
    nft(
        f"add element {where} {{ {ANNA} counter packets 3 bytes 5000000000 timeout 600s }}\n"
        f"add element {where} {{ {BEN} counter packets 0 bytes 0 timeout 30d }}"
    )
    members = list_members(kernel, where)
    assert {mac: each.bytes for mac, each in members.items()} == {ANNA: 5_000_000_000, BEN: 0}
    # The second may turn between the two.
    assert members[ANNA].seconds_left in (599, 600)
    assert members[BEN].seconds_left in (30 * 86400 - 1, 30 * 86400)
    assert find_member(kernel, where, ANNA) in (Counted(599, 5_000_000_000), Counted(600, 5_000_000_000))


def test_a_member_somebody_added_by_hand_is_seen_too(kernel: Conversation, where: str) -> None:
    nft(f"add element {where} {{ {ANNA} }}")
    assert list_members(kernel, where) == {ANNA: Counted(ENDLESS, 0)}
    assert find_member(kernel, where, ANNA) == Counted(ENDLESS, 0)


def test_who_is_not_there_is_not_found(kernel: Conversation, where: str) -> None:
    assert list_members(kernel, where) == {}
    nft(f"add element {where} {{ {ANNA} timeout 60s, {BEN} timeout 60s }}")
    assert find_member(kernel, where, CARL) is None


def test_thousands_of_members_come_in_many_messages_and_none_is_missing(
    kernel: Conversation, where: str
) -> None:
    everybody = {Mac(f"02:00:5e:20:{number >> 8:02x}:{number & 255:02x}") for number in range(3000)}
    for some in (sorted(everybody)[at : at + 500] for at in range(0, 3000, 500)):
        nft(f"add element {where} {{ {', '.join(f'{mac} timeout 1h' for mac in some)} }}")
    assert set(list_members(kernel, where)) == everybody


def test_no_such_set_is_told_apart_from_an_empty_one(kernel: Conversation) -> None:
    with pytest.raises(FileNotFoundError):
        list_members(kernel, "inet nobody s")
    assert find_member(kernel, "inet nobody s", ANNA) is None


def test_what_is_put_in_is_what_nft_shows(kernel: Conversation, where: str) -> None:
    kernel.change(list(put_members(where, [(ANNA, Counted(600, 5_000_000_000)), (BEN, Counted(60, 0))])))
    assert f"{ANNA} counter packets 0 bytes 5000000000 timeout 10m" in shown(where)
    assert f"{BEN} counter packets 0 bytes 0 timeout 1m" in shown(where)


def test_who_is_there_already_gets_the_new_time_and_count(kernel: Conversation, where: str) -> None:
    kernel.change(list(put_members(where, [(ANNA, Counted(60, 1))])))
    kernel.change(list(put_members(where, [(ANNA, Counted(600, 2))])))
    assert find_member(kernel, where, ANNA) in (Counted(599, 2), Counted(600, 2))


def test_who_is_taken_out_is_gone_and_who_was_not_there_does_not_matter(
    kernel: Conversation, where: str
) -> None:
    kernel.change(list(put_members(where, [(ANNA, Counted(60, 1)), (BEN, Counted(60, 1))])))
    kernel.change(list(take_members(where, [ANNA, CARL])))
    assert set(list_members(kernel, where)) == {BEN}


def test_a_change_that_is_refused_changes_nothing(kernel: Conversation, where: str) -> None:
    messages = [*put_members(where, [(ANNA, Counted(60, 1))]), *take_members("inet nobody s", [BEN])]
    with pytest.raises(FileNotFoundError):
        kernel.change(messages)
    assert list_members(kernel, where) == {}
    # And the next conversation is not confused by what is left of this one.
    kernel.change(list(put_members(where, [(BEN, Counted(60, 1))])))
    assert set(list_members(kernel, where)) == {BEN}
