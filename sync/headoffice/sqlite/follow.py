"""Hearing an event: what is known of it, what is decided, and everything that follows, in one transaction."""

import secrets
import sqlite3
from datetime import datetime, timedelta

from sync.grant_token import CHANNELS, GrantToken, sign
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Decision, Grant, Known, Source, decide
from sync.headoffice.follow.digest import digest, person_of
from sync.headoffice.follow.event import Answer, FollowEvent
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.storage import Heard, Hearing, Reply, Terms
from sync.headoffice.sqlite.follow_people import begin, leave, note_claim
from sync.headoffice.sqlite.follow_pool import take_from_log
from sync.headoffice.sqlite.follow_telling import grant_key
from sync.headoffice.sqlite.venues import add_command
from sync.model import from_wire, to_wire

_SOURCE = """
    SELECT codes.*, venues.venue_number, follow_members.staff_ref AS works_here
    FROM follow_codes AS codes
    JOIN venues ON venues.venue_id = codes.venue_id AND venues.id = codes.venue_id AND venues.deleted = 0
    LEFT JOIN follow_members ON follow_members.venue_id = codes.venue_id AND left_at IS NULL
        AND follow_members.staff_ref = CASE codes.kind WHEN 'staff' THEN codes.ref ELSE codes.staff_ref END
    WHERE codes.account = :account AND """


def hear(
    connection: sqlite3.Connection,
    account: Account,
    hearing: Hearing,
    terms: Terms,
    reply: Reply,
    now: datetime,
) -> Heard:
    """Runs inside the writing transaction."""
    event, secret = hearing.event, _secret(connection)
    key = {"account": account.name, "event": digest(secret, "event", account.name, event.dedupe_key)}
    before = connection.execute(
        "SELECT text, link, code FROM follow_heard WHERE account = :account AND event = :event", key
    ).fetchone()
    if before is not None:
        return Heard(answer=Answer(text=before["text"], link=before["link"], code=before["code"]))
    answer, venue_id = _decide(connection, account, hearing, terms, reply, now, secret)
    connection.execute(
        "INSERT INTO follow_heard (account, event, text, link, code, heard_at)"
        " VALUES (:account, :event, :text, :link, :code, :now)",
        {**key, "text": answer.text, "link": answer.link, "code": answer.code, "now": to_wire(now)},
    )
    return Heard(answer=answer, venue_id=venue_id)


def _decide(
    connection: sqlite3.Connection,
    account: Account,
    hearing: Hearing,
    terms: Terms,
    reply: Reply,
    now: datetime,
    secret: str,
) -> tuple[Answer, str | None]:
    event = hearing.event
    if hearing.too_often and event.kind == "message":
        return reply("too_often", None, None), None
    known = _known(connection, account, hearing, now, secret)
    new = Grant(
        grant_id=secrets.token_hex(8),
        venue_id="",
        expires_at=now + timedelta(minutes=terms.grant_minutes),
    )
    decision = decide(event, known, now, new, has_links=bool(terms.links))
    lead_id = _note_person(connection, event, known, decision, secret, now)
    grant = decision.grant
    if grant is None or known.source is None:
        says = "too_often" if hearing.too_often and decision.says else decision.says
        return (reply(says, None, None) if says else Answer()), None
    link = _link(connection, account, known, grant, terms, now)
    is_new = known.given is None
    if is_new:
        _give(connection, account, known, grant, lead_id, terms.session_seconds, now)
    assert decision.says is not None
    return reply(decision.says, link, grant.code), grant.venue_id if is_new else None


def _known(
    connection: sqlite3.Connection, account: Account, hearing: Hearing, now: datetime, secret: str
) -> Known:
    event = hearing.event
    person = person_of(secret, account.name, event.subject_id)
    source = _source(connection, event)
    follows = connection.execute(
        # An unfollow from before she came again is told too late.
        "SELECT CASE :kind WHEN 'unfollow' THEN COALESCE(again_at, followed_at) ELSE followed_at END"
        " AS followed_at FROM follow_people WHERE account = :account AND subject = :subject",
        {"account": account.name, "subject": event.subject_id, "kind": event.kind},
    ).fetchone()
    memory = connection.execute(
        "SELECT credited_at, ended_at FROM follow_memory WHERE person = :person", {"person": person}
    ).fetchone()
    credited_at = memory["credited_at"] if memory else None
    ended_at = memory["ended_at"] if memory else None
    return Known(
        person=person,
        source=source,
        following_since=from_wire(follows["followed_at"]) if follows else None,
        ended_at=from_wire(ended_at) if ended_at else None,
        credited=credited_at is not None,
        credited_at=from_wire(credited_at) if credited_at else None,
        given=_given(connection, person, source, now) if source else None,
        platform_says=hearing.platform_says,
        grants_of_a_day=_grants_of_a_day(connection, person, now) if source else 0,
    )


def _source(connection: sqlite3.Connection, event: FollowEvent) -> Source | None:
    names: dict[str, str | int | None] = {"account": event.account, "code": event.code}
    scene = read_scene(event.scene) if event.scene else None
    if scene is not None:
        names |= {"kind": scene.kind, "ref": scene.ref or "", "number": scene.venue_number}
        where = "kind = :kind AND ref = :ref"
        if scene.venue_number is not None:
            # The store first: every store's poster has the same empty ref.
            where += " AND codes.venue_id = (SELECT venue_id FROM venues WHERE venue_number = :number)"
    elif event.code is not None:
        where = "code = :code"
    else:
        return None
    row = connection.execute(_SOURCE + where, names).fetchone()
    if row is None:
        return None
    return Source(
        kind=row["kind"],
        venue_id=row["venue_id"],
        venue_number=row["venue_number"],
        code=row["code"],
        ref=row["ref"] or None,
        staff_ref=row["works_here"],
        expires_at=from_wire(row["expires_at"]) if row["expires_at"] else None,
        used_by=row["used_by"],
    )


def _grants_of_a_day(connection: sqlite3.Connection, person: str, now: datetime) -> int:
    granted: int = connection.execute(
        "SELECT COUNT(*) FROM follow_grants WHERE person = :person AND granted_at > :since",
        {"person": person, "since": to_wire(now - timedelta(days=1))},
    ).fetchone()[0]
    return granted


def _given(connection: sqlite3.Connection, person: str, source: Source, now: datetime) -> Grant | None:
    row = connection.execute(
        "SELECT * FROM follow_grants WHERE person = :person AND venue_id = :venue_id AND source = :source"
        " AND expires_at > :now ORDER BY granted_at DESC LIMIT 1",
        {"person": person, "venue_id": source.venue_id, "source": source.code, "now": to_wire(now)},
    ).fetchone()
    if row is None:
        return None
    return Grant(
        grant_id=row["grant_id"],
        venue_id=row["venue_id"],
        ref=row["ref"],
        code=row["code"],
        expires_at=from_wire(row["expires_at"]),
    )


def _note_person(
    connection: sqlite3.Connection,
    event: FollowEvent,
    known: Known,
    decision: Decision,
    secret: str,
    now: datetime,
) -> str | None:
    """What is known of her from now on; returns her lead at the source's store."""
    if decision.claims:
        note_claim(connection, event, known, secret, now)
    if decision.follows is None:
        return None
    if not decision.follows:
        leave(connection, event, known, decision, secret, now)
        return None
    return begin(connection, event, known, decision, secret, now)


def _link(
    connection: sqlite3.Connection, account: Account, known: Known, grant: Grant, terms: Terms, now: datetime
) -> str | None:
    """Signed anew, it is the same: all that goes into it is kept with the grant."""
    assert known.source is not None
    key = grant_key(connection, grant.venue_id, known.source.venue_number, now)
    if not terms.links:
        return None
    token = GrantToken(
        channel=CHANNELS[account.platform],
        expires_at=grant.expires_at,
        venue_number=known.source.venue_number,
        grant_id=grant.grant_id,
        subject_hash=known.person[:16],
    )
    base = terms.links.replace("{venue_id}", grant.venue_id)
    base = base.replace("{venue_number}", str(known.source.venue_number))
    return f"{base.rstrip('/')}/g/{sign(token, bytes.fromhex(key))}"


def _give(
    connection: sqlite3.Connection,
    account: Account,
    known: Known,
    grant: Grant,
    lead_id: str | None,
    session_seconds: int,
    now: datetime,
) -> None:
    """The grant in the books, the code used up, and the command to the box."""
    source = known.source
    assert source is not None
    names = {
        "grant_id": grant.grant_id,
        "venue_id": grant.venue_id,
        "account": account.name,
        "person": known.person,
        "source": source.code,
        "ref": grant.ref,
        "code": grant.code,
        "now": to_wire(now),
        "expires_at": to_wire(grant.expires_at),
    }
    connection.execute(
        "INSERT INTO follow_grants (grant_id, venue_id, account, person, source, ref, code, granted_at,"
        " expires_at) VALUES (:grant_id, :venue_id, :account, :person, :source, :ref, :code, :now,"
        " :expires_at)",
        names,
    )
    if source.kind == "session":
        connection.execute(
            "UPDATE follow_codes SET used_by = :person WHERE account = :account AND code = :source", names
        )
        assert source.ref is not None
        take_from_log(connection, grant.venue_id, source.ref)
    body = {
        "grant_id": grant.grant_id,
        "account": account.name,
        "platform": account.platform,
        "ref": grant.ref,
        "code": grant.code,
        "session_seconds": session_seconds,
        "lead_id": lead_id,
        "staff_ref": source.staff_ref,
        "subject_hash": known.person[:16],
        "expires_at": to_wire(grant.expires_at),
    }
    add_command(connection, grant.venue_id, "follow_grant", body, to_wire(grant.expires_at), to_wire(now))


def _secret(connection: sqlite3.Connection) -> str:
    secret: str = connection.execute("SELECT secret FROM follow_secret").fetchone()[0]
    return secret
