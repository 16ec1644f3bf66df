"""Telegram's updates, read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.headoffice.follow.telegram.updates import is_member, lost_the_channel, read_update
from tests.fakes.telegram import CHANNEL, Telegram

HER = 412587349
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
REF = "ABEiM0RVZneImQ-q"
NAME = "@our_cafe"


def _read(update: dict[str, Any], channel: str | None = None) -> Any:
    return read_update(update, "bot", channel, NOW)


@pytest.mark.parametrize(
    ("payload", "scene", "code"),
    [
        (REF, REF, None),
        (f"s123-{REF}", f"s123-{REF}", None),
        ("st-123", "st-123", None),
        ("482913", None, "482913"),
        ("something_else", None, None),
        (None, None, None),
    ],
)
def test_who_comes_by_a_link_starts_the_bot_with_what_stands_in_it(
    payload: str | None, scene: str | None, code: str | None
) -> None:
    heard = _read(Telegram().starts(HER, payload))
    assert (heard.event.scene, heard.event.code) == (scene, code)
    assert (heard.event.platform, heard.event.account, heard.event.subject_id) == (
        "telegram",
        "bot",
        str(HER),
    )
    assert heard.spoke


def test_starting_the_bot_is_a_follow_and_with_a_channel_only_a_question() -> None:
    telegram = Telegram()
    assert _read(telegram.starts(HER, REF)).event.kind == "follow"
    assert _read(telegram.starts(HER, REF), NAME).event.kind == "message"


def test_the_code_is_read_from_her_message() -> None:
    event = _read(Telegram().writes(HER, "WiFi 482 913")).event
    assert (event.kind, event.code, event.scene) == ("message", "482913", None)
    assert event.occurred_at == datetime(2026, 11, 23, 10, 46, 40, tzinfo=UTC)


def test_an_update_has_the_same_name_however_often_it_comes() -> None:
    update = Telegram().starts(HER)
    assert _read(update).event == _read(update).event
    assert _read(update).event.dedupe_key == str(update["update_id"])


@pytest.mark.parametrize("channel", [NAME, "@OUR_CAFE", str(CHANNEL["id"])])
def test_who_joins_the_channel_follows_and_who_leaves_it_does_not(channel: str) -> None:
    telegram = Telegram()
    joined, left = _read(telegram.joins(HER), channel), _read(telegram.leaves(HER), channel)
    assert (joined.event.kind, joined.event.subject_id, joined.spoke) == ("follow", str(HER), False)
    assert left.event.kind == "unfollow"


def test_a_new_rank_in_the_channel_is_no_new_follow() -> None:
    telegram = Telegram()
    telegram.joins(HER)
    assert _read(telegram.changes(HER, {"status": "administrator"}), NAME) is None
    assert _read(telegram.changes(HER, {"status": "restricted", "is_member": True}), NAME) is None
    assert _read(telegram.changes(HER, {"status": "restricted", "is_member": False}), NAME).event.kind == (
        "unfollow"
    )


def test_another_chat_is_not_our_channel() -> None:
    telegram = Telegram()
    assert _read(telegram.joins(HER), "@other") is None
    assert _read(telegram.joins(HER), None) is None


def test_who_stops_the_bot_unfollows_it_but_not_the_channel() -> None:
    telegram = Telegram()
    assert _read(telegram.stops_the_bot(HER)).event.kind == "unfollow"
    assert _read(telegram.stops_the_bot(HER), NAME) is None


def test_the_loss_of_the_channel_is_noticed() -> None:
    telegram = Telegram()
    assert lost_the_channel(telegram.takes_the_rank_away(), NAME)
    assert not lost_the_channel(telegram.stops_the_bot(HER), NAME)
    assert not lost_the_channel(telegram.starts(HER), NAME)


def test_the_button_brings_back_what_she_came_with() -> None:
    heard = _read(Telegram().taps(HER, f"again {REF}"), NAME)
    assert (heard.event.kind, heard.event.scene, heard.event.occurred_at) == ("message", REF, NOW)
    assert heard.callback_id == "q10000"
    assert _read(Telegram().taps(HER, "delete everything"), NAME) is None


@pytest.mark.parametrize(
    "member",
    [
        {"status": "creator"},
        {"status": "administrator"},
        {"status": "member"},
        {"status": "restricted", "is_member": True},
    ],
)
def test_these_are_members(member: dict[str, Any]) -> None:
    assert is_member(member)


@pytest.mark.parametrize(
    "member", [{"status": "left"}, {"status": "kicked"}, {"status": "restricted"}, {"status": 1}, {}]
)
def test_these_are_not(member: dict[str, Any]) -> None:
    assert not is_member(member)


def test_groups_and_bots_are_passed_over() -> None:
    telegram = Telegram()
    assert _read(telegram.writes(HER, "482913", chat={"id": -5, "type": "group"})) is None
    update = telegram.writes(HER, "482913")
    update["message"]["from"]["is_bot"] = True
    assert _read(update) is None


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"update_id": 5},
        {"update_id": 5, "message": []},
        {"update_id": 5, "message": {"from": {"id": "7"}}},
        {"update_id": 5, "message": {"from": {"id": HER}, "chat": {"type": "private"}, "date": "x"}},
        {"update_id": 5, "poll": {"id": "1"}},
        {"update_id": "5", "message": {"from": {"id": HER}, "chat": {"type": "private"}, "date": 1}},
        {"update_id": 5, "my_chat_member": {"chat": 1}},
        {"update_id": 5, "callback_query": {"from": {"id": True}, "data": "again x"}},
    ],
)
def test_no_shape_of_an_update_breaks_the_reader(update: dict[str, Any]) -> None:
    assert _read(update) is None
    assert _read(update, NAME) is None
