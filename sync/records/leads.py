"""Contacts shoppers gave us, with what they agreed to."""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sync.model import Clock, LeadId, Purpose, new_event, new_id, to_wire
from sync.records import admission, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A box she ticked, and the exact text beside it."""

    purpose: Purpose
    version: str
    language: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What one sent form says, checked. `form_id` is born with the form; `phone` is E.164; `staff_ref`: by
    whose badge she came."""

    form_id: str
    ip: str
    name: str | None
    phone: str | None
    email: str | None
    locale: str
    agreements: Sequence[Agreement]
    session_seconds: int
    staff_ref: str | None = None


def register(connection: sqlite3.Connection, registration: Registration, clock: Clock) -> LeadId:
    """Lead, consents, events and admission request in one transaction.

    The same form again changes nothing; the same contact on a new form is the same lead, with the new
    consents beside the old.
    """
    known = admission.lead_of(connection, registration.form_id)
    if known is not None:
        return known
    now = clock.now()
    lead_id = _find_by_contact(connection, registration) or LeadId(new_id())
    registered_at = _keep(connection, lead_id, registration, now)
    lead = {
        "lead_id": lead_id,
        "name": registration.name,
        "phone": registration.phone,
        "email": registration.email,
        "locale": registration.locale,
        "method": "form",
        "registered_at": registered_at,
    }
    credit = {"staff_ref": registration.staff_ref} if registration.staff_ref else {}
    outbox.append(connection, new_event("lead.captured", lead | credit, clock))
    for agreement in registration.agreements:
        _consent(connection, lead_id, agreement, clock)
    admission.ask(
        connection,
        admission.AdmissionRequest(
            request_id=registration.form_id,
            ip=registration.ip,
            lead_id=lead_id,
            method="form",
            session_seconds=registration.session_seconds,
        ),
        clock,
    )
    return lead_id


def _find_by_contact(connection: sqlite3.Connection, registration: Registration) -> LeadId | None:
    row = connection.execute(
        "SELECT lead_id FROM leads WHERE COALESCE(phone, '') = :phone AND COALESCE(email, '') = :email",
        {"phone": registration.phone or "", "email": registration.email or ""},
    ).fetchone()
    return LeadId(row[0]) if row else None


def _keep(connection: sqlite3.Connection, lead_id: LeadId, registration: Registration, now: datetime) -> str:
    row = connection.execute(
        "INSERT INTO leads (lead_id, name, phone, email, locale, registered_at, seen_at)"
        " VALUES (:lead_id, :name, :phone, :email, :locale, :now, :now)"
        " ON CONFLICT (lead_id) DO UPDATE SET name = COALESCE(excluded.name, name), locale = excluded.locale,"
        " seen_at = excluded.seen_at RETURNING registered_at",
        {
            "lead_id": lead_id,
            "name": registration.name,
            "phone": registration.phone,
            "email": registration.email,
            "locale": registration.locale,
            "now": to_wire(now),
        },
    ).fetchone()
    return str(row[0])


def _consent(connection: sqlite3.Connection, lead_id: LeadId, agreement: Agreement, clock: Clock) -> None:
    consent = {
        "consent_id": new_id(),
        "lead_id": lead_id,
        "purpose": agreement.purpose,
        "notice_version": agreement.version,
        "notice_sha256": agreement.sha256,
        "language": agreement.language,
        "given_at": to_wire(clock.now()),
        "method": "form",
    }
    connection.execute(
        "INSERT OR IGNORE INTO consent_texts (sha256, version, language, text)"
        " VALUES (:sha256, :version, :language, :text)",
        {
            "sha256": agreement.sha256,
            "version": agreement.version,
            "language": agreement.language,
            "text": agreement.text,
        },
    )
    connection.execute(
        "INSERT INTO consents (consent_id, lead_id, purpose, text_sha256, given_at, method)"
        " VALUES (:consent_id, :lead_id, :purpose, :notice_sha256, :given_at, :method)",
        consent,
    )
    outbox.append(connection, new_event("consent.given", consent, clock))


def contact_of(connection: sqlite3.Connection, lead_id: str) -> str | None:
    """Her telephone number (E.164), else her e-mail address; None when the lead is gone."""
    row = connection.execute(
        "SELECT COALESCE(phone, email) FROM leads WHERE lead_id = :lead_id", {"lead_id": lead_id}
    ).fetchone()
    return row[0] if row else None


def agreed_purposes(connection: sqlite3.Connection, lead_id: LeadId) -> list[Purpose]:
    """What she has agreed to and not withdrawn."""
    rows = connection.execute(
        "SELECT DISTINCT purpose FROM consents WHERE lead_id = :lead_id AND withdrawn_at IS NULL"
        " ORDER BY purpose",
        {"lead_id": lead_id},
    )
    return [row[0] for row in rows]


def withdraw_consents(
    connection: sqlite3.Connection, lead_id: LeadId, purposes: Sequence[Purpose], clock: Clock
) -> int:
    """Withdraws what she agreed to for these purposes; returns how many consents that were."""
    now = to_wire(clock.now())
    withdrawn = 0
    for purpose in purposes:
        rows = connection.execute(
            "UPDATE consents SET withdrawn_at = :now"
            " WHERE lead_id = :lead_id AND purpose = :purpose AND withdrawn_at IS NULL RETURNING consent_id",
            {"now": now, "lead_id": lead_id, "purpose": purpose},
        ).fetchall()
        for row in rows:
            body = {"consent_id": row[0], "lead_id": lead_id, "withdrawn_at": now}
            outbox.append(connection, new_event("consent.withdrawn", body, clock))
        withdrawn += len(rows)
    return withdrawn


def purge(connection: sqlite3.Connection, seen_before: datetime) -> int:
    """Leads die with their consents when their age says so; returns how many."""
    return connection.execute(
        "DELETE FROM leads WHERE seen_at < :before", {"before": to_wire(seen_before)}
    ).rowcount
