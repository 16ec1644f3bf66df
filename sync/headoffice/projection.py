"""An event -> the rows that the data team pulls. Pure; told twice or out of order, the rows are the same."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sync.envelope import BadLine, Line, is_integer
from sync.headoffice.tables import TABLES, Kind
from sync.model import from_wire, to_wire

Value = str | int | None
_LONGEST_TEXT: Final = 2000
_MOST_BARS: Final = 100
# A box without a clock begins in 1970. Further out a time has no neighbours: a page that shows year 9999 in
# another time zone fails.
_YEARS: Final = range(1970, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row to merge: what is known replaces, what is None stays. `erases` names a lead to erase."""

    table: str
    row_id: str
    values: Mapping[str, Value]
    erases: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Where an event's body goes: columns have the names of its keys; `needed` must be there."""

    table: str
    id_key: str
    needed: tuple[str, ...] = ()
    always: Mapping[str, str] = field(default_factory=dict)
    """What the row says by the event's type, whatever the body does."""
    at_key: str | None = None
    """The column that takes the event's own time when the body has none."""


PROJECTIONS: Mapping[str, Projection] = {
    "lead.captured": Projection(table="leads", id_key="lead_id"),
    "lead.erased": Projection(table="deletions", id_key="lead_id"),
    "consent.given": Projection(table="consents", id_key="consent_id", needed=("lead_id", "purpose")),
    "consent.withdrawn": Projection(table="consents", id_key="consent_id", needed=("withdrawn_at",)),
    "session.started": Projection(table="sessions", id_key="session_id", needed=("started_at",)),
    "session.ended": Projection(table="sessions", id_key="session_id", needed=("ended_at",)),
    "visit.ended": Projection(table="visits", id_key="visit_id", needed=("started_at", "ended_at")),
    "follow.claimed": Projection(
        table="follows",
        id_key="follow_id",
        needed=("platform", "account"),
        always={"state": "claimed", "source": "claimed"},
        at_key="followed_at",
    ),
    "follow.ended": Projection(
        table="follows", id_key="follow_id", always={"state": "ended"}, at_key="ended_at"
    ),
    "footfall.counted": Projection(table="footfall", id_key="footfall_id", needed=("window_start",)),
}


def project(line: Line) -> Change | None:
    """The change an event makes; None for types that are only kept. Raises BadLine for an impossible body."""
    projection = PROJECTIONS.get(line.event.type)
    if projection is None:
        return None
    body = line.event.body
    row_id = _read(line, projection.id_key, "text")
    if not row_id:
        raise _bad(line, projection.id_key)
    values = {
        column.name: _read(line, column.name, column.kind)
        for column in TABLES[projection.table].columns
        if column.name in body
    }
    values |= projection.always
    if projection.at_key is not None:
        values.setdefault(projection.at_key, to_wire(line.event.at))
    for key in projection.needed:
        if values.get(key) is None:
            raise _bad(line, key)
    if line.event.type == "lead.erased":
        values.setdefault("erased_at", to_wire(line.event.at))
        # One row an erasure: the erasure is the event, and its id names it.
        return Change(table="deletions", row_id=str(line.event.event_id), values=values, erases=str(row_id))
    return Change(table=projection.table, row_id=str(row_id), values=values)


def _read(line: Line, key: str, kind: Kind) -> Value:
    value = line.event.body.get(key)
    if value is None:
        return None
    try:
        return _READ[kind](value)
    except (ValueError, TypeError, OverflowError):
        raise _bad(line, key) from None


def _bad(line: Line, key: str) -> BadLine:
    message = f"body.{key} of {line.event.type} is missing or not what it should be"
    return BadLine("bad_body", message, epoch=line.epoch, seq=line.seq)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError
    return value


def _time(value: Any) -> str:
    at = from_wire(value)
    if at.year not in _YEARS:
        raise ValueError
    return to_wire(at)


def _count(value: Any) -> int:
    """An estimate may come as a fraction; what is pulled is whole."""
    if isinstance(value, float) and math.isfinite(value):
        value = round(value)
    if not is_integer(value) or value < 0:
        raise ValueError
    return value


def _integer(value: Any) -> int:
    if not is_integer(value):
        raise ValueError
    return value


def _histogram(value: Any) -> str:
    if not isinstance(value, dict) or len(value) > _MOST_BARS:
        raise ValueError
    return json.dumps({_text(bound): _count(devices) for bound, devices in value.items()})


_READ: Mapping[Kind, Callable[[Any], Value]] = {
    "text": _text,
    "time": _time,
    "count": _count,
    "integer": _integer,
    "histogram": _histogram,
}
