"""How far this box has acted on head office's log of commands, and what of it was not understood."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.model import to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of the log, checked; a command with `expires_at` behind is not acted on."""

    seq: int
    command_id: str
    kind: str
    issued_at: datetime
    expires_at: datetime | None
    body: Mapping[str, Any]


def cursor(connection: sqlite3.Connection) -> int:
    """The seq of the last command that is done."""
    return int(connection.execute("SELECT after_seq FROM command_cursor").fetchone()[0])


def done(connection: sqlite3.Connection, up_to_seq: int) -> None:
    """In the transaction of what was done: after a crash it is done again or not at all, never half."""
    connection.execute(
        "UPDATE command_cursor SET after_seq = :seq WHERE after_seq < :seq", {"seq": up_to_seq}
    )


def set_aside(connection: sqlite3.Connection, command: Command, reason: str, at: datetime) -> None:
    """Keeps what this version cannot act on, for a person to look at."""
    connection.execute(
        "INSERT OR IGNORE INTO commands_set_aside"
        " (command_id, seq, kind, issued_at, body, reason, set_aside_at)"
        " VALUES (:command_id, :seq, :kind, :issued_at, :body, :reason, :at)",
        {
            "command_id": command.command_id,
            "seq": command.seq,
            "kind": command.kind,
            "issued_at": to_wire(command.issued_at),
            "body": json.dumps(command.body, ensure_ascii=False),
            "reason": reason,
            "at": to_wire(at),
        },
    )


def purge_set_aside(connection: sqlite3.Connection, set_aside_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM commands_set_aside WHERE set_aside_at < :before", {"before": to_wire(set_aside_before)}
    ).rowcount
