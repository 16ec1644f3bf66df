"""Whose lease goes back when the addresses run out."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netctl.api import Mac
from netctl.gate.pool import ASKED_SECONDS, GRACE_SECONDS, Holder, is_short, to_give_back

NOW, ABSENT_AFTER = 10_000.0, 300.0


def holder(number: int, **known: object) -> Holder:
    """A made-up station: leased a minute ago, asked, never heard."""
    lease = (Mac(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"), IPv4Address(0x0A4D0000 + number))
    made_up = Holder(lease=lease, since=NOW - 60, answered=None, asked=NOW - 50, needed=False)
    return replace(made_up, **known)  # type: ignore[arg-type]


def given_back(*holders: Holder, used: int = 245, capacity: int = 245) -> list[Holder]:
    gone = to_give_back(holders, used, capacity, NOW, ABSENT_AFTER)
    return [each for lease in gone for each in holders if each.lease == lease]


def test_a_pool_is_short_above_three_quarters_until_half_of_it_is_free() -> None:
    assert not is_short(75, 100, was_short=False)
    assert is_short(76, 100, was_short=False)
    assert is_short(51, 100, was_short=True)
    assert not is_short(50, 100, was_short=True)


def test_a_station_that_never_answered_loses_its_lease() -> None:
    assert given_back(holder(1))


@pytest.mark.parametrize(
    "known",
    [
        {"needed": True},
        {"asked": None},
        {"asked": NOW - ASKED_SECONDS / 2},
        {"since": NOW - GRACE_SECONDS / 2, "asked": NOW - ASKED_SECONDS},
        {"answered": NOW - ABSENT_AFTER + 1},
    ],
    ids=["admitted", "not asked yet", "asked just now", "just joined", "heard lately"],
)
def test_a_phone_that_may_be_here_keeps_its_address(known: dict[str, object]) -> None:
    assert not given_back(holder(1, **known))


def test_a_phone_that_has_left_gives_its_address_back() -> None:
    assert given_back(holder(1, answered=NOW - ABSENT_AFTER))


def test_the_oldest_go_first_and_no_more_than_must() -> None:
    holders = [holder(number, since=NOW - 100 + number) for number in range(90)]
    assert given_back(*reversed(holders), used=80, capacity=100) == holders[:30]
    assert given_back(*holders, used=50, capacity=100) == []


@given(
    st.lists(st.builds(dict, needed=st.booleans(), answered=st.none() | st.floats(0, NOW))),
    st.integers(1, 300),
)
def test_nobody_admitted_and_nobody_heard_lately_ever_loses_it(
    known: list[dict[str, object]], used: int
) -> None:
    holders = [holder(number, **each) for number, each in enumerate(known)]
    for each in given_back(*holders, used=used):
        assert not each.needed
        assert each.answered is None or NOW - each.answered >= ABSENT_AFTER
