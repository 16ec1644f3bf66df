"""The numbers of the owner's page, summed from what happened. Reads only.

What is counted, and how honestly:

- A **stay** is one visit of a station that has ended, put into the period in which it began.
- A **passer-by** is a device heard only from outside in one window. Who lingers outside is counted again in
  each window, so the sum over windows is an upper bound of those who pass.
- A **visitor** is a device inside. A stay of `D` seconds is heard in `1 + D / W` windows of `W` seconds on
  average (it begins anywhere in a window), so the sum over windows is divided by that, with the mean stay of
  stations for `D` (Little's law). Devices that never leave, a till or a staff phone, are in it.
- **Intervals** add up the windows' own: the errors of one estimator go the same way in all windows, so they
  are not assumed to cancel. Parts of a window's devices take their share of its interval.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.model import from_wire, to_wire

STAY_SAMPLE_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `since` on, up to but not including `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Estimated devices, never persons: `low` to `high` is the estimator's own interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened in one period. Of devices in the air nothing is known (None) without a monitor radio."""

    period: Period
    windows: int
    windows_with_radio: int
    passers_by: Estimate | None
    visitors: Estimate | None
    inside_average: float | None
    inside_peak: int | None
    stays: int
    median_dwell_seconds: float | None
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanStay:
    """How many stays of stations ended, and how long they lasted on average (0 without any)."""

    count: int
    mean_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The newest count of the radios around."""

    start: datetime
    seconds: int
    devices: Estimate | None
    inside: int | None
    passers_by: int | None
    stations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What head office does not have yet, and what it refused."""

    events: int
    oldest_at: datetime | None
    refused: int


_FOOTFALL = """
    SELECT COUNT(*) AS windows, COUNT(devices) AS windows_with_radio,
        AVG(inside) AS inside_average, MAX(inside) AS inside_peak,
        SUM(passers_by) AS passers_by, SUM(passers_by * down) AS passers_by_low,
        SUM(passers_by * up) AS passers_by_high,
        SUM(visitors) AS visitors, SUM(visitors * down) AS visitors_low, SUM(visitors * up) AS visitors_high
    FROM (
        SELECT devices, inside, passers_by,
            inside / (1 + :mean_stay_seconds / window_seconds) AS visitors,
            CASE WHEN devices > 0 THEN 1.0 * low / devices ELSE 1 END AS down,
            CASE WHEN devices > 0 THEN 1.0 * high / devices ELSE 1 END AS up
        FROM footfall WHERE window_start >= :since AND window_start < :until
    )
"""
_STAYS = """
    SELECT MAX(stays) AS stays, AVG(dwell_seconds) AS median
    FROM (
        SELECT dwell_seconds, ROW_NUMBER() OVER (ORDER BY dwell_seconds) AS place, COUNT(*) OVER () AS stays
        FROM visits WHERE started_at >= :since AND started_at < :until
    )
    WHERE place IN ((stays + 1) / 2, (stays + 2) / 2)
"""


def counts(connection: sqlite3.Connection, periods: Sequence[Period]) -> list[Counts]:
    """The counts of each period, in time order; visitors by the mean stay before the end of the last."""
    if not periods:
        return []
    stay = mean_stay(connection, periods[-1].until)
    registered = _registrations(connection, periods[0].since, periods[-1].until)
    return [_counts_of(connection, period, stay, registered) for period in periods]


def _counts_of(
    connection: sqlite3.Connection, period: Period, stay: MeanStay, registered: Sequence[str]
) -> Counts:
    bounds = {"since": to_wire(period.since), "until": to_wire(period.until)}
    air = connection.execute(_FOOTFALL, bounds | {"mean_stay_seconds": stay.mean_seconds}).fetchone()
    stayed = connection.execute(_STAYS, bounds).fetchone()
    return Counts(
        period=period,
        windows=air["windows"],
        windows_with_radio=air["windows_with_radio"],
        passers_by=_estimate(air, "passers_by"),
        # Without a single stay nobody knows in how many windows a visitor was counted.
        visitors=_estimate(air, "visitors") if stay.count else None,
        inside_average=air["inside_average"],
        inside_peak=air["inside_peak"],
        stays=stayed["stays"] or 0,
        median_dwell_seconds=stayed["median"],
        leads=bisect_left(registered, bounds["until"]) - bisect_left(registered, bounds["since"]),
    )


def _registrations(connection: sqlite3.Connection, since: datetime, until: datetime) -> list[str]:
    """One walk over the leads for all periods: no index helps, and none is worth its writes."""
    rows = connection.execute(
        "SELECT registered_at FROM leads WHERE registered_at >= :since AND registered_at < :until"
        " ORDER BY registered_at",
        {"since": to_wire(since), "until": to_wire(until)},
    )
    return [row[0] for row in rows]


def _estimate(row: sqlite3.Row, name: str) -> Estimate | None:
    if row[name] is None:
        return None
    return Estimate(value=row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])


def mean_stay(connection: sqlite3.Connection, until: datetime) -> MeanStay:
    """How long stays lasted in the four weeks before `until`."""
    row = connection.execute(
        "SELECT COUNT(*), COALESCE(AVG(dwell_seconds), 0.0) FROM visits"
        " WHERE started_at >= :since AND started_at < :until",
        {"since": to_wire(until - timedelta(days=STAY_SAMPLE_DAYS)), "until": to_wire(until)},
    ).fetchone()
    return MeanStay(count=row[0], mean_seconds=row[1])


def newest_window(connection: sqlite3.Connection) -> Window | None:
    """The newest count; it may still be running."""
    row = connection.execute("SELECT * FROM footfall ORDER BY window_start DESC LIMIT 1").fetchone()
    if row is None:
        return None
    return Window(
        start=from_wire(row["window_start"]),
        seconds=row["window_seconds"],
        devices=None
        if row["devices"] is None
        else Estimate(value=row["devices"], low=row["low"], high=row["high"]),
        inside=row["inside"],
        passers_by=row["passers_by"],
        stations=row["stations"],
    )


def leads_in_all(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM leads").fetchone()[0])


def waiting(connection: sqlite3.Connection) -> Waiting:
    """How much waits for head office, since when, and how many events it refused."""
    events, refused = connection.execute(
        "SELECT (SELECT COUNT(*) FROM outbox), (SELECT COUNT(*) FROM rejected_events)"
    ).fetchone()
    oldest = connection.execute("SELECT at FROM outbox ORDER BY seq LIMIT 1").fetchone()
    return Waiting(events=events, oldest_at=from_wire(oldest[0]) if oldest else None, refused=refused)
