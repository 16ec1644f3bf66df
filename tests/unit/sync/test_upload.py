"""What goes into a batch, how long is waited, which key is used, and what an answer means."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.answer import KEY_REFUSED, NOT_UNDERSTOOD, SENTENCES, Delivered, Rejected, TooMuch, TryLater, judge
from sync.config import Config
from sync.conversation import back_off_seconds, read_key
from sync.envelope import from_line
from sync.model import new_event
from sync.records.outbox import Queued
from sync.upload import pack
from tests.clock import FakeClock


def _queue(*seqs: int, body: dict[str, Any] | None = None) -> list[Queued]:
    clock = FakeClock()
    return [Queued(seq=seq, event=new_event("venue.started", body or {}, clock)) for seq in seqs]


@given(st.lists(st.integers(0, 300), max_size=20), st.integers(1, 2000))
def test_a_batch_keeps_the_order_and_its_bound_and_is_never_stuck(sizes: list[int], most_bytes: int) -> None:
    queue = [_queue(seq, body={"text": "x" * size})[0] for seq, size in enumerate(sizes, start=1)]
    batch = pack(queue, "epoch", most_bytes)

    assert batch.queued == queue[: len(batch.queued)]
    assert len(batch.queued) >= min(1, len(queue))
    assert len(batch.body) <= most_bytes or len(batch.queued) == 1
    assert [from_line(raw).seq for raw in batch.body.splitlines()] == [queued.seq for queued in batch.queued]


def test_an_event_that_cannot_be_written_does_not_hold_up_the_others() -> None:
    queue = _queue(1) + _queue(2, body={"x": float("nan")}) + _queue(3)
    batch = pack(queue, "epoch", 10_000)
    assert [queued.seq for queued in batch.queued] == [1, 3]
    assert [queued.seq for queued in batch.unwritable] == [2]


@given(st.integers(1, 10_000), st.integers(0, 3600), st.floats(0, 1))
def test_waiting_grows_to_five_minutes_and_honours_what_is_asked(
    failures: int, at_least_seconds: int, chance: float
) -> None:
    seconds = back_off_seconds(failures, at_least_seconds, chance)
    assert at_least_seconds + 0.5 <= seconds <= at_least_seconds + 300
    assert back_off_seconds(failures + 1, at_least_seconds, chance) >= seconds


def _config(key_file: Path) -> Config:
    config = Config.parse({})
    return replace(config, sync=replace(config.sync, upload_key_file=key_file))


def test_systemds_credential_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from-the-file\n")
    assert read_key(_config(tmp_path / "file"), str(tmp_path)) == "from-the-file"
    (tmp_path / "upload_key").write_text("\n")
    assert read_key(_config(tmp_path / "file"), str(tmp_path)) == "from-the-file"
    (tmp_path / "upload_key").write_text("from-systemd\n")
    assert read_key(_config(tmp_path / "file"), str(tmp_path)) == "from-systemd"


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"a\r\nX-Header: b", b"\xff\xfe"])
def test_what_cannot_be_a_key_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_key(_config(tmp_path / "file"), None) is None
    assert read_key(_config(tmp_path / "missing"), None) is None


def test_only_what_was_sent_and_acknowledged_can_be_rejected() -> None:
    body = b"""{"epoch": "e", "acknowledged": 5, "rejected": [
        {"seq": 4, "key": "bad_body", "message": "no"}, {"seq": 9, "key": "x", "message": "y"},
        {"seq": null, "key": "x", "message": "y"}, {"seq": 6}, 7, null]}"""
    verdict = judge(_queue(4, 5, 6), "e", 200, {}, body)
    assert verdict == Delivered(up_to_seq=5, rejected=[Rejected(seq=4, key="bad_body", message="no")])


def test_words_that_the_records_cannot_keep_are_no_answer() -> None:
    """Half a surrogate pair ended the process, again after each restart."""
    half = rb'{"epoch": "e", "acknowledged": 1, "rejected": [{"seq": 1, "key": "\ud800", "message": ""}]}'
    assert judge(_queue(1), "e", 200, {}, half) == TryLater(sentence=NOT_UNDERSTOOD)
    reasonless = TooMuch(key="refused_413", message="head office gave no reason")
    assert judge(_queue(1), "e", 413, {}, rb'{"detail": "\ud800"}') == reasonless


@given(st.integers(100, 599), st.binary(max_size=100), st.text(max_size=12))
def test_no_answer_but_a_receipt_deletes_anything(status: int, body: bytes, retry_after: str) -> None:
    verdict = judge(_queue(1, 2), "e", status, {"Retry-After": retry_after}, body)
    assert isinstance(verdict, TooMuch if status == 413 else TryLater)
    if isinstance(verdict, TryLater):
        assert verdict.sentence in SENTENCES
        assert 0 <= verdict.at_least_seconds <= 3600


def test_a_refused_key_is_told_as_such() -> None:
    assert judge(_queue(1), "e", 401, {}, b"") == TryLater(sentence=KEY_REFUSED)
    assert judge(_queue(1), "e", 403, {"Retry-After": "9"}, b"") == TryLater(
        sentence=KEY_REFUSED, at_least_seconds=9
    )


def test_only_a_422_about_the_lines_sets_events_aside() -> None:
    about_lines = b'{"key": "mixed_epochs", "detail": "two epochs"}'
    on_the_way = b'{"key": "undecodable", "detail": "the body is no zstd"}'
    assert judge(_queue(1), "e", 422, {}, about_lines) == TooMuch(key="refused_422", message="two epochs")
    assert isinstance(judge(_queue(1), "e", 422, {}, on_the_way), TryLater)
    assert isinstance(judge([], "e", 422, {}, about_lines), TryLater)
