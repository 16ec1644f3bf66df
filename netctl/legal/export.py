"""The log as an authority gets it: connections with the station and the account behind them, in order.

Kinds of rows: connection, session, lease, address, loss, gap, damaged; the last row is the verification.
A connection is told when it ended, or behind all others when its end is not in the log.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from netctl.legal.connections import PROTOCOLS
from netctl.legal.reading import Entry, Knowing, entries, known_times, right_time
from netctl.legal.segments import STATEMENT
from netctl.legal.verify import verify

Row = dict[str, Any]
COLUMNS: Final = (
    "record",
    "start",
    "end",
    "clock",
    "protocol",
    "source",
    "source_port",
    "translated",
    "translated_port",
    "destination",
    "destination_port",
    "mac",
    "session_id",
    "what",
    "method",
    "lead_id",
    "contact",
    "ips",
    "ssid",
    "ap",
    "reason",
    "bytes_up",
    "bytes_down",
    "detail",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows are asked for; times as texts of ISO 8601 in UTC, `end` not included. Losses, gaps and
    damages of that time are told whatever else is asked."""

    start: str = ""
    end: str = "9999"
    mac: str | None = None
    ip: str | None = None
    port: int | None = None

    def has(self, row: Row) -> bool:
        if row["start"] and row["start"] >= self.end:
            return False
        if (row.get("end") or ("9999" if row["record"] == "connection" else row["start"])) < self.start:
            return False
        return row["record"] in ("loss", "gap", "damaged") or self._is_about(row)

    def _is_about(self, row: Row) -> bool:
        addresses = [row.get(key) for key in ("source", "translated", "destination")] + row.get("ips", [])
        ports = [row.get(key) for key in ("source_port", "translated_port", "destination_port")]
        return (
            (self.mac is None or row.get("mac") == self.mac)
            and (self.ip is None or self.ip in addresses)
            and (self.port is None or self.port in ports)
        )


def rows(directory: Path, key: X25519PrivateKey, wanted: Wanted) -> Iterator[Row]:
    """What is asked for, and the verification behind it. Raises OSError."""
    telling = _Telling(known_times(directory))
    for entry in entries(directory, key):
        yield from (row for row in telling.hear(entry) if wanted.has(row))
    yield from (row for row in telling.still_open() if wanted.has(row))
    verdict = verify(directory)
    told = {"ok": verdict.ok} | asdict(verdict) | {"statement": STATEMENT}
    yield {"record": "verification", **told, "ends_without_beginning": telling.orphans}


class _Telling:
    """Puts beginnings and ends together, and who it was."""

    def __init__(self, known: Knowing) -> None:
        self._known = known
        self._run = ""
        self._open: dict[tuple[str, int], Row] = {}
        self._holder: dict[str, str] = {}
        self._session: dict[str, Row] = {}
        self._told: set[tuple[str, ...]] = set()
        self.orphans = 0

    def hear(self, entry: Entry) -> Iterator[Row]:
        record = entry.record
        if record is None:
            at = right_time(entry, entry.header.boottime_ms, self._known)
            yield {"record": "damaged", "start": at[0], "clock": at[1], "detail": entry.problem}
        elif isinstance(record, list):
            yield from self._connection(entry, record)
        else:
            yield from self._other(entry, record)

    def still_open(self) -> Iterator[Row]:
        for row in self._open.values():
            yield self._whose(row)

    def _connection(self, entry: Entry, record: list[Any]) -> Iterator[Row]:
        what, at_ms, number = record[:3]
        at, clock = right_time(entry, at_ms, self._known)
        if what == "o":
            self._open[entry.run, number] = self._whose(_opened(record, at, clock))
        elif (row := self._open.pop((entry.run, number), None)) is None:
            # It began in a segment that is deleted by age.
            self.orphans += 1
        else:
            yield self._whose(row) | {"end": at}

    def _other(self, entry: Entry, record: dict[str, Any]) -> Iterator[Row]:
        at, clock = right_time(entry, record["at"], self._known)
        row: Row = {"record": record["k"], "start": at, "clock": clock}
        match record["k"]:
            case "session":
                yield from self._of_session(record, row)
            case "lease" | "address":
                self._bind(record)
                yield row | {"mac": record["mac"], "ips": [record["ip"]], "what": record.get("what", "heard")}
            case "loss":
                since, _ = right_time(entry, record["at"] + record["from"], self._known)
                lost = (
                    f"{record['events']} events the kernel could not hand over"
                    if "events" in record
                    else f"{record['records']} records there was no room for"
                )
                yield row | {"start": since, "end": at, "detail": lost}
            case "gap":
                yield row | {"start": record["from"] or "", "end": at, "detail": record["why"]}

    def _of_session(self, record: dict[str, Any], row: Row) -> Iterator[Row]:
        name = (record["session_id"], record["what"], record["happened_at"])
        if name in self._told:
            return  # the gate told it twice, around a power cut
        self._told.add(name)
        kept = {key: value for key, value in record.items() if key in COLUMNS}
        if record["clock"] == "synced":
            row["start"], row["clock"] = record["happened_at"], "synced"
        if record["what"] == "ended":
            self._session.pop(record["mac"], None)
        else:
            self._session[record["mac"]] = record
            # The gate's word may come a second after her first connection.
            for opened in self._open.values():
                self._whose(opened)
        yield row | kept | {"clock": row["clock"]}

    def _bind(self, record: dict[str, Any]) -> None:
        if record.get("what") == "ended":
            self._holder.pop(record["ip"], None)
        else:
            self._holder[record["ip"]] = record["mac"]

    def _whose(self, row: Row) -> Row:
        """At its beginning if it is known then, else later: kernel and gate may be a second late."""
        if row.get("mac") is None:
            row["mac"] = self._holder.get(row["source"])
        if row.get("session_id") is None and (session := self._session.get(row["mac"] or "")):
            told = ("session_id", "method", "lead_id", "contact", "ssid", "ap")
            row |= {key: session.get(key) for key in told}
        return row


def _opened(record: list[Any], at: str, clock: str) -> Row:
    _, _, _, protocol, source, source_port, translated, translated_port, destination, port = record
    return {
        "record": "connection",
        "start": at,
        "end": None,
        "clock": clock,
        "protocol": PROTOCOLS.get(protocol, str(protocol)),
        "source": source,
        "source_port": source_port,
        "translated": source if translated is None else translated,
        "translated_port": source_port if translated_port is None else translated_port,
        "destination": destination,
        "destination_port": port,
    }


def write_ndjson(told: Iterable[Row], file: TextIO) -> Row:
    """A JSON object a line; returns the verification."""
    row: Row = {}
    for row in told:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return row


def write_csv(told: Iterable[Row], file: TextIO) -> Row:
    """A table; what the verification says stands in the last row's `detail`. Returns the verification."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    row: Row = {}
    for row in told:
        shown: Mapping[str, Any] = row
        if row["record"] == "verification":
            shown = {"record": "verification", "detail": json.dumps(row, ensure_ascii=False)}
        table.writerow([_cell(shown.get(column)) for column in COLUMNS])
    return row


def _cell(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    # What begins like a formula must not become one in the reader's spreadsheet (OWASP, CSV injection).
    return f"'{text}" if text[:1] in ("=", "@", "+", "-") and not text[1:].isdigit() else text
