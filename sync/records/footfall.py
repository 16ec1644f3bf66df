"""Counts of the radios around, window by window."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sync.model import Clock, from_wire, new_event, to_wire
from sync.records import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class FootfallWindow:
    """One window; `devices` and its parts are None without a monitor radio.

    `dwell_histogram` maps an upper bound in seconds ("60", "300", … "inf") to devices.
    """

    footfall_id: str
    window_start: datetime
    window_seconds: int
    devices: int | None
    low: int | None
    high: int | None
    inside: int | None
    passers_by: int | None
    stations: int
    method: str
    naive_macs: int
    frames: int
    inside_dbm: int
    estimator_version: str
    dwell_histogram: Mapping[str, int] = field(default_factory=dict)


_WRITE = """
    INSERT INTO footfall (
        footfall_id, window_start, window_seconds, devices, low, high, inside, passers_by, stations,
        dwell_histogram, method, naive_macs, frames, inside_dbm, estimator_version, complete
    ) VALUES (
        :footfall_id, :window_start, :window_seconds, :devices, :low, :high, :inside, :passers_by, :stations,
        :dwell_histogram, :method, :naive_macs, :frames, :inside_dbm, :estimator_version, :complete
    ) ON CONFLICT (window_start) DO UPDATE SET
        window_seconds = excluded.window_seconds, devices = excluded.devices, low = excluded.low,
        high = excluded.high, inside = excluded.inside, passers_by = excluded.passers_by,
        stations = excluded.stations, dwell_histogram = excluded.dwell_histogram, method = excluded.method,
        naive_macs = excluded.naive_macs, frames = excluded.frames, inside_dbm = excluded.inside_dbm,
        estimator_version = excluded.estimator_version, complete = excluded.complete
    WHERE complete = 0
    RETURNING footfall_id
"""


def record(connection: sqlite3.Connection, window: FootfallWindow, *, complete: bool, clock: Clock) -> None:
    """Writes the running window again; once it is complete, its event follows. A complete one stays."""
    row = asdict(window) | {
        "window_start": to_wire(window.window_start),
        "dwell_histogram": json.dumps(dict(window.dwell_histogram), separators=(",", ":")),
        "complete": int(complete),
    }
    written = connection.execute(_WRITE, row).fetchone()
    if written and complete:
        body = asdict(window) | {
            "footfall_id": written[0],
            "window_start": row["window_start"],
            "dwell_histogram": dict(window.dwell_histogram),
        }
        outbox.append(connection, new_event("footfall.counted", body, clock))


def complete_interrupted(connection: sqlite3.Connection, *, clock: Clock) -> int:
    """Windows that went by while the sensor was away are told with what it had counted of them."""
    rows = connection.execute("SELECT * FROM footfall WHERE complete = 0").fetchall()
    over = 0
    for row in rows:
        values = {key: row[key] for key in row.keys() if key != "complete"}  # noqa: SIM118
        values["window_start"] = from_wire(row["window_start"])
        values["dwell_histogram"] = json.loads(row["dwell_histogram"])
        window = FootfallWindow(**values)
        if window.window_start + timedelta(seconds=window.window_seconds) <= clock.now():
            record(connection, window, complete=True, clock=clock)
            over += 1
    return over


def purge(connection: sqlite3.Connection, started_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM footfall WHERE window_start < :before", {"before": to_wire(started_before)}
    ).rowcount
