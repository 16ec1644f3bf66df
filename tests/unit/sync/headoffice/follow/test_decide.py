"""Who is let in by a follow, who is credited with it, and what she is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.headoffice.follow.decide import MOST_A_DAY, TOO_OLD, Decision, Grant, Known, Source, decide, won_by
from sync.headoffice.follow.event import FollowEvent

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = Grant(grant_id="0011223344556677", venue_id="", expires_at=NOON + timedelta(minutes=30))
ON_HER_PAGE = Source(
    kind="session", venue_id="north", venue_number=1, code="482913", ref="r" * 16, expires_at=NOON + 24 * HOUR
)
POSTER = Source(kind="poster", venue_id="north", venue_number=1, code="700700")
BADGE = Source(kind="staff", venue_id="north", venue_number=1, code="800800", staff_ref="m" * 16)
STRANGER = Known(person="mei")
FAN = Known(person="mei", following_since=NOON - 100 * HOUR)


def _event(
    kind: str = "follow", at: datetime = NOON, scene: str | None = "s1.x", code: str | None = None
) -> Any:
    return FollowEvent(
        platform="wechat",
        account="main",
        subject_id="oU",
        kind=kind,  # type: ignore[arg-type]
        scene=scene,
        code=code,
        occurred_at=at,
        dedupe_key="1",
    )


def _decide(event: FollowEvent, known: Known, at: datetime = NOON) -> Decision:
    return decide(event, known, at, NEW, has_links=True)


def test_a_new_follower_who_scanned_her_page_is_granted_by_its_code() -> None:
    decision = _decide(_event(), replace(STRANGER, source=ON_HER_PAGE))
    assert decision.follows is True
    assert decision.says == "online"
    assert decision.grant == Grant(
        grant_id=NEW.grant_id, venue_id="north", ref="r" * 16, code="482913", expires_at=NEW.expires_at
    )


def test_who_follows_already_and_scans_again_is_let_in_too() -> None:
    assert _decide(_event("scan"), replace(FAN, source=ON_HER_PAGE)).grant is not None


@pytest.mark.parametrize("source", [ON_HER_PAGE, POSTER])
def test_one_follower_does_not_let_the_whole_queue_in(source: Source) -> None:
    often = replace(FAN, source=source, grants_of_a_day=MOST_A_DAY - 1)
    assert _decide(_event("scan"), often).grant is not None
    decision = _decide(_event("scan"), replace(often, grants_of_a_day=MOST_A_DAY))
    assert decision.grant is None
    assert decision.says == "enough"


@pytest.mark.parametrize("source", [POSTER, BADGE])
def test_what_everybody_can_scan_comes_home_by_her_link_only(source: Source) -> None:
    decision = _decide(_event(), replace(STRANGER, source=source))
    assert decision.says == "tap"
    assert decision.grant is not None
    assert (decision.grant.venue_id, decision.grant.ref, decision.grant.code) == ("north", None, None)


def test_without_links_who_scanned_the_poster_is_asked_for_her_digits() -> None:
    decision = decide(_event(), replace(STRANGER, source=POSTER), NOON, NEW, has_links=False)
    assert (decision.follows, decision.grant, decision.says) == (True, None, "send_code")


def test_a_second_scan_is_the_same_grant() -> None:
    given = replace(NEW, venue_id="north", grant_id="a" * 16)
    decision = _decide(_event("scan"), replace(FAN, source=replace(ON_HER_PAGE, used_by="mei"), given=given))
    assert (decision.grant, decision.says) == (given, "online")


def test_a_code_lets_in_once() -> None:
    decision = _decide(_event("scan"), replace(FAN, source=replace(ON_HER_PAGE, used_by="lan")))
    assert (decision.grant, decision.says) == (None, "used")


def test_an_old_code_is_told_to_be_old() -> None:
    decision = _decide(_event(), replace(STRANGER, source=replace(ON_HER_PAGE, expires_at=NOON)))
    assert (decision.grant, decision.says, decision.follows) == (None, "expired", True)


@pytest.mark.parametrize(
    ("scene", "code", "says"),
    [("s1.nobody", None, "unknown"), (None, "123456", "unknown"), (None, None, "send_code")],
)
def test_whose_store_is_not_known_is_told_what_to_do(scene: str | None, code: str | None, says: str) -> None:
    decision = _decide(_event("message", scene=scene, code=code), FAN)
    assert (decision.grant, decision.says) == (None, says)


def test_a_message_of_somebody_the_platform_denies_is_no_follow() -> None:
    asked = replace(STRANGER, source=ON_HER_PAGE, platform_says=False)
    assert _decide(_event("message", code="482913"), asked) == Decision(says="follow_first")
    unsure = replace(asked, platform_says=None)
    assert _decide(_event("message", code="482913"), unsure).grant is not None


def test_where_messages_prove_nothing_she_is_let_in_and_counted_as_claiming_it() -> None:
    on_line = replace(_event("message", scene=None, code="482913"), platform="line")
    decision = _decide(on_line, replace(STRANGER, source=ON_HER_PAGE))
    assert (decision.follows, decision.claims, decision.says) == (None, True, "online")
    assert _decide(on_line, replace(STRANGER, source=None)) == Decision(says="unknown")
    assert _decide(on_line, replace(STRANGER, source=ON_HER_PAGE, platform_says=True)).follows is True
    assert _decide(on_line, replace(FAN, source=ON_HER_PAGE)).follows is True


@pytest.mark.parametrize("platform", ["line", "instagram", "telegram"])
@pytest.mark.parametrize("source", [None, ON_HER_PAGE])
def test_writing_to_us_is_no_follow_where_anybody_can(platform: str, source: Source | None) -> None:
    """A bot is written to by people who are not in its channel: a greeting first, and she would be known."""
    writes = replace(_event("message", scene=None, code="482913" if source else None), platform=platform)
    assert _decide(writes, replace(STRANGER, source=source)).follows is None
    said_to_follow = replace(STRANGER, source=source, platform_says=True)
    assert _decide(writes, said_to_follow).follows is True


def test_an_event_that_comes_an_hour_late_opens_no_gate() -> None:
    late = _event(at=NOON - TOO_OLD - timedelta(seconds=1))
    decision = _decide(late, replace(STRANGER, source=BADGE))
    assert decision == Decision(follows=True, credit="m" * 16)
    assert _decide(_event(at=NOON - TOO_OLD), replace(STRANGER, source=BADGE)).grant is not None


def test_digits_that_come_an_hour_late_open_none_either() -> None:
    late = NOON - TOO_OLD - timedelta(seconds=1)
    on_line = replace(_event("message", late, scene=None, code="482913"), platform="line")
    assert _decide(on_line, replace(STRANGER, source=ON_HER_PAGE)) == Decision()


def test_a_new_follow_by_the_badge_is_credited_to_its_bearer() -> None:
    assert _decide(_event(), replace(STRANGER, source=BADGE)).credit == "m" * 16


@pytest.mark.parametrize("kind", ["message", "follow"])
def test_where_digits_or_a_login_come_after_the_follow_the_bearer_is_credited_too(kind: str) -> None:
    began = replace(STRANGER, following_since=NOON - timedelta(minutes=2), source=BADGE)
    assert _decide(_event(kind, scene=None, code="800800"), began).credit == "m" * 16


@pytest.mark.parametrize(
    ("event", "since", "source", "word"),
    [
        (_event(), None, ON_HER_PAGE, "session"),
        (_event("message", scene=None, code="482913"), NOON - timedelta(minutes=1), ON_HER_PAGE, "code"),
        (_event("message", scene=None, code="700700"), NOON - timedelta(minutes=1), POSTER, "poster"),
        (_event(), None, BADGE, "staff"),
        (_event("scan"), NOON - timedelta(minutes=1), BADGE, "known"),
        (_event("message", scene=None, code="482913"), NOON - 2 * HOUR, ON_HER_PAGE, "known"),
    ],
)
def test_a_follow_is_counted_by_what_won_it(
    event: FollowEvent, since: datetime | None, source: Source, word: str
) -> None:
    assert won_by(event, replace(STRANGER, following_since=since, source=source), NOON) == word


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("scan", replace(FAN, source=BADGE)),
        ("follow", replace(STRANGER, source=BADGE, credited=True)),
        # Followed by herself before, left, and was asked to follow anew by the badge.
        ("follow", replace(STRANGER, source=BADGE, ended_at=NOON - HOUR)),
        ("follow", replace(STRANGER, source=replace(BADGE, staff_ref=None))),
        ("follow", replace(FAN, source=BADGE)),
        ("message", replace(STRANGER, source=BADGE)),
    ],
)
def test_the_same_person_earns_nobody_a_second_credit(kind: str, known: Known) -> None:
    assert _decide(_event(kind), known).credit is None


@pytest.mark.parametrize(
    ("after", "taken_back"), [(timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False)]
)
def test_who_leaves_within_a_day_takes_the_credit_along(after: timedelta, taken_back: bool) -> None:
    known = replace(FAN, following_since=NOON, credited=True, credited_at=NOON)
    decision = _decide(_event("unfollow", NOON + after, scene=None), known, NOON + after)
    assert decision == Decision(follows=False, takes_credit_back=taken_back)


def test_an_unfollow_told_after_she_came_back_ends_nothing() -> None:
    assert _decide(_event("unfollow", NOON - 101 * HOUR), FAN) == Decision()


def test_a_follow_told_after_she_left_begins_nothing() -> None:
    gone = replace(STRANGER, source=ON_HER_PAGE, ended_at=NOON)
    assert _decide(_event(at=NOON - HOUR), gone) == Decision()
    assert _decide(_event(at=NOON), gone).grant is not None
