"""No JSON that a platform, or somebody with its secret, may send breaks a reader."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.headoffice.follow import instagram, kakao, whatsapp
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import FollowEvent
from sync.headoffice.follow.line.webhook import read_events as read_line
from sync.headoffice.follow.telegram.updates import lost_the_channel, read_update
from tests.fakes.instagram import OWN, Instagram
from tests.fakes.kakao import CHANNEL, Kakao
from tests.fakes.line import Line, user
from tests.fakes.telegram import Telegram
from tests.fakes.whatsapp import NUMBER_ID, WhatsApp

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HERS = 412587349
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["٤٨٢٩١٣", "s1.", "-1", "9" * 400, 10**400, {}, [], [[]], [{}], {"id": {}}]),
)
WA, IG, KA = (
    Account(name="x", platform=platform, title="X", id=CHANNEL, options=options)
    for platform, options in (
        ("whatsapp", {"phone_number_id": NUMBER_ID}),
        ("instagram", {"account_id": OWN}),
        ("kakao", {}),
    )
)


def _line() -> list[Any]:
    line = Line()
    events = [line.follows(user(1)), line.says(user(1), "482913"), line.taps(user(1), "WIFI")]
    return [{"destination": line.bot, "events": events}]


def _telegram() -> list[Any]:
    telegram = Telegram()
    taps, joins = telegram.taps(HERS, "again 482913"), telegram.joins(HERS)
    return [telegram.starts(HERS, "482913"), taps, joins, telegram.takes_the_rank_away()]


def _instagram() -> list[Any]:
    fake = Instagram()
    events = [fake.writes("1", "482913", ref="st-1"), fake.opens("1", "482913"), fake.taps("1", "482913")]
    return [{"object": "instagram", "entry": [{"id": OWN, "messaging": events}]}]


def _whatsapp() -> list[Any]:
    fake = WhatsApp(numbers={"DE.1": "4915112345678"})
    values = [fake.writes("DE.1", "482913"), fake.switches_marketing_off("DE.1")]
    changes = [{"field": "messages", "value": value} for value in values]
    return [{"object": "whatsapp_business_account", "entry": [{"changes": changes}]}]


def _read_telegram(given: dict[str, Any]) -> list[FollowEvent]:
    lost_the_channel(given, "@our_cafe")
    heard = [read_update(given, "x", channel, NOW) for channel in (None, "@our_cafe")]
    return [each.event for each in heard if each is not None]


def _read_kakao(given: dict[str, Any]) -> list[FollowEvent]:
    event = kakao.read_event(given, "Rvy1", KA)
    return [] if event is None else [event]


READERS: dict[str, tuple[list[Any], Callable[[dict[str, Any]], list[FollowEvent]]]] = {
    "line": (_line(), lambda given: [heard.event for heard in read_line(given, "x")]),
    "telegram": (_telegram(), _read_telegram),
    "instagram": (_instagram(), lambda given: list(instagram.read_events(given, IG))),
    "whatsapp": (_whatsapp(), lambda given: [heard.event for heard in whatsapp.read_events(given, WA)]),
    "kakao": ([Kakao().event("added", "1")], _read_kakao),
}


def _with_something_odd(given: Any, draw: st.DrawFn) -> Any:
    """The same, and one place of it, at any depth, is something else or away."""
    inside = isinstance(given, dict | list) and given and draw(st.integers(0, 5))
    if not inside:
        return draw(ODD)
    if isinstance(given, list):
        place = draw(st.integers(0, len(given) - 1))
        return [*given[:place], _with_something_odd(given[place], draw), *given[place + 1 :]]
    key = draw(st.sampled_from(sorted(given)))
    return given | {key: _with_something_odd(given[key], draw)}


@pytest.mark.parametrize("platform", READERS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_body_with_something_odd_in_it_is_read_or_passed_over(platform: str, data: st.DataObject) -> None:
    bodies, read = READERS[platform]
    draw: Any = data.draw
    body = _with_something_odd(draw(st.sampled_from(bodies)), draw)
    for event in read(body if isinstance(body, dict) else {}):
        assert event.occurred_at.tzinfo is not None
        assert 0 < len(event.dedupe_key) <= 200
        assert 0 < len(event.subject_id) <= 200
        assert event.code is None or (len(event.code) == 6 and event.code.isascii())


@pytest.mark.parametrize("platform", READERS)
def test_the_body_without_anything_odd_is_heard(platform: str) -> None:
    bodies, read = READERS[platform]
    assert any(read(body) for body in bodies)
