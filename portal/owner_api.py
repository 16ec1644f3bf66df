"""The owner's numbers for programs and spreadsheets: JSON and CSV of the same rows."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.owner_numbers import Figure, Row, row_of
from portal.owner_periods import Range, cut, parse_range
from portal.site import SITE, Site
from sync.records import stats

_COLUMNS: Final = (
    "from",
    "to",
    "passers_by",
    "passers_by_low",
    "passers_by_high",
    "visitors",
    "visitors_low",
    "visitors_high",
    "capture_rate",
    "inside_average",
    "inside_peak",
    "stays",
    "median_dwell_minutes",
    "leads",
)


async def stats_json(request: web.Request) -> web.Response:
    """`GET /owner/api/stats?from=&to=&by=hour|day`. Raises WrongRange."""
    site = request.app[SITE]
    wanted, rows = await _rows(request)
    (total,) = await read_rows(site, Range(period=wanted.period, by="day"), whole=True)
    zone = ZoneInfo(site.config.venue.timezone)
    return web.json_response(
        {
            "venue_id": site.config.venue.id,
            "timezone": site.config.venue.timezone,
            "by": wanted.by,
            "suppress_below": site.config.privacy.suppress_below,
            "rows": [as_json(row, zone) for row in rows],
            "total": as_json(total, zone),
        }
    )


async def stats_csv(request: web.Request) -> web.Response:
    """The same rows as a table, for a spreadsheet. Raises WrongRange."""
    site = request.app[SITE]
    wanted, rows = await _rows(request)
    zone = ZoneInfo(site.config.venue.timezone)
    first_day = wanted.period.since.astimezone(zone).date()
    name = f"{site.config.venue.id}-{first_day}-by-{wanted.by}.csv"
    return web.Response(
        # Excel takes a file without this mark for the encoding of the machine it runs on.
        text="\ufeff" + as_csv(rows, zone, site.config.privacy.suppress_below),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def error_json(status: int, key: str, message: str, hint: str) -> web.Response:
    """A no that another program can read."""
    return web.json_response({"error": {"key": key, "message": message, "hint": hint}}, status=status)


async def _rows(request: web.Request) -> tuple[Range, list[Row]]:
    site = request.app[SITE]
    wanted = parse_range(request.query, site.clock.now(), ZoneInfo(site.config.venue.timezone))
    return wanted, await read_rows(site, wanted)


async def read_rows(site: Site, wanted: Range, *, whole: bool = False) -> list[Row]:
    """The range's pieces as they may be shown, or the `whole` of it as one."""
    pieces = [wanted.period] if whole else cut(wanted, ZoneInfo(site.config.venue.timezone))
    counts = await site.records.read(stats.counts, pieces)
    return [row_of(count, site.config.privacy.suppress_below) for count in counts]


def as_json(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    """One period; a number that is not counted is null, a withheld one a null that says so."""
    return {
        "from": row.period.since.astimezone(zone).isoformat(),
        "to": row.period.until.astimezone(zone).isoformat(),
        "passers_by": _figure_json(row.passers_by),
        "visitors": _figure_json(row.visitors),
        "capture_rate": _rounded(row.capture_rate),
        "inside_average": _figure_json(row.inside_average),
        "inside_peak": _figure_json(row.inside_peak),
        "stays": row.stays,
        "median_dwell_minutes": row.median_dwell_minutes,
        "leads": row.leads,
    }


def _figure_json(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    if figure.suppressed:
        return {"value": None, "suppressed": True}
    interval = {} if figure.low is None else {"low": figure.low, "high": figure.high}
    return {"value": figure.value, **interval}


def as_csv(rows: Sequence[Row], zone: ZoneInfo, suppress_below: int) -> str:
    """Only numbers, times and `<5` stand in the cells: nothing a spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow(_cells(row, zone, f"<{suppress_below}"))
    return text.getvalue()


def _cells(row: Row, zone: ZoneInfo, too_few: str) -> Iterator[Any]:
    yield row.period.since.astimezone(zone).isoformat()
    yield row.period.until.astimezone(zone).isoformat()
    for figure in (row.passers_by, row.visitors):
        yield _cell(figure, too_few)
        yield figure.low if figure else None
        yield figure.high if figure else None
    yield _rounded(row.capture_rate)
    yield _cell(row.inside_average, too_few)
    yield _cell(row.inside_peak, too_few)
    yield row.stays
    yield row.median_dwell_minutes
    yield row.leads


def _cell(figure: Figure | None, too_few: str) -> int | str | None:
    if figure is None:
        return None
    return too_few if figure.value is None else figure.value


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
