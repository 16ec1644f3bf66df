"""Whether a session holds in another store, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.headoffice.roaming import (
    SENTENCES,
    UNSURE_SECONDS,
    Honoured,
    Origin,
    RefusalKey,
    Told,
    Wish,
    decide,
    surely_ends,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WISH = Wish(venue_id="south", request_id="wish-1", code_sha256="a" * 64, contact="+8613800138000")
ORIGIN = Origin(
    venue_id="north",
    brand_id="tea",
    session_id="session-1",
    lead_id="lead-1",
    phone="+8613800138000",
    email=None,
    seconds_granted=7200,
    ended_because=None,
    started=Told(at=NOON, synced=True, monotonic_ms=50_000),
    received_at=NOON + timedelta(seconds=2),
    later=None,
)


def _decide(
    wish: Wish = WISH,
    origin: Origin | None = ORIGIN,
    *,
    brand: str = "tea",
    on: bool = True,
    at: datetime = NOON,
) -> Honoured | RefusalKey:
    return decide(wish, brand, on, origin, at, "grant-1")


def test_a_session_holds_for_what_is_left_of_it() -> None:
    assert _decide(at=NOON + HOUR) == Honoured(
        grant_id="grant-1", origin_session_id="session-1", lead_id="lead-1", ends_at=NOON + 2 * HOUR
    )


def test_the_last_second_is_honoured_and_the_next_is_not() -> None:
    assert isinstance(_decide(at=NOON + 2 * HOUR - timedelta(seconds=1)), Honoured)
    assert _decide(at=NOON + 2 * HOUR - timedelta(milliseconds=999)) == "over"
    assert _decide(at=NOON + 3 * HOUR) == "over"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"brand_id": "coffee"}, "other_brand"),
        ({"venue_id": "south"}, "same_store"),
        ({"lead_id": None}, "unknown"),
        ({"phone": "+8613900139000"}, "wrong_contact"),
        ({"phone": None}, "wrong_contact"),
        ({"ended_because": "signed_out"}, "over"),
        ({"ended_because": "expelled"}, "over"),
        ({"ended_because": "expired"}, "over"),
    ],
)
def test_what_is_not_honoured(changed: dict[str, str | None], key: RefusalKey) -> None:
    assert _decide(origin=replace(ORIGIN, **changed)) == key  # type: ignore[arg-type]


def test_a_brand_without_roaming_honours_nothing() -> None:
    assert _decide(on=False) == "roaming_off"
    assert _decide(origin=None, on=False) == "roaming_off"


def test_nobody_learns_of_a_session_without_its_contact() -> None:
    ended = replace(ORIGIN, ended_because="signed_out")
    assert _decide(replace(WISH, contact="someone@example.com"), ended) == "wrong_contact"


def test_either_contact_she_gave_will_do() -> None:
    both = replace(ORIGIN, email="mei@example.com")
    assert isinstance(_decide(replace(WISH, contact="mei@example.com"), both), Honoured)
    assert isinstance(_decide(WISH, both), Honoured)


def test_who_only_left_the_store_goes_on_elsewhere() -> None:
    """The session at the first store ends when her phone has been silent: that is what leaving looks like."""
    assert isinstance(_decide(origin=replace(ORIGIN, ended_because="idle"), at=NOON + HOUR), Honoured)


def test_a_clock_that_runs_ahead_gives_no_time_away() -> None:
    ahead = replace(ORIGIN, started=replace(ORIGIN.started, at=NOON + timedelta(days=1)))
    assert surely_ends(ahead) == ORIGIN.received_at + 2 * HOUR


def test_a_start_told_by_a_wrong_clock_is_corrected_by_what_the_same_boot_told_later() -> None:
    began = Told(at=datetime(1970, 1, 1, tzinfo=UTC), synced=False, monotonic_ms=50_000)
    later = Told(at=NOON + timedelta(seconds=600), synced=True, monotonic_ms=650_000)
    assert (
        surely_ends(replace(ORIGIN, started=began, later=later, received_at=NOON + HOUR)) == NOON + 2 * HOUR
    )


def test_a_start_nobody_knows_gives_half_an_hour_at_most() -> None:
    began = Told(at=datetime(1970, 1, 1, tzinfo=UTC), synced=False, monotonic_ms=50_000)
    unsure = replace(ORIGIN, started=began)
    assert surely_ends(unsure) == ORIGIN.received_at + timedelta(seconds=UNSURE_SECONDS)
    short = replace(unsure, seconds_granted=60)
    assert surely_ends(short) == ORIGIN.received_at + timedelta(seconds=60)


@pytest.mark.parametrize(
    "said",
    [
        {"seconds_granted": 2**62},
        {"seconds_granted": 2**40},
        {
            "started": Told(at=NOON, synced=False, monotonic_ms=0),
            "later": Told(at=NOON, synced=True, monotonic_ms=2**62),
        },
    ],
)
def test_a_store_that_tells_of_times_beyond_any_calendar_is_owed_nothing(said: dict[str, Any]) -> None:
    assert _decide(origin=replace(ORIGIN, **said)) == "over"


def test_every_refusal_has_its_sentence() -> None:
    assert all(SENTENCES.values())
    assert set(SENTENCES) == set(RefusalKey.__args__)  # type: ignore[attr-defined]
