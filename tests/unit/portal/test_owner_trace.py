"""What the owner reads of a station."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from netctl.api import Session, StationSeen, Step, StepKind
from portal import owner_trace
from portal.owner_trace import by_need, station_line
from portal.owner_words import Words

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
WORDS = Words(locale=Locale.parse("en"), zone=ZoneInfo("Asia/Shanghai"), today=date(2026, 11, 23))


def _station(*steps: StepKind, **says: Any) -> StationSeen:
    made = tuple(Step(step=step, at=NOW + timedelta(minutes=at)) for at, step in enumerate(steps))
    return StationSeen(
        **{"station_code": "KLMP", "present": True, "captive": True, "why": "new", "steps": made, **says}
    )


def _online(method: str = "form") -> StationSeen:
    session = Session(
        session_id="s",
        lead_id=None,
        method=method,
        started_at=NOW,
        seconds_granted=7200,
        seconds_left=3900,
        bytes_up=0,
        bytes_down=0,
    )
    return _station("joined", "lease", "admitted", captive=False, why="admitted", session=session)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((), "no address of ours"),
        (("joined",), "no address of ours"),
        (("joined", "lease"), "private DNS or a VPN"),
        (("joined", "lease", "check"), "nobody opened it"),
        (("joined", "lease", "check", "portal"), "the form has not been sent"),
        (("joined", "lease", "portal", "form"), "Are there mistakes in it?"),
        (("joined", "lease", "portal", "form", "refused"), "did not let it in"),
    ],
)
def test_why_the_portal_did_not_pop_up_is_said_by_how_far_it_came(
    steps: tuple[StepKind, ...], says: str
) -> None:
    line = station_line(_station(*steps), WORDS)
    assert says in line.sentence
    assert line.tone == "warning"


def test_who_is_online_is_said_with_the_time_left() -> None:
    line = station_line(_online(), WORDS)
    assert (line.tone, line.online, line.sentence) == ("good", True, owner_trace.ONLINE)
    assert line.values == {"left": "1 hr 5 min"}
    assert station_line(_online("temporary_pass"), WORDS).sentence == owner_trace.BRIEFLY


def test_an_allowed_till_is_let_in_and_has_nothing_to_end() -> None:
    line = station_line(_station("lease", captive=False, why="allowed"), WORDS)
    assert (line.sentence, line.online, line.captive) == (owner_trace.ALLOWED, False, False)


@pytest.mark.parametrize(
    "why", ["blocked", "closed", "quota", "expired", "idle", "signed_out", "expelled", "pass_over"]
)
def test_who_is_out_is_told_by_why_and_not_by_old_steps(why: str) -> None:
    line = station_line(_station("lease", "check", "portal", "form", "admitted", "ended", why=why), WORDS)
    assert line.tone == "quiet"
    assert line.blocked == (why == "blocked")


def test_a_cloned_address_is_said_before_anything_else() -> None:
    line = station_line(_station("lease", "cloned", captive=False, why="allowed"), WORDS)
    assert line.sentence == owner_trace.CLONED


def test_a_step_is_told_in_words_and_what_has_none_as_it_is() -> None:
    again = NOW + timedelta(minutes=20)
    steps = (
        Step(step="lease", at=NOW, detail="10.77.0.9"),
        Step(step="check", at=NOW, detail="Apple", count=7, last_at=again),
        Step(step="ended", at=NOW, detail="quota"),
    )
    lease, check, ended = station_line(_station(steps=steps), WORDS).rows
    assert (lease.at, lease.shown, lease.told) == ("13:00", "10.77.0.9", "")
    assert (check.at, check.shown, check.count) == ("13:00 – 13:20", "Apple", 7)
    assert (ended.told, ended.shown) == (owner_trace.DETAILS["quota"], "")


def test_those_that_do_not_get_in_come_first() -> None:
    stuck, till = _station("lease"), _station(captive=False, why="allowed", station_code="AAAA")
    lines = by_need([station_line(each, WORDS) for each in (till, _online(), stuck)])
    assert [line.tone for line in lines] == ["warning", "good", "good"]
