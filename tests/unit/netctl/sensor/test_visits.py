"""A visit ends when its station leaves, once, however often that is heard."""

from datetime import UTC, datetime, timedelta

from netctl.api import Mac, Presence
from netctl.sensor.visits import Stays

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def joined(seq: int, visit_id: str) -> Presence:
    return Presence(
        seq=seq,
        kind="joined",
        visit_id=visit_id,
        mac=Mac("02:00:5e:10:00:01"),
        joined_at=NOON,
        left_at=None,
        session_id=None,
        lead_id=None,
    )


def left(seq: int, visit_id: str, minutes: int = 20) -> Presence:
    return Presence(
        seq=seq,
        kind="left",
        visit_id=visit_id,
        mac=Mac("02:00:5e:10:00:01"),
        joined_at=NOON,
        left_at=NOON + timedelta(minutes=minutes),
        session_id="S1",
        lead_id="L1",
    )


def test_a_leave_makes_a_visit_with_its_dwell() -> None:
    stays = Stays(0)
    assert stays.hear(joined(1, "A")) is None
    visit = stays.hear(left(2, "A"))
    assert visit is not None
    assert (visit.visit_id, visit.dwell_seconds, visit.session_id, visit.lead_id) == ("A", 1200, "S1", "L1")


def test_who_joined_and_has_not_left_is_here() -> None:
    stays = Stays(0)
    for presence in (joined(1, "A"), joined(2, "B"), left(3, "A"), joined(4, "C")):
        stays.hear(presence)
    assert stays.present == 2


def test_after_a_restart_those_still_here_are_heard_again() -> None:
    stays = Stays(0)
    presences = [joined(1, "A"), joined(2, "B"), left(3, "A"), joined(4, "C"), left(5, "C")]
    for presence in presences:
        stays.hear(presence)
    restarted = Stays(stays.cursor)
    for presence in presences:
        if presence.seq > stays.cursor:
            restarted.hear(presence)
    assert restarted.present == 1
    restarted.hear(left(6, "B"))
    assert (restarted.present, restarted.cursor) == (0, 6)


def test_with_nobody_here_nothing_is_heard_twice() -> None:
    stays = Stays(0)
    for presence in (joined(1, "A"), left(2, "A")):
        stays.hear(presence)
    assert stays.cursor == 2
