"""Event <-> one NDJSON line between the box and head office. Pure, and strict at the door."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeGuard, TypeVar

from sync.model import Event, EventId, from_wire, to_wire

MAX_LINE_BYTES = 256 * 1024
# The largest number SQLite and PostgreSQL keep as an integer.
_MAX_INTEGER = 2**63 - 1
# What is read at 990 levels cannot be written again a few calls deeper in the stack.
_DEEPEST = 32
_WORD = re.compile(r"[!-~]{1,64}")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
T = TypeVar("T")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Made once: json.loads and json.dumps with options make a new one each time, a third of a line's cost.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An event with its place in the outbox it comes from; (epoch, seq) names the place for good."""

    epoch: str
    seq: int
    event: Event


class BadLine(Exception):
    """A line that is no event: `key` is the reason for programs; epoch and seq as far as readable."""

    def __init__(self, key: str, message: str, *, epoch: str | None = None, seq: int | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.epoch = epoch
        self.seq = seq


def to_line(line: Line) -> bytes:
    """One line without its line feed. JSON escapes every control character, so it holds none itself."""
    event = line.event
    fields = {
        "epoch": line.epoch,
        "seq": line.seq,
        "event_id": event.event_id,
        "type": event.type,
        "at": to_wire(event.at),
        "clock": event.clock,
        "boot_id": event.boot_id,
        "monotonic_ms": event.monotonic_ms,
        "body": dict(event.body),
    }
    return to_json(fields).encode()


def from_line(raw: bytes) -> Line:
    """The reverse of `to_line`; keys it does not know are passed over. Raises BadLine."""
    fields = read_object(raw)
    epoch, seq = fields.get("epoch"), fields.get("seq")
    known_epoch = epoch if isinstance(epoch, str) and _WORD.fullmatch(epoch) else None
    known_seq = seq if is_integer(seq) and seq >= 1 else None
    if len(raw) > MAX_LINE_BYTES:
        message = f"longer than {MAX_LINE_BYTES} bytes"
        raise BadLine("line_too_long", message, epoch=known_epoch, seq=known_seq)

    def need(key: str, read: Callable[[Any], T]) -> T:
        try:
            return read(fields.get(key))
        except (ValueError, TypeError, OverflowError):
            given = "is missing" if fields.get(key) is None else "is not what it should be"
            raise BadLine(f"bad_{key}", f"{key} {given}", epoch=known_epoch, seq=known_seq) from None

    return Line(
        epoch=need("epoch", _word),
        seq=need("seq", _positive),
        event=Event(
            event_id=EventId(need("event_id", _word)),
            type=need("type", _word),
            at=need("at", _time),
            clock=need("clock", _clock_state),
            boot_id=need("boot_id", _word),
            monotonic_ms=need("monotonic_ms", _not_negative),
            body=need("body", _object),
        ),
    )


def to_json(value: Any) -> str:
    """Compact JSON (RFC 8259, so no NaN). Raises ValueError."""
    return _ENCODER.encode(value)


def read_object(raw: bytes) -> dict[str, Any]:
    """One JSON object (RFC 8259, nothing beyond it). Raises BadLine."""
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            _refuse_texts_no_database_keeps(value)
        if text.count("[") + text.count("{") > _DEEPEST:
            _refuse_what_is_too_deep(value)
    except (ValueError, RecursionError):
        raise BadLine("bad_json", "not one JSON object in UTF-8") from None
    if not isinstance(value, dict):
        raise BadLine("bad_json", "not one JSON object in UTF-8")
    return value


def _refuse_texts_no_database_keeps(value: Any) -> None:
    r"""Half a surrogate pair (\ud800) is no UTF-8; PostgreSQL keeps no \u0000 in a text."""
    again = json.dumps(value, ensure_ascii=False)
    again.encode("utf-8")
    if _ESCAPED_NUL.search(again):
        raise ValueError


def _refuse_what_is_too_deep(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _within(each)]
    if level:
        raise ValueError


def _within(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def is_integer(value: Any) -> TypeGuard[int]:
    """A whole number of 64 bits; True and 1.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INTEGER


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError
    return value


def _positive(value: Any) -> int:
    if not is_integer(value) or value < 1:
        raise ValueError
    return int(value)


def _not_negative(value: Any) -> int:
    if not is_integer(value) or value < 0:
        raise ValueError
    return int(value)


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise TypeError
    return from_wire(value)


def _clock_state(value: Any) -> Any:
    if value not in ("synced", "unsynced"):
        raise ValueError
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value
