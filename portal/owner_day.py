"""Everything one day's page shows, read from the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from netctl.api import Health
from portal import owner_state
from portal.owner_api import read_rows
from portal.owner_chart import Chart, chart
from portal.owner_numbers import Figure, Live, Row, live_of
from portal.owner_periods import Range, day_of, parse_day
from portal.owner_state import Line
from portal.owner_words import Words
from portal.site import Site
from sync.i18n import Language
from sync.records import notices, stats, upload_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """`hours` in order; `total` of all of them; `live` only while the counter counts."""

    on: date
    is_today: bool
    words: Words
    hours: Sequence[Row]
    total: Row
    leads_in_all: int
    live: Live | None
    stay: stats.MeanStay
    window_seconds: int
    suppress_below: int
    has_radio: bool
    state: Sequence[Line | None]

    def lines(self, health: Health | None) -> list[Line]:
        """What the owner should know, the worst first."""
        return owner_state.by_urgency([owner_state.gate_line(health), *self.state])

    @property
    def before(self) -> date:
        return self.on - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.on + timedelta(days=1)

    @property
    def counts_air(self) -> bool:
        return self.total.passers_by is not None

    @property
    def hides_hours(self) -> bool:
        """Whether an hour was withheld, so that its stub in the chart needs a word."""
        figures = [figure for row in self.hours for figure in (row.passers_by, row.visitors)]
        return any(figure.suppressed for figure in figures if figure is not None)

    @property
    def windows_a_stay(self) -> float:
        """In how many counts a visitor is heard on average, see sync/records/stats.py."""
        return 1 + self.stay.mean_seconds / self.window_seconds

    @property
    def charts(self) -> Mapping[str, Chart]:
        """Stays are drawn where no radio counts the air; they are stations, so none is withheld."""
        names = [self._label(row.period.since) for row in self.hours]
        return {
            "passers_by": chart([row.passers_by for row in self.hours], names),
            "visitors": chart([row.visitors for row in self.hours], names),
            "stays": chart([Figure(value=row.stays) if row.stays else None for row in self.hours], names),
        }

    def _label(self, since: datetime) -> str:
        return "" if since.astimezone(self.words.zone).hour % 4 else self.words.clock(since)


async def read_day(site: Site, language: Language, asked: str | None) -> Day:
    """The day a link names, as its page shows it."""
    config, read = site.config, site.records.read
    zone, now = ZoneInfo(config.venue.timezone), site.clock.now()
    today, day = now.astimezone(zone).date(), parse_day(asked, now, zone)
    words = Words(locale=language.locale, zone=zone, today=today)
    wanted = Range(period=day_of(day, zone), by="hour")
    (total,) = await read_rows(site, wanted, whole=True)
    window = await read(stats.newest_window)
    live = window if owner_state.is_live(window, now) else None
    return Day(
        on=day,
        is_today=day == today,
        words=words,
        hours=await read_rows(site, wanted),
        total=total,
        leads_in_all=await read(stats.leads_in_all),
        live=live_of(live, config.privacy.suppress_below) if live else None,
        stay=await read(stats.mean_stay, wanted.period.until),
        window_seconds=config.sensor.window_seconds,
        suppress_below=config.privacy.suppress_below,
        has_radio=bool(config.sensor.interfaces),
        state=[*await _upload(site, words, now), owner_state.counter_line(window, now, words)]
        + [owner_state.notice_line(notice, words) for notice in await read(notices.open_notices)],
    )


async def _upload(site: Site, words: Words, now: datetime) -> list[Line | None]:
    waiting = await site.records.read(stats.waiting)
    state = await site.records.read(upload_state.read)
    has_head_office = bool(site.config.sync.head_office_url)
    return [
        owner_state.upload_line(state, waiting, has_head_office=has_head_office, now=now, words=words),
        owner_state.refused_line(waiting, words),
    ]
