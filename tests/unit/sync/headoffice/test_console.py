"""What the console says, and in which words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages import pofile
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

from sync.headoffice import console
from sync.headoffice.console.pages import start_of_day
from sync.headoffice.console.view import ClockWord, Contact, masked, view_follows, view_lead, view_venue
from sync.headoffice.follow.storage import StoreFollows
from sync.headoffice.storage import Health, LatestLead, VenueToday
from sync.i18n import NAMES

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
CONSOLE = Path(console.__file__).parent


def _venue(last_seen_at: datetime | None = NOW, **health: object) -> VenueToday:
    return VenueToday(
        venue_id="shop",
        name="Shop",
        brand_id="default",
        last_seen_at=last_seen_at,
        health=Health(**health),  # type: ignore[arg-type]
        leads=0,
        sessions=0,
        visits=0,
    )


@pytest.mark.parametrize(
    ("last_seen_at", "contact"),
    [
        (None, "never"),
        (NOW - timedelta(minutes=4), "fresh"),
        (NOW - timedelta(minutes=6), "late"),
        (NOW + timedelta(minutes=1), "fresh"),
    ],
)
def test_a_store_is_late_after_five_silent_minutes(last_seen_at: datetime | None, contact: Contact) -> None:
    assert view_venue(_venue(last_seen_at), NOW).contact == contact


@pytest.mark.parametrize(
    ("clock", "skew_seconds", "word"),
    [
        (None, None, "unknown"),
        ("synced", 3, "right"),
        ("synced", 121, "ahead"),
        ("synced", -7200, "behind"),
        ("unsynced", 3, "unsynced"),
        ("unsynced", -1_000_000, "behind"),
    ],
)
def test_a_wrong_clock_is_told(clock: str | None, skew_seconds: int | None, word: ClockWord) -> None:
    view = view_venue(_venue(clock=clock, skew_seconds=skew_seconds), NOW)
    assert view.clock == word
    assert view.skew == timedelta(seconds=abs(skew_seconds or 0))


def test_digits_and_scans_of_the_page_are_one_and_who_only_claims_it_is_beside() -> None:
    store = StoreFollows(
        venue_id="shop",
        name="Shop",
        by_source={"session": 3, "code": 2, "poster": 1, "staff": 4},
        claimed=7,
        ended=2,
    )
    view = view_follows(store)
    assert (view.verified, view.page, view.poster, view.staff) == (10, 5, 1, 4)
    assert (view.claimed, view.left) == (7, 2)


def test_a_masked_name_tells_its_first_letter_only() -> None:
    lead = LatestLead(
        lead_id="l", venue_id="v", venue_name="Shop", name=" 王小明", registered_at=NOW, marketing=False
    )
    assert view_lead(lead, "viewer").name == "王•••"
    assert view_lead(lead, "marketing").name == " 王小明"
    assert masked("Al") == "A•••"


def test_today_begins_at_midnight_where_the_pages_are_read() -> None:
    assert start_of_day(NOW, ZoneInfo("Asia/Shanghai")) == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert start_of_day(NOW, ZoneInfo("UTC")) == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("code", NAMES)
def test_every_sentence_is_translated_and_none_is_left_over(code: str) -> None:
    found = extract_from_dir(
        CONSOLE, [("**.py", "python"), ("**.html", "jinja2")], keywords=DEFAULT_KEYWORDS | {"mark": None}
    )
    used = {message[2][0] if isinstance(message[2], tuple) else message[2] for message in found}
    path = CONSOLE.parent / "locales" / code / "LC_MESSAGES" / "console.po"
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale=code)
    said = {message.id[0] if isinstance(message.id, tuple) else message.id: message for message in catalogue}
    said.pop("")

    assert said.keys() == used
    for message in said.values():
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings)
        assert list(message.check()) == []
