"""Numbers, times and lengths as the owner reads them: her language, the store's clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language and one time zone."""

    locale: Locale
    zone: ZoneInfo
    today: date

    @classmethod
    def of(cls, locale: Locale, zone: ZoneInfo, now: datetime) -> Self:
        return cls(locale=locale, zone=zone, today=now.astimezone(zone).date())

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        return format_percent(share, locale=self.locale)

    def clock(self, at: datetime) -> str:
        return format_time(at, "HH:mm", tzinfo=self.zone, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """The time, with the day when it was not today."""
        if at.astimezone(self.zone).date() == self.today:
            return self.clock(at)
        day = format_skeleton("MMMd", at, tzinfo=self.zone, locale=self.locale)
        return f"{day} {self.clock(at)}"

    def day(self, day: date) -> str:
        return format_date(day, "full", locale=self.locale)

    def ago(self, at: datetime, now: datetime) -> str:
        """`12 seconds ago`; a clock that was set back must not make it the future."""
        return format_timedelta(min(at - now, -_SECOND), add_direction=True, locale=self.locale)

    def minutes(self, value: float) -> str:
        """A length: `24 min`, `1 hr 5 min`, `12 hr`; less than a minute in seconds, not as nothing."""
        if 0 < value < 1:
            return self._unit(round(value * 60), "duration-second")
        hours, minutes = divmod(round(value), 60)
        parts = [self._unit(hours, "duration-hour")] if hours else []
        parts += [self._unit(minutes, "duration-minute")] if minutes or not hours else []
        return " ".join(parts)

    def seconds(self, value: int) -> str:
        if value % 60 == 0:
            return self.minutes(value / 60)
        return self._unit(value, "duration-second")

    def _unit(self, value: int, unit: str) -> str:
        return format_unit(value, unit, "short", locale=self.locale)
