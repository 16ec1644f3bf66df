"""How the upload to head office stands, for the uploader itself and for the owner's page."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from sync.model import from_wire, to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """`last_error` is one sentence, None after a success; the epoch names this outbox to head office."""

    epoch: str
    acknowledged_seq: int
    last_success_at: datetime | None
    last_attempt_at: datetime | None
    last_error: str | None


def read(connection: sqlite3.Connection) -> UploadState:
    row = connection.execute("SELECT * FROM upload_state").fetchone()
    return UploadState(
        epoch=row["epoch"],
        acknowledged_seq=row["acknowledged_seq"],
        last_success_at=_time(row["last_success_at"]),
        last_attempt_at=_time(row["last_attempt_at"]),
        last_error=row["last_error"],
    )


def _time(text: str | None) -> datetime | None:
    return from_wire(text) if text else None


def succeeded(connection: sqlite3.Connection, acknowledged_seq: int, at: datetime) -> None:
    connection.execute(
        "UPDATE upload_state SET acknowledged_seq = MAX(acknowledged_seq, :seq), last_success_at = :at,"
        " last_attempt_at = :at, last_error = NULL",
        {"seq": acknowledged_seq, "at": to_wire(at)},
    )


def failed(connection: sqlite3.Connection, error: str, at: datetime) -> None:
    connection.execute(
        "UPDATE upload_state SET last_attempt_at = :at, last_error = :error",
        {"at": to_wire(at), "error": error},
    )
