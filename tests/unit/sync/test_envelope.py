"""One event, one line: what is written can be read, and nothing else can."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.envelope import MAX_LINE_BYTES, BadLine, Line, from_line, to_line
from sync.model import Event, EventId

words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
# No half surrogate pairs and no NUL: no database keeps them.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
times = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis wants the bounds without a zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)
lines = st.builds(
    Line,
    epoch=words,
    seq=st.integers(1, 2**63 - 1),
    event=st.builds(
        Event,
        event_id=words.map(EventId),
        type=words,
        at=times,
        clock=st.sampled_from(["synced", "unsynced"]),
        boot_id=words,
        monotonic_ms=st.integers(0, 2**63 - 1),
        body=st.dictionaries(texts, values, max_size=5),
    ),
)


@given(lines)
def test_what_is_written_is_read_again(line: Line) -> None:
    raw = to_line(line)
    assert b"\n" not in raw
    assert from_line(raw) == line


@given(lines, words, values)
def test_keys_of_tomorrow_are_passed_over(line: Line, key: str, value: Any) -> None:
    fields = json.loads(to_line(line))
    assert from_line(json.dumps({f"new_{key}": value, **fields}).encode()) == line


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_more_than_that(garbage: bytes) -> None:
    with pytest.raises(BadLine):
        from_line(garbage)


@given(lines, st.data())
def test_a_line_that_was_cut_is_refused(line: Line, data: st.DataObject) -> None:
    raw = to_line(line)
    with pytest.raises(BadLine):
        from_line(raw[: data.draw(st.integers(0, len(raw) - 1))])


GOOD: dict[str, Any] = {
    "epoch": "e",
    "seq": 7,
    "event_id": "x",
    "type": "visit.ended",
    "at": "2026-11-23T08:00:00.000000Z",
    "clock": "synced",
    "boot_id": "b",
    "monotonic_ms": 5,
    "body": {},
}


@pytest.mark.parametrize("key", GOOD)
def test_each_missing_key_is_named(key: str) -> None:
    with pytest.raises(BadLine) as bad:
        from_line(json.dumps({name: value for name, value in GOOD.items() if name != key}).encode())
    assert (bad.value.key, bad.value.message) == (f"bad_{key}", f"{key} is missing")
    assert bad.value.seq == (None if key == "seq" else 7)
    assert bad.value.epoch == (None if key == "epoch" else "e")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seq", 0),
        ("seq", True),
        ("seq", 1.0),
        ("seq", "7"),
        ("seq", 2**63),
        ("epoch", 7),
        ("epoch", ""),
        ("epoch", "x" * 65),
        ("event_id", "two words"),
        ("type", "größe"),
        ("at", "2026-11-23T08:00:00"),
        ("at", "0001-01-01T00:00:00+23:00"),
        ("at", 1795320000),
        ("clock", "fast"),
        ("clock", ["synced"]),
        ("monotonic_ms", -1),
        ("body", []),
        ("body", None),
    ],
)
def test_each_wrong_value_is_named(key: str, value: Any) -> None:
    with pytest.raises(BadLine) as bad:
        from_line(json.dumps(GOOD | {key: value}).encode())
    assert bad.value.key == f"bad_{key}"


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"7", b'{"a": NaN}', b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"a": "\xff"}'],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadLine) as bad:
        from_line(raw)
    assert bad.value.key == "bad_json"


def test_what_lies_deeper_than_anything_of_ours_is_refused() -> None:
    """At some depth a line is read and its body cannot be written again."""
    deep = b'{"a": ' * 100 + b"1" + b"}" * 100
    with pytest.raises(BadLine) as bad:
        from_line(json.dumps(GOOD | {"body": "BODY"}).encode().replace(b'"BODY"', deep))
    assert bad.value.key == "bad_json"
    assert from_line(json.dumps(GOOD | {"body": {"many": [{}] * 1000}}).encode())


@pytest.mark.parametrize("text", [r"\u0000", r"a\ud800", r"\\\u0000"])
def test_texts_no_database_keeps_are_refused(text: str) -> None:
    raw = json.dumps(GOOD | {"body": {"name": "NAME"}}).replace("NAME", text).encode()
    with pytest.raises(BadLine):
        from_line(raw)


def test_a_backslash_before_u0000_is_only_a_backslash() -> None:
    line = from_line(json.dumps(GOOD | {"body": {"name": "\\u0000 é"}}).encode())
    assert line.event.body == {"name": "\\u0000 é"}


def test_a_line_too_long_still_tells_its_place() -> None:
    with pytest.raises(BadLine) as bad:
        from_line(json.dumps(GOOD | {"body": {"name": "x" * MAX_LINE_BYTES}}).encode())
    assert (bad.value.key, bad.value.epoch, bad.value.seq) == ("line_too_long", "e", 7)
