"""LINE's webhooks, read: checked against LINE's own SDK."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linebot.v3.webhook import SignatureValidator, WebhookParser

from sync.headoffice.follow.line.webhook import fits, read_events, sign
from tests.fakes.line import Line, user

# The vector of 2026-11-22: LINE's SDK 3.27.0 agrees.
BODY = (
    b'{"destination":"xxxxxxxxxx","events":[{"type":"follow","replyToken":"85cbe770fa8b4f45bbe077b1d4be4a36",'
    b'"mode":"active","timestamp":1705891467176,"source":{"type":"user","userId":'
    b'"U3d3edab4f36c6292e6d8a8131f141b8b"},"webhookEventId":"01HMQGW40RZJPJM3RAJP7BHC2Q","deliveryContext":'
    b'{"isRedelivery":false},"follow":{"isUnblocked":false}}]}'
)
SIGNATURE = "Ym9UxnPdbMD916c0DQAz5OY3iSxNThC6J79WF4fSxuo="
HER = user(7)


def _one(event: dict[str, Any]) -> Any:
    (heard,) = read_events({"events": [event]}, "main")
    return heard


def test_the_known_body_has_the_known_signature() -> None:
    assert sign(BODY, "testsecret") == SIGNATURE
    assert fits(SIGNATURE, BODY, "testsecret")


@pytest.mark.parametrize(
    ("signature", "body", "secret"),
    [
        ("", BODY, "testsecret"),
        ("Ym9U", BODY, "testsecret"),
        ("日本\udcff", BODY, "testsecret"),
        (SIGNATURE, BODY, "othersecret"),
        (SIGNATURE, BODY.replace(b'":"', b'": "'), "testsecret"),
        (SIGNATURE, BODY[:-1], "testsecret"),
    ],
    ids=["none", "a piece", "no ASCII", "another channel's", "written anew", "truncated"],
)
def test_any_other_signature_is_refused(signature: str, body: bytes, secret: str) -> None:
    assert not fits(signature, body, secret)


@given(text=st.text(max_size=200), secret=st.text(min_size=1, max_size=40))
def test_the_sdk_of_line_accepts_what_we_sign_and_we_what_it_accepts(text: str, secret: str) -> None:
    try:
        text.encode(), secret.encode()
    except UnicodeEncodeError:
        return  # a body is bytes: no half characters on the wire
    assert SignatureValidator(secret).validate(text, sign(text.encode(), secret))


def test_the_sdk_of_line_reads_the_same_people_and_texts() -> None:
    line = Line()
    events = [line.follows(HER), line.says(HER, "482913"), line.taps(HER, "WIFI"), line.unfollows(HER)]
    body = line.body(*events)
    theirs = WebhookParser(line.channel_secret).parse(body.decode(), line.sign(body))
    ours = read_events(json.loads(body), "main")
    assert [each.source.user_id for each in theirs] == [each.event.subject_id for each in ours]
    assert [each.webhook_event_id for each in theirs] == [each.event.dedupe_key for each in ours]
    assert [getattr(each, "reply_token", None) for each in theirs] == [each.reply_token for each in ours]
    assert [each.type for each in theirs] == ["follow", "message", "postback", "unfollow"]
    assert [each.event.kind for each in ours] == ["follow", "message", "message", "unfollow"]


def test_a_follow_is_read_with_its_moment() -> None:
    (heard,) = read_events(json.loads(BODY), "main")
    assert heard.reply_token == "85cbe770fa8b4f45bbe077b1d4be4a36"
    assert heard.event.occurred_at == datetime(2024, 1, 22, 2, 44, 27, 176000, tzinfo=UTC)
    assert (heard.event.platform, heard.event.account, heard.event.kind) == ("line", "main", "follow")
    assert heard.event.dedupe_key == "01HMQGW40RZJPJM3RAJP7BHC2Q"


@pytest.mark.parametrize("text", ["482913", " 482 913 ", "４８２９１３", "code: 482913!"])
def test_the_code_is_found_however_she_types_it(text: str) -> None:
    event = _one(Line().says(HER, text)).event
    assert (event.code, event.scene) == ("482913", None)


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        ("st.123", "st.123"),
        ("sm.123.ABEiM0RVZneImQCq", "sm.123.ABEiM0RVZneImQCq"),
        ("s123.ABEiM0RVZneImQCq\n", "s123.ABEiM0RVZneImQCq"),
        ("ABEiM0RVZneImQCq", None),
        ("hello", None),
    ],
)
def test_a_link_of_ours_may_send_its_scene_as_her_text(text: str, scene: str | None) -> None:
    assert _one(Line().says(HER, text)).event.scene == scene


def test_a_redelivered_event_is_told_under_the_name_it_had() -> None:
    first = Line().follows(HER)
    again = first | {"deliveryContext": {"isRedelivery": True}}
    assert _one(again).event == _one(first).event


def test_the_console_asks_without_events_and_nothing_happens() -> None:
    assert read_events({"destination": "U0", "events": []}, "main") == []


def test_in_standby_she_is_heard_but_not_answered() -> None:
    heard = _one(Line().says(HER, "482913") | {"mode": "standby"})
    assert heard.event.code == "482913"
    assert heard.reply_token is None


@pytest.mark.parametrize(
    "strange",
    [
        {"type": "unsend"},
        {"type": "aKindNotInventedYet"},
        {"type": None},
        {"source": {"type": "group", "groupId": "C1", "userId": HER}},
        {"source": {"type": "user"}},
        {"source": {"type": "user", "userId": "U1'; DROP TABLE"}},
        {"source": HER},
        {"webhookEventId": ""},
        {"webhookEventId": "x" * 65},
        {"timestamp": "yesterday"},
        {"timestamp": 10**40},
        {"timestamp": True},
    ],
)
def test_what_does_not_concern_us_is_passed_over_and_the_rest_is_heard(strange: dict[str, Any]) -> None:
    line = Line()
    events = [line.follows(HER) | strange, line.says(HER, "482913")]
    assert [each.event.code for each in read_events({"events": events}, "main")] == ["482913"]


@pytest.mark.parametrize("events", [None, {}, "follow", [None, 3, "x", []]])
def test_no_shape_of_the_list_breaks_the_reader(events: Any) -> None:
    assert read_events({"events": events}, "main") == []


def test_a_message_without_text_is_still_a_message() -> None:
    line = Line()
    event = line.event("message", HER, answered=True, message={"type": "sticker", "id": "1"})
    assert (_one(event).event.kind, _one(event).event.code) == ("message", None)
