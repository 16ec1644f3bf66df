"""Reading the kernel's sets, and naming what is missing."""

from typing import Any

import pytest

from netctl.api import Mac
from netctl.gate.sessions import Member
from netctl.linux.elements import Counted, merged, parse_element, parse_set
from netctl.linux.nft import FilterFailed, PacketFilter, first_complaint, libnftables
from sync.config import Config
from sync.process import ProcessFailed

ANNA, BEN = Mac("02:00:5e:10:00:01"), Mac("02:00:5e:10:00:02")


def listed(*elements: Any) -> dict[str, Any]:
    """As nft 1.0.6 prints it."""
    return {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"name": "admitted", "elem": elements}}]}


def element(mac: str, expires: int, count: int) -> dict[str, Any]:
    counter = {"packets": 1, "bytes": count}
    return {"elem": {"val": mac, "timeout": 3600, "expires": expires, "counter": counter}}


def test_members_are_read_with_their_time_and_count() -> None:
    members = parse_set(listed(element(ANNA, 99, 1000)))
    assert {mac: tuple(counted) for mac, counted in members.items()} == {ANNA: (99, 1000)}


def test_an_empty_set_has_no_members() -> None:
    assert parse_set({"nftables": [{"set": {"name": "admitted"}}]}) == {}


def test_a_member_somebody_added_by_hand_is_seen_too() -> None:
    (counted,) = parse_set(listed(ANNA)).values()
    assert counted.seconds_left > 10**6


def test_both_directions_stand_side_by_side() -> None:
    both = merged(
        parse_set(listed(element(ANNA, 9, 1))), parse_set(listed(element(ANNA, 8, 2), element(BEN, 7, 3)))
    )
    assert list(both.values()) == [
        Member(mac=ANNA, seconds_up=9, seconds_down=8, bytes_up=1, bytes_down=2),
        Member(mac=BEN, seconds_up=None, seconds_down=7, bytes_up=0, bytes_down=3),
    ]


@pytest.mark.parametrize(
    ("shown", "counted"),
    [
        ("counter packets 3 bytes 4096 timeout 10m expires 9m59s896ms", Counted(599, 4096)),
        ("counter packets 0 bytes 0 timeout 30d expires 29d23h1m", Counted(2588460, 0)),
        ("counter packets 0 bytes 7 timeout 1s expires 12ms", Counted(0, 7)),
        ("timeout 20s expires 19s", Counted(19, 0)),
    ],
)
def test_one_station_is_read_from_what_nft_shows_of_it(shown: str, counted: Counted) -> None:
    told = f"table inet t {{\n\tset s {{\n\t\telements = {{ {ANNA} {shown} }}\n\t}}\n}}\n"
    assert parse_element(ANNA, told) == {ANNA: counted}
    assert parse_element(BEN, told) == {}
    assert parse_element(ANNA, "") == {}


class Library:
    """Stands for libnftables on a kernel that lacks something."""

    def __init__(self, lacks: str) -> None:
        self.lacks = lacks

    def cmd(self, commands: str) -> tuple[int, str, str]:
        if self.lacks in commands:
            return -1, "", "internal:0:0-0: Error: Could not process rule: Operation not supported"
        return 0, "", ""

    def set_json_output(self, on: bool) -> None:
        pass


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ("hook ingress", "This kernel cannot do netdev ingress: .*CONFIG_NETFILTER_INGRESS"),
        ("limit rate", "This kernel cannot do limits of each station: .*nft_limit"),
        ("ct count", "This kernel cannot do counting of connections: .*nft_connlimit"),
        ("table bridge", "This kernel cannot do bridge filtering: .*CONFIG_NF_TABLES_BRIDGE"),
        ("hook egress", "This kernel cannot do netdev egress: .*Linux 5.16"),
        ("type nat", "This kernel cannot do NAT: .*nft_chain_nat"),
        ("masquerade", "This kernel cannot do masquerade: .*nft_masq"),
        ("redirect", "This kernel cannot do redirect: .*nft_redir"),
        ("reject", "This kernel cannot do reject: .*nft_reject_inet"),
        ("fib daddr", "This kernel cannot do fib: .*nft_fib_inet"),
        ("ct state", "This kernel cannot do connection tracking: .*nft_ct"),
        ("add table", "This kernel cannot do nf_tables: .*nf_tables"),
    ],
)
def test_a_kernel_that_lacks_something_is_told_what(lacks: str, named: str) -> None:
    with pytest.raises(ProcessFailed, match=named):
        PacketFilter(Config.parse({}), lambda: Library(lacks)).load([])


def test_a_complaint_is_one_line_without_a_place_in_no_file() -> None:
    told = "internal:0:0-0: Error: Could not process rule: Device or resource busy\nadd rule\n^^^"
    assert first_complaint(told) == "Error: Could not process rule: Device or resource busy"


def test_an_error_of_the_filter_is_raised() -> None:
    with pytest.raises(FilterFailed, match="not supported"):
        PacketFilter(Config.parse({}), lambda: Library("list set")).members()


def test_without_libnftables_the_remedy_is_named() -> None:
    with pytest.raises(ProcessFailed, match="is missing: apt install libnftables1"):
        libnftables("libnftables-of-no-distribution.so")
