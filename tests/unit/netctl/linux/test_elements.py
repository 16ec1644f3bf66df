"""What is put into the kernel's sets, and what is read from them."""

from ipaddress import IPv4Address

from netctl.api import Mac
from netctl.gate.sessions import Admit, Member
from netctl.linux.elements import admitting, leasing, merged, parse_timed, put, take
from netctl.linux.members import Counted

ANNA, BEN = Mac("02:00:5e:10:00:01"), Mac("02:00:5e:10:00:02")


def test_both_directions_stand_side_by_side() -> None:
    both = merged({ANNA: Counted(9, 1)}, {ANNA: Counted(8, 2), BEN: Counted(7, 3)})
    assert list(both.values()) == [
        Member(mac=ANNA, seconds_up=9, seconds_down=8, bytes_up=1, bytes_down=2),
        Member(mac=BEN, seconds_up=None, seconds_down=7, bytes_up=0, bytes_down=3),
    ]


def test_nothing_to_put_or_take_is_no_command() -> None:
    assert put("inet t s", []) == []
    assert take("inet t s", []) == []


def test_what_is_not_there_is_taken_out_without_an_error() -> None:
    assert take("inet t s", [ANNA]) == [
        f"add element inet t s {{ {ANNA} }}",
        f"delete element inet t s {{ {ANNA} }}",
    ]


def test_ten_thousand_elements_are_many_small_commands() -> None:
    commands = put("inet t s", range(10_000))
    assert len(commands) == 20
    assert max(map(len, commands)) < 4000


def test_an_admission_is_at_least_a_second_long_in_both_directions() -> None:
    commands = admitting([Admit(mac=ANNA, seconds=0, bytes_up=1, bytes_down=2)])
    assert [command.partition("{ ")[2] for command in commands] == [
        f"{ANNA} counter packets 0 bytes 1 timeout 1s }}",
        f"{ANNA} counter packets 0 bytes 2 timeout 1s }}",
    ]


def test_a_lease_is_known_to_every_table_that_asks_for_it() -> None:
    address = IPv4Address("10.77.0.9")
    assert leasing(frozenset(), {(ANNA, address)}) == [
        f"add element inet yingke holders {{ {ANNA} }}",
        f"add element inet yingke leased {{ {ANNA} . 0x0a4d0009 }}",
        "add element inet yingke leased_addresses { 0x0a4d0009 }",
        f"add element netdev yingke leased {{ {ANNA} . 10.77.0.9 }}",
        "add element netdev yingke leased_addresses { 10.77.0.9 }",
        f"add element bridge yingke leased {{ {ANNA} . 10.77.0.9 }}",
        "add element bridge yingke leased_addresses { 10.77.0.9 }",
    ]


def test_an_address_that_goes_from_one_station_to_another_stays_leased() -> None:
    address = IPv4Address("10.77.0.9")
    commands = leasing({(ANNA, address)}, {(BEN, address)}, {(BEN, address)})
    assert not [
        command for command in commands if command.startswith("delete") and "leased_addresses" in command
    ]


def test_a_station_that_gives_back_one_of_two_addresses_still_holds_one() -> None:
    first, second = (ANNA, IPv4Address("10.77.0.9")), (ANNA, IPv4Address("10.77.0.10"))
    forgotten = f"delete element inet yingke holders {{ {ANNA} }}"
    assert forgotten not in leasing({first}, frozenset(), {second})
    assert forgotten in leasing({first, second}, frozenset())


def test_the_walled_garden_is_carried_over_with_the_time_it_has_left() -> None:
    host = {"elem": {"val": "203.0.113.9", "timeout": 7200, "expires": 99}}
    leaving = {"elem": {"val": "203.0.113.10", "timeout": 7200, "expires": 0}}
    # As nft 1.0.6 prints it.
    listed = {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"elem": [host, leaving]}}]}
    assert parse_timed(listed) == ["203.0.113.9 timeout 99s", "203.0.113.10 timeout 1s"]
