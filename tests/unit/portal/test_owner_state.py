"""How the box is, in the owner's words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from netctl.api import Health
from netctl.gate import twin_watch
from netctl.legal import writer as legal_log
from netctl.sensor import sensor
from portal.owner_notices import NOTICES
from portal.owner_state import (
    NO_INTERNET,
    Line,
    by_urgency,
    counter_line,
    gate_line,
    notice_line,
    refused_line,
    upload_line,
)
from portal.owner_words import Words
from sync.records.notices import Notice
from sync.records.stats import Estimate, Waiting, Window
from sync.records.upload_state import UploadState

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
WORDS = Words(locale=Locale.parse("en"), zone=ZONE, today=NOW.astimezone(ZONE).date())
SECOND = timedelta(seconds=1)


def _upload(
    events: int = 0,
    *,
    waiting_seconds: float = 0,
    success_seconds: float | None = None,
    attempt_seconds: float | None = None,
    error: str | None = None,
    has_head_office: bool = True,
) -> Line:
    state = UploadState(
        epoch="E",
        acknowledged_seq=0,
        last_success_at=None if success_seconds is None else NOW - success_seconds * SECOND,
        last_attempt_at=None if attempt_seconds is None else NOW - attempt_seconds * SECOND,
        last_error=error,
    )
    oldest = NOW - waiting_seconds * SECOND if events else None
    waiting = Waiting(events=events, oldest_at=oldest, refused=0)
    return upload_line(state, waiting, has_head_office=has_head_office, now=NOW, words=WORDS)


def _said(line: Line) -> str:
    return line.sentence % line.values


def test_when_all_is_sent_it_says_so_and_when() -> None:
    line = _upload(success_seconds=12)
    assert (line.tone, _said(line)) == ("good", "All sent to head office (last: 12 seconds ago).")


def test_a_clock_that_was_set_back_does_not_send_in_the_future() -> None:
    assert _said(_upload(success_seconds=-500)) == "All sent to head office (last: 1 second ago)."


def test_what_waits_while_head_office_is_away_is_counted_in_the_store_s_time() -> None:
    line = _upload(312, waiting_seconds=6900, attempt_seconds=5, success_seconds=7000, error="refused")
    assert line.tone == "wrong"
    assert _said(line) == "Head office has taken nothing since 14:05. Messages waiting: 312."
    assert line.todo
    assert line.detail == "refused"


def test_what_waits_since_yesterday_says_the_day() -> None:
    line = _upload(3, waiting_seconds=86400, attempt_seconds=5, error="refused")
    assert "since Nov 22 16:00" in _said(line)


def test_what_is_just_being_sent_is_no_trouble() -> None:
    assert _upload(3, waiting_seconds=1, success_seconds=60).tone == "busy"
    assert _upload(9000, waiting_seconds=9000, attempt_seconds=3, success_seconds=3).tone == "busy"


def test_an_uploader_that_does_not_try_is_trouble() -> None:
    line = _upload(9, waiting_seconds=500, attempt_seconds=400)
    assert (line.tone, _said(line)[:36]) == ("wrong", "Nothing has been sent to head office")


def test_a_store_without_head_office_is_not_alarmed() -> None:
    assert _upload(9, waiting_seconds=86400, has_head_office=False).tone == "quiet"
    assert _upload().tone == "quiet"


def test_refused_messages_are_not_hidden() -> None:
    assert refused_line(Waiting(events=0, oldest_at=None, refused=0), WORDS) is None
    line = refused_line(Waiting(events=0, oldest_at=None, refused=2), WORDS)
    assert line is not None
    assert _said(line).endswith("kept aside: 2.")


def _window(age_seconds: float, *, radio: bool = True) -> Window:
    return Window(
        start=NOW - age_seconds * SECOND,
        seconds=300,
        devices=Estimate(value=9, low=8, high=10) if radio else None,
        inside=4 if radio else None,
        passers_by=5 if radio else None,
        stations=2,
    )


def test_a_counter_that_counts_is_not_worth_a_word() -> None:
    assert counter_line(_window(100), NOW, WORDS) is None
    assert counter_line(_window(590), NOW, WORDS) is None


def test_a_silent_counter_is_told_with_its_last_word() -> None:
    line = counter_line(_window(3600), NOW, WORDS)
    assert line is not None
    assert (line.tone, _said(line)) == ("warning", "The counter has been silent since 15:05.")


def test_without_a_radio_it_says_what_is_not_seen() -> None:
    line = counter_line(_window(100, radio=False), NOW, WORDS)
    assert line is not None
    assert line.tone == "quiet"
    assert "only phones on the WiFi" in line.sentence


def test_a_new_counter_asks_for_patience() -> None:
    line = counter_line(None, NOW, WORDS)
    assert line is not None
    assert line.tone == "quiet"


def test_a_gate_that_is_well_is_not_worth_a_word() -> None:
    assert gate_line(Health(ok=True, compared_at=NOW, problems=())) is None


def test_a_store_without_internet_is_told_so_though_its_gate_is_well() -> None:
    assert gate_line(Health(ok=True, compared_at=NOW, problems=(), uplink=False)) is NO_INTERNET
    ill = gate_line(Health(ok=False, compared_at=NOW, problems=("no ruleset",), uplink=False))
    assert ill is not None
    assert ill.detail == "no ruleset"


def test_a_gate_that_is_away_or_ill_is_the_first_thing_said() -> None:
    ill = gate_line(Health(ok=False, compared_at=NOW, problems=("nftables refused the ruleset",)))
    assert ill is not None
    assert ill.detail == "nftables refused the ruleset"
    said = by_urgency([_upload(success_seconds=1), counter_line(None, NOW, WORDS), gate_line(None)])
    assert [line.tone for line in said] == ["wrong", "good", "quiet"]


def _notice(key: str, severity: str) -> Notice:
    return Notice(notice_id="N", key=key, severity=severity, detail="dnsmasq is down", raised_at=NOW)


def test_a_notice_nobody_wrote_a_sentence_for_is_still_shown() -> None:
    line = notice_line(_notice("something_new", "trouble"), WORDS)
    assert line.tone == "wrong"
    assert line.detail == "16:00 something_new: dnsmasq is down"
    assert line.todo


@pytest.mark.parametrize(
    "key",
    [
        sensor.INTERFACE_GONE,
        sensor.FRAMES_LOST,
        sensor.FLOODED,
        legal_log.LOSSES,
        legal_log.NOT_WRITTEN,
        legal_log.NO_KEY,
        twin_watch.NOTICE,
    ],
)
def test_what_sensor_gate_and_legal_log_notice_has_its_own_sentence_and_says_what_to_do(key: str) -> None:
    line = notice_line(_notice(key, "warning"), WORDS)
    assert (line.sentence, line.todo) == NOTICES[key]
    assert line.todo


def test_lengths_are_read_as_people_say_them() -> None:
    assert [WORDS.minutes(value) for value in (0, 0.4, 23.4, 60, 125)] == [
        "0 min",
        "24 sec",
        "23 min",
        "1 hr",
        "2 hr 5 min",
    ]
    assert [WORDS.seconds(value) for value in (20, 300)] == ["20 sec", "5 min"]
    chinese = Words(locale=Locale.parse("zh_CN"), zone=ZONE, today=WORDS.today)
    assert chinese.minutes(125) == "2小时 5分钟"
