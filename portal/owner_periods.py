"""Which hours and days are asked for, in the store's own time, daylight saving included (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from sync.records.stats import Period

By = Literal["hour", "day"]
LONGEST_DAYS: Final[Mapping[By, int]] = {"hour": 31, "day": 366}
_YEARS: Final = range(2000, 2101)


class WrongRange(Exception):
    """What is wrong with `from`, `to` or `by`, and what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A stretch of time, and the pieces it is to be cut into."""

    period: Period
    by: By


def day_of(day: date, zone: ZoneInfo) -> Period:
    """A day of the store, midnight to midnight: 23, 24 or 25 hours."""
    return Period(since=_midnight(day, zone), until=_midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Where a day begins at 01:00 because the clocks go forward at midnight, this is that instant.
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def cut(wanted: Range, zone: ZoneInfo) -> list[Period]:
    """The range in pieces that end where the store's hours or days end."""
    edges = [wanted.period.since, *_edges(wanted, zone), wanted.period.until]
    return [Period(since=since, until=until) for since, until in pairwise(edges)]


def _edges(wanted: Range, zone: ZoneInfo) -> Iterator[datetime]:
    step = _next_hour if wanted.by == "hour" else _next_day
    edge = step(wanted.period.since, zone)
    while edge < wanted.period.until:
        yield edge
        edge = step(edge, zone)


def _next_hour(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    begun = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return at + timedelta(hours=1) - begun


def _next_day(at: datetime, zone: ZoneInfo) -> datetime:
    return _midnight(at.astimezone(zone).date() + timedelta(days=1), zone)


def parse_day(text: str | None, now: datetime, zone: ZoneInfo) -> date:
    """The day a link of the page names; today for none, for a later one and for nonsense."""
    today = now.astimezone(zone).date()
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return today
    return day if day <= today and day.year in _YEARS else today


def parse_range(query: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Range:
    """`from`, `to`, `by` as typed; without them today by the hour. Raises WrongRange.

    A date means the whole day in the store's time zone, so `to=2026-11-23` includes that day; a time (ISO
    8601 with its zone) is an instant, and `to` is not included. `to` alone means that day.
    """
    by = _by(query.get("by") or "hour")
    to = query.get("to") or now.astimezone(zone).date().isoformat()
    until = _instant("to", to, zone, end=True)
    since = _instant("from", query.get("from") or to, zone, end=False)
    if since >= until:
        raise WrongRange("`from` is not before `to`", "from=2026-11-01&to=2026-11-23")
    # A day more than the bound for the hour that daylight saving may add.
    if until - since >= timedelta(days=LONGEST_DAYS[by] + 1):
        raise WrongRange(f"by={by} answers at most {LONGEST_DAYS[by]} days", "ask for a shorter range")
    return Range(period=Period(since=since, until=until), by=by)


def _by(text: str) -> By:
    known: Mapping[str, By] = {"hour": "hour", "day": "day"}
    if text in known:
        return known[text]
    raise WrongRange(f"`by` is hour or day, not {text[:40]!r}", "by=hour")


def _instant(name: str, text: str, zone: ZoneInfo, *, end: bool) -> datetime:
    hint = f"{name}=2026-11-23 or {name}=2026-11-23T08:00:00Z"
    # A plus sign in a query that nobody encoded arrives as a space (application/x-www-form-urlencoded).
    text = text.strip().replace(" ", "+")
    try:
        if len(text) == len("2026-11-23"):
            day = day_of(date.fromisoformat(text), zone)
            at = day.until if end else day.since
        else:
            at = datetime.fromisoformat(text)
            at = at.astimezone(UTC) if at.tzinfo else at
    except (ValueError, OverflowError):
        raise WrongRange(f"`{name}` is no date or time: {text[:40]!r}", hint) from None
    if at.tzinfo is None:
        raise WrongRange(f"`{name}` does not name its time zone", hint)
    if at.year not in _YEARS:
        raise WrongRange(f"`{name}` is not in this century", hint)
    return at
