"""Who follows: her lead, her identity and her row in `follows` begin with her, and end with her."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from sync.headoffice.follow.decide import TAKEN_BACK_WITHIN, Decision, Known, Source, won_by
from sync.headoffice.follow.digest import follow_id
from sync.headoffice.follow.event import FollowEvent
from sync.headoffice.projection import Change
from sync.headoffice.sqlite.rows import Sequence, erase_lead, merge
from sync.model import new_id, to_wire


def begin(
    connection: sqlite3.Connection,
    event: FollowEvent,
    known: Known,
    decision: Decision,
    secret: str,
    now: datetime,
) -> str | None:
    """Told twice, nothing new. Returns her lead at the source's store; without a store there is none."""
    _note_following(connection, event, known, now)
    if known.source is None:
        return None
    lead_id = _lead_of(connection, event, known.source, now)
    _note_follow(connection, event, known, lead_id, secret, now)
    if decision.credit is not None:
        _credit(connection, known, decision.credit, event, now)
    return lead_id


def _note_following(connection: sqlite3.Connection, event: FollowEvent, known: Known, now: datetime) -> None:
    followed_at = min(event.occurred_at, now)
    connection.execute(
        "INSERT INTO follow_people (account, subject, person, followed_at, check_at)"
        " VALUES (:account, :subject, :person, :followed_at, :check_at)"
        # Platforms do not keep their order: that she left in between may be told later.
        " ON CONFLICT (account, subject) DO UPDATE SET again_at = excluded.followed_at"
        " WHERE :kind = 'follow' AND COALESCE(again_at, followed_at) < excluded.followed_at",
        {
            "kind": event.kind,
            "account": event.account,
            "subject": event.subject_id,
            "person": known.person,
            "followed_at": to_wire(followed_at),
            "check_at": to_wire(followed_at + TAKEN_BACK_WITHIN),
        },
    )


def _lead_of(connection: sqlite3.Connection, event: FollowEvent, source: Source, now: datetime) -> str:
    """Her lead at this store by her identity there; both are made when there is none."""
    names = {"venue_id": source.venue_id, "account": event.account, "subject": event.subject_id}
    row = connection.execute(
        "SELECT lead_id FROM identities WHERE account = :account AND subject = :subject"
        " AND venue_id = :venue_id AND deleted = 0",
        names,
    ).fetchone()
    if row is not None and row["lead_id"]:
        found: str = row["lead_id"]
        return found
    lead_id = new_id()
    lead = {"method": event.platform, "registered_at": to_wire(now)}
    identity = {
        "lead_id": lead_id,
        "platform": event.platform,
        "account": event.account,
        "subject": event.subject_id,
    }
    sequence, brand_id = Sequence(connection), _brand(connection, source.venue_id)
    for change in (
        Change(table="leads", row_id=lead_id, values=lead),
        Change(table="identities", row_id=new_id(), values=identity),
    ):
        merge(connection, change, source.venue_id, brand_id, sequence.next(), to_wire(now))
    sequence.save()
    return lead_id


def _note_follow(
    connection: sqlite3.Connection,
    event: FollowEvent,
    known: Known,
    lead_id: str,
    secret: str,
    now: datetime,
) -> None:
    """A row that is there and verified stays as it is: how she was won does not change by a second scan."""
    source = known.source
    assert source is not None
    sequence = Sequence(connection)
    written = connection.execute(
        "INSERT INTO follows (venue_id, id, seq, brand_id, updated_at, lead_id, platform, account, state,"
        " source, staff_ref, followed_at) VALUES (:venue_id, :id, :seq, :brand_id, :now, :lead_id, :platform,"
        " :account, 'verified', :source, :staff_ref, :followed_at)"
        " ON CONFLICT (venue_id, id) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at,"
        " lead_id = excluded.lead_id, state = 'verified', ended_at = NULL,"
        " source = CASE state WHEN 'verified' THEN source ELSE excluded.source END,"
        " staff_ref = CASE state WHEN 'verified' THEN staff_ref ELSE excluded.staff_ref END,"
        " followed_at = CASE state WHEN 'verified' THEN followed_at ELSE excluded.followed_at END"
        " WHERE state <> 'verified' OR lead_id IS NULL",
        {
            "venue_id": source.venue_id,
            "id": follow_id(secret, known.person, source.venue_id),
            "seq": sequence.next(),
            "brand_id": _brand(connection, source.venue_id),
            "now": to_wire(now),
            "lead_id": lead_id,
            "platform": event.platform,
            "account": event.account,
            "source": won_by(event, known, now),
            "staff_ref": source.staff_ref,
            "followed_at": to_wire(known.following_since or min(event.occurred_at, now)),
        },
    )
    if written.rowcount:
        sequence.save()


def note_claim(
    connection: sqlite3.Connection, event: FollowEvent, known: Known, secret: str, now: datetime
) -> None:
    """She is counted, and nothing is kept of her: nobody would tell us when she leaves."""
    source = known.source
    assert source is not None
    sequence = Sequence(connection)
    written = connection.execute(
        "INSERT INTO follows (venue_id, id, seq, brand_id, updated_at, platform, account, state, source,"
        " staff_ref, followed_at) VALUES (:venue_id, :id, :seq, :brand_id, :now, :platform, :account,"
        " 'claimed', :source, :staff_ref, :now) ON CONFLICT (venue_id, id) DO NOTHING",
        {
            "venue_id": source.venue_id,
            "id": follow_id(secret, known.person, source.venue_id),
            "seq": sequence.next(),
            "brand_id": _brand(connection, source.venue_id),
            "now": to_wire(now),
            "platform": event.platform,
            "account": event.account,
            "source": won_by(event, known, now),
            "staff_ref": source.staff_ref,
        },
    )
    if written.rowcount:
        sequence.save()


def _credit(
    connection: sqlite3.Connection, known: Known, staff_ref: str, event: FollowEvent, now: datetime
) -> None:
    assert known.source is not None
    at = to_wire(min(event.occurred_at, now))
    names = {
        "venue_id": known.source.venue_id,
        "credit_id": new_id(),
        "staff_ref": staff_ref,
        "person": known.person,
        "at": at,
        "now": to_wire(now),
    }
    connection.execute(
        "INSERT INTO follow_credits (venue_id, credit_id, staff_ref, kind, person, credited_at)"
        " VALUES (:venue_id, :credit_id, :staff_ref, 'follow', :person, :at)",
        names,
    )
    connection.execute(
        "INSERT INTO follow_memory (person, credited_at, noted_at) VALUES (:person, :at, :now)"
        " ON CONFLICT (person) DO UPDATE SET credited_at = excluded.credited_at,"
        " noted_at = excluded.noted_at",
        names,
    )


def leave(
    connection: sqlite3.Connection,
    event: FollowEvent,
    known: Known,
    decision: Decision,
    secret: str,
    now: datetime,
) -> None:
    """Everything the platform told of her goes; a number stays that names nobody.

    WeChat's terms: the developer must delete all of the person's information upon the event.
    """
    names = {
        "account": event.account,
        "subject": event.subject_id,
        "person": known.person,
        "ended_at": to_wire(min(event.occurred_at, now)),
        "now": to_wire(now),
    }
    connection.execute("DELETE FROM follow_people WHERE account = :account AND subject = :subject", names)
    connection.execute(
        "INSERT INTO follow_memory (person, ended_at, noted_at) VALUES (:person, :ended_at, :now)"
        " ON CONFLICT (person) DO UPDATE SET ended_at = excluded.ended_at, noted_at = excluded.noted_at",
        names,
    )
    if decision.takes_credit_back:
        connection.execute(
            "UPDATE follow_credits SET taken_back_at = :now WHERE person = :person AND kind = 'follow'"
            " AND taken_back_at IS NULL",
            names,
        )
    identities = connection.execute(
        "SELECT venue_id, id, lead_id FROM identities WHERE account = :account AND subject = :subject", names
    ).fetchall()
    sequence = Sequence(connection)
    for row in identities:
        own = follow_id(secret, known.person, row["venue_id"])
        _end_follow(connection, row["venue_id"], own, names["ended_at"], sequence.next(), names["now"])
    _forget_identities(connection, identities, sequence, names["now"])
    for row in identities:
        if row["lead_id"] is not None:
            _erase_if_nothing_else(connection, row["venue_id"], row["lead_id"], sequence, names["now"])
    sequence.save()


def forget_lead(
    connection: sqlite3.Connection, venue_id: str, lead_id: str, sequence: Sequence, now: str
) -> None:
    """A lead is erased: what platforms call her goes with it, and her follows no longer name her."""
    names = {"venue_id": venue_id, "lead_id": lead_id, "now": now}
    identities = connection.execute(
        "SELECT venue_id, id, account, subject FROM identities WHERE venue_id = :venue_id"
        " AND lead_id = :lead_id",
        names,
    ).fetchall()
    for row in identities:
        # Known at no other store: then head office need not know that she follows at all.
        connection.execute(
            "DELETE FROM follow_people WHERE account = :account AND subject = :subject AND NOT EXISTS ("
            " SELECT 1 FROM identities WHERE account = :account AND subject = :subject AND id <> :id)",
            {"account": row["account"], "subject": row["subject"], "id": row["id"]},
        )
    _forget_identities(connection, identities, sequence, now)
    follows = connection.execute(
        "SELECT id FROM follows WHERE venue_id = :venue_id AND lead_id = :lead_id", names
    ).fetchall()
    for row in follows:
        connection.execute(
            "UPDATE follows SET lead_id = NULL, seq = :seq, updated_at = :now"
            " WHERE venue_id = :venue_id AND id = :id",
            {**names, "id": row["id"], "seq": sequence.next()},
        )


def _end_follow(
    connection: sqlite3.Connection, venue_id: str, row_id: str, ended_at: str, seq: int, now: str
) -> None:
    connection.execute(
        "UPDATE follows SET state = 'ended', ended_at = :ended_at, lead_id = NULL, seq = :seq,"
        " updated_at = :now WHERE venue_id = :venue_id AND id = :id AND state = 'verified'",
        {"venue_id": venue_id, "id": row_id, "ended_at": ended_at, "seq": seq, "now": now},
    )


def _forget_identities(
    connection: sqlite3.Connection, identities: Iterable[sqlite3.Row], sequence: Sequence, now: str
) -> None:
    for row in identities:
        connection.execute(
            "UPDATE identities SET deleted = 1, lead_id = NULL, platform = NULL, account = NULL,"
            " subject = NULL, seq = :seq, updated_at = :now WHERE venue_id = :venue_id AND id = :id",
            {"venue_id": row["venue_id"], "id": row["id"], "seq": sequence.next(), "now": now},
        )


def _erase_if_nothing_else(
    connection: sqlite3.Connection, venue_id: str, lead_id: str, sequence: Sequence, now: str
) -> None:
    names = {"venue_id": venue_id, "lead_id": lead_id}
    has_more = connection.execute(
        "SELECT 1 FROM leads WHERE venue_id = :venue_id AND id = :lead_id AND (deleted = 1"
        " OR name IS NOT NULL OR phone IS NOT NULL OR email IS NOT NULL)"
        " UNION SELECT 1 FROM identities WHERE venue_id = :venue_id AND lead_id = :lead_id",
        names,
    ).fetchone()
    if has_more is not None:
        return
    brand_id = _brand(connection, venue_id)
    erase_lead(connection, lead_id, venue_id, brand_id, sequence.next(), now)
    erased = Change(table="deletions", row_id=new_id(), values={"lead_id": lead_id, "erased_at": now})
    merge(connection, erased, venue_id, brand_id, sequence.next(), now)


def _brand(connection: sqlite3.Connection, venue_id: str) -> str:
    brand_id: str = connection.execute(
        "SELECT brand_id FROM venues WHERE venue_id = :venue_id", {"venue_id": venue_id}
    ).fetchone()[0]
    return brand_id
