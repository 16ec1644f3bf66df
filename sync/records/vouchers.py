"""Codes the owner hands out: made in batches, printed, each good for a number of admissions."""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sync.model import Clock, from_wire, new_id, to_wire
from sync.records import admission

ALPHABET: Final = "BCDFGHKMNPRSTVWXYZ47"
"""No two of these are taken for each other, on paper or aloud, and without vowels they spell no word."""
LENGTH: Final = 9
MOST_AT_ONCE: Final = 500
UNPROVEN_FOR: Final = timedelta(days=1)

Outcome = Literal["redeemed", "unknown", "used", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Vouchers made together. `used`: admissions asked for with them so far."""

    batch_id: str
    made_at: datetime
    expires_at: datetime
    session_seconds: int
    uses: int
    codes: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """One code, and how many admissions are left on it."""

    code: str
    uses_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """One sent form: `form_id` is born with the form, `code` is in the alphabet above."""

    form_id: str
    ip: str
    code: str


def make(
    connection: sqlite3.Connection,
    *,
    count: int,
    session_seconds: int,
    uses: int,
    expires_at: datetime,
    clock: Clock,
) -> str:
    """A new batch; returns its id."""
    batch_id = new_id()
    for _ in range(count):
        connection.execute(
            "INSERT INTO vouchers (code, batch_id, session_seconds, uses, made_at, expires_at)"
            " VALUES (:code, :batch_id, :session_seconds, :uses, :made_at, :expires_at)",
            {
                "code": _unused_code(connection),
                "batch_id": batch_id,
                "session_seconds": session_seconds,
                "uses": uses,
                "made_at": to_wire(clock.now()),
                "expires_at": to_wire(expires_at),
            },
        )
    return batch_id


def _unused_code(connection: sqlite3.Connection) -> str:
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        known = connection.execute("SELECT 1 FROM vouchers WHERE code = :code", {"code": code}).fetchone()
        if known is None:
            return code


def batches(connection: sqlite3.Connection) -> list[Batch]:
    """All that are kept, the last made first."""
    rows = connection.execute(
        "SELECT batch_id, made_at, expires_at, session_seconds, uses, count(*) AS codes,"
        " (SELECT count(*) FROM voucher_uses JOIN vouchers AS used USING (code)"
        "  WHERE used.batch_id = vouchers.batch_id) AS used"
        " FROM vouchers GROUP BY batch_id ORDER BY max(vouchers.rowid) DESC"
    )
    return [
        Batch(
            batch_id=row["batch_id"],
            made_at=from_wire(row["made_at"]),
            expires_at=from_wire(row["expires_at"]),
            session_seconds=row["session_seconds"],
            uses=row["uses"],
            codes=row["codes"],
            used=row["used"],
        )
        for row in rows
    ]


def of_batch(connection: sqlite3.Connection, batch_id: str) -> list[Voucher]:
    """Its codes, in the order they were made; none when there is no such batch."""
    rows = connection.execute(
        "SELECT code, uses - (SELECT count(*) FROM voucher_uses WHERE voucher_uses.code = vouchers.code)"
        " AS uses_left FROM vouchers WHERE batch_id = :batch_id ORDER BY rowid",
        {"batch_id": batch_id},
    )
    return [Voucher(code=row["code"], uses_left=row["uses_left"]) for row in rows]


def withdraw(connection: sqlite3.Connection, batch_id: str) -> int:
    """None of its codes is good any more; who is online with one stays so. Returns how many they were."""
    return connection.execute(
        "DELETE FROM vouchers WHERE batch_id = :batch_id", {"batch_id": batch_id}
    ).rowcount


def redeem(connection: sqlite3.Connection, redemption: Redemption, clock: Clock) -> Outcome:
    """The use and the admission request it pays for, in one transaction. The same form again changes
    nothing: a second tap makes no second use.

    Until the clock is right no code is too old: a box without a battery would refuse good ones.
    """
    if _is_redeemed(connection, redemption.form_id):
        return "redeemed"
    row = connection.execute(
        "SELECT session_seconds, uses, expires_at,"
        " (SELECT count(*) FROM voucher_uses WHERE voucher_uses.code = vouchers.code) AS used"
        " FROM vouchers WHERE code = :code",
        {"code": redemption.code},
    ).fetchone()
    if row is None:
        return "unknown"
    if clock.synced() and row["expires_at"] <= to_wire(clock.now()):
        return "expired"
    if row["used"] >= row["uses"]:
        return "used"
    connection.execute(
        "INSERT INTO voucher_uses (request_id, code, used_at) VALUES (:request_id, :code, :used_at)",
        {"request_id": redemption.form_id, "code": redemption.code, "used_at": to_wire(clock.now())},
    )
    asked = admission.AdmissionRequest(
        request_id=redemption.form_id,
        ip=redemption.ip,
        lead_id=None,
        method="voucher",
        session_seconds=row["session_seconds"],
    )
    admission.ask(connection, asked, clock)
    return "redeemed"


def _is_redeemed(connection: sqlite3.Connection, form_id: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM voucher_uses WHERE request_id = :form_id", {"form_id": form_id}
    ).fetchone()
    return found is not None


def unproven_uses(connection: sqlite3.Connection, code: str, clock: Clock) -> list[str]:
    """The requests that this code paid for and that are too old to be granted still: whether they ever
    were, only the gate knows. Those of the last day alone: the gate forgets later ones."""
    rows = connection.execute(
        "SELECT request_id FROM voucher_uses JOIN admission_requests USING (request_id)"
        " WHERE code = :code AND used_at >= :since"
        " AND NOT (boot_id = :boot_id AND asked_boottime_ms >= :good_since)",
        {
            "code": code,
            "since": to_wire(clock.now() - UNPROVEN_FOR),
            "boot_id": clock.boot_id,
            "good_since": int((clock.boottime() - admission.GOOD_FOR_SECONDS) * 1000),
        },
    )
    return [row["request_id"] for row in rows]


def give_back(connection: sqlite3.Connection, request_id: str) -> None:
    """The gate never granted what this use paid for: it was down until the request was too old."""
    connection.execute("DELETE FROM voucher_uses WHERE request_id = :id", {"id": request_id})


def purge(connection: sqlite3.Connection, expired_before: datetime) -> int:
    """Vouchers die, with their uses, some time after nobody can use them; returns how many."""
    return connection.execute(
        "DELETE FROM vouchers WHERE expires_at < :before", {"before": to_wire(expired_before)}
    ).rowcount
