"""When the store admits guests: a written week, and whether a moment lies in it. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

_DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_RULE: Final = re.compile(
    r"([A-Za-z,-]+) ((?:[0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d)(?:,[0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d)*)"
)
_SEARCHED_DAYS: Final = 8


class WrongHours(ValueError):
    """The text is no opening hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Open on `weekday` (0: Monday) from `opens` on; `closes` at or before it lies on the next day."""

    weekday: int
    opens: time
    closes: time


def parse_opening_hours(text: str) -> tuple[Span, ...]:
    """`Mo-Fr 09:00-12:00,13:00-21:00; Sa 18:00-02:00`, a subset of OpenStreetMap's `opening_hours`.

    `00:00-24:00` is the whole day. Raises WrongHours.
    """
    spans: list[Span] = []
    for rule in filter(None, (part.strip() for part in text.split(";"))):
        found = _RULE.fullmatch(rule)
        if found is None:
            raise WrongHours(f"{rule!r} is no days and times")
        for weekday in _weekdays(found[1]):
            spans += (Span(weekday=weekday, opens=opens, closes=closes) for opens, closes in _times(found[2]))
    return tuple(spans)


def is_opening_hours(text: str) -> bool:
    try:
        parse_opening_hours(text)
    except WrongHours:
        return False
    return True


def is_open(spans: tuple[Span, ...], local: datetime) -> bool:
    """Whether guests are admitted at this local time; always, where nothing is written."""
    return not spans or any(opens <= local < closes for opens, closes in _around(spans, local))


def closes_at(spans: tuple[Span, ...], local: datetime) -> datetime | None:
    """When the span that `local` lies in ends, with those that follow it without a gap; None: not at all,
    or closed already."""
    if not spans or not is_open(spans, local):
        return None
    end = local
    for opens, closes in sorted(_around(spans, local)):
        if opens <= end < closes:
            end = closes
    return None if end - local >= timedelta(days=_SEARCHED_DAYS - 1) else end


def opens_at(spans: tuple[Span, ...], local: datetime) -> datetime | None:
    """When guests are admitted next; None: they are now."""
    if is_open(spans, local):
        return None
    return min((opens for opens, _ in _around(spans, local) if opens > local), default=None)


def _around(spans: tuple[Span, ...], local: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans from yesterday, which may reach into today, up to a week ahead."""
    for ahead in range(-1, _SEARCHED_DAYS):
        day = local.date() + timedelta(days=ahead)
        for span in spans:
            if span.weekday == day.weekday():
                over_night = timedelta(days=span.closes <= span.opens)
                yield (
                    datetime.combine(day, span.opens, local.tzinfo),
                    datetime.combine(day + over_night, span.closes, local.tzinfo),
                )


def _weekdays(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        try:
            start, end = _DAYS.index(first), _DAYS.index(last or first)
        except ValueError:
            raise WrongHours(f"{part!r} is no day: {', '.join(_DAYS)}") from None
        # Fr-Mo goes over the weekend.
        yield from ((start + step) % 7 for step in range((end - start) % 7 + 1))


def _times(text: str) -> Iterator[tuple[time, time]]:
    for part in text.split(","):
        opens, _, closes = part.partition("-")
        try:
            yield time.fromisoformat(opens), time.fromisoformat("00:00" if closes == "24:00" else closes)
        except ValueError:
            raise WrongHours(f"{part!r} is no time of day") from None
