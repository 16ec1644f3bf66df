"""What this store offers to follow, the codes head office has filled up, and in whose hands each is."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sync.model import Clock, new_event, new_id, to_wire
from sync.records import outbox

Proof = Literal["verified", "claimed"]

OFFER_GOOD_FOR_SECONDS: Final = 1800
"""After this nobody at that address waits for it any more, and the address may be another's."""
_GOOD_FOR_AT_LEAST: Final = timedelta(hours=1)
CLAIMED_ONCE_IN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowAccount:
    """One of our accounts. `poster_url`: what the store's own QR says, `poster_code`: six digits
    that say the same; `link`: where the account is."""

    account: str
    platform: str
    title: str
    proof: Proof
    poster_url: str | None
    link: str | None
    poster_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowCode:
    """One entry of the pool: `ref` is in the QR that says `url`, `code` is what she can send instead."""

    ref: str
    code: str
    url: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A code in the hands of the station at `ip`."""

    account: str
    ref: str
    ip: str
    code: str
    url: str | None


# --- what head office says: written by sync ----------------------------------------------------------------


def set_accounts(connection: sqlite3.Connection, accounts: Sequence[FollowAccount]) -> None:
    """All of them, in the order they are shown; those not named are offered no more."""
    connection.execute("DELETE FROM follow_accounts")
    connection.executemany(
        "INSERT INTO follow_accounts (account, place, platform, title, proof, poster_url, poster_code, link)"
        " VALUES (:account, :place, :platform, :title, :proof, :poster_url, :poster_code, :link)",
        [
            {
                "account": each.account,
                "place": place,
                "platform": each.platform,
                "title": each.title,
                "proof": each.proof,
                "poster_url": each.poster_url,
                "poster_code": each.poster_code,
                "link": each.link,
            }
            for place, each in enumerate(accounts)
        ],
    )


def add_codes(connection: sqlite3.Connection, account: str, codes: Sequence[FollowCode]) -> None:
    """More for the pool; one that is there already stays as it is."""
    connection.executemany(
        "INSERT OR IGNORE INTO follow_codes (account, ref, code, url, expires_at)"
        " VALUES (:account, :ref, :code, :url, :expires_at)",
        [
            {
                "account": account,
                "ref": each.ref,
                "code": each.code,
                "url": each.url,
                "expires_at": to_wire(each.expires_at),
            }
            for each in codes
        ],
    )


# --- what shoppers are shown: written by the portal --------------------------------------------------------


def accounts(connection: sqlite3.Connection) -> list[FollowAccount]:
    rows = connection.execute("SELECT * FROM follow_accounts ORDER BY place")
    return [
        FollowAccount(
            account=row["account"],
            platform=row["platform"],
            title=row["title"],
            proof=row["proof"],
            poster_url=row["poster_url"],
            poster_code=row["poster_code"],
            link=row["link"],
        )
        for row in rows
    ]


def offer_to(connection: sqlite3.Connection, account: str, ip: str, clock: Clock) -> Offer | None:
    """What the station at this address has in hand already."""
    row = connection.execute(
        _OFFERS + " AND follow_offers.account = :account AND ip = :ip ORDER BY offered_boottime_ms DESC",
        _good(clock) | {"account": account, "ip": ip},
    ).fetchone()
    return _offer(row) if row else None


def any_offer_to(connection: sqlite3.Connection, ip: str, clock: Clock) -> bool:
    """Whether the station at this address has set out to follow any of our accounts."""
    row = connection.execute(_OFFERS + " AND ip = :ip", _good(clock) | {"ip": ip}).fetchone()
    return row is not None


def make_offer(
    connection: sqlite3.Connection, account: str, ip: str, staff_ref: str | None, clock: Clock
) -> Offer | None:
    """The offer the station has, or a fresh code out of the pool, told to head office; None: the pool is
    empty. No code is given out twice: who had it first may still scan it."""
    in_hand = offer_to(connection, account, ip, clock)
    if in_hand is not None:
        return in_hand
    ref = _next(connection, account, clock)
    if ref is None:
        return None
    connection.execute(
        "INSERT INTO follow_offers (account, ref, ip, offered_at, boot_id, offered_boottime_ms)"
        " VALUES (:account, :ref, :ip, :at, :boot_id, :boottime_ms)",
        {
            "account": account,
            "ref": ref,
            "ip": ip,
            "at": to_wire(clock.now()),
            "boot_id": clock.boot_id,
            "boottime_ms": int(clock.boottime() * 1000),
        },
    )
    body = {"account": account, "ref": ref} | ({"staff_ref": staff_ref} if staff_ref else {})
    outbox.append(connection, new_event("follow.offered", body, clock))
    return offer_to(connection, account, ip, clock)


def has_codes(connection: sqlite3.Connection, account: str, clock: Clock) -> bool:
    """Whether one is left to be given out."""
    return _next(connection, account, clock) is not None


def _next(connection: sqlite3.Connection, account: str, clock: Clock) -> str | None:
    row = connection.execute(
        _SOONEST_OVER if clock.synced() else _LATEST_OVER,
        {"account": account, "until": to_wire(clock.now() + _GOOD_FOR_AT_LEAST)},
    ).fetchone()
    return str(row["ref"]) if row else None


def claim(
    connection: sqlite3.Connection, account: FollowAccount, ip: str, staff_ref: str | None, clock: Clock
) -> bool:
    """She says that she follows; nothing proves it. Told to head office once a day and station: whether."""
    since = to_wire(clock.now() - CLAIMED_ONCE_IN)
    known = connection.execute(
        "SELECT 1 FROM follow_claims WHERE account = :account AND ip = :ip AND claimed_at > :since",
        {"account": account.account, "ip": ip, "since": since},
    ).fetchone()
    if known is not None:
        return False
    follow_id, now = new_id(), to_wire(clock.now())
    connection.execute(
        "INSERT INTO follow_claims (follow_id, account, ip, claimed_at)"
        " VALUES (:follow_id, :account, :ip, :now)",
        {"follow_id": follow_id, "account": account.account, "ip": ip, "now": now},
    )
    body = {"follow_id": follow_id, "account": account.account, "platform": account.platform}
    body |= {"staff_ref": staff_ref} if staff_ref else {}
    outbox.append(connection, new_event("follow.claimed", body, clock))
    return True


# --- whose grant that is: asked by sync --------------------------------------------------------------------


def holder(
    connection: sqlite3.Connection, account: str, ref: str | None, code: str | None, clock: Clock
) -> str | None:
    """The address of the station that holds this ref, or else this code; None: nobody does any more."""
    row = connection.execute(
        _OFFERS + " AND follow_offers.account = :account"
        " AND (follow_offers.ref = :ref OR (:ref IS NULL AND code = :code))",
        _good(clock) | {"account": account, "ref": ref, "code": code},
    ).fetchone()
    return str(row["ip"]) if row else None


_NOT_GIVEN_OUT: Final = (
    "SELECT ref FROM follow_codes WHERE account = :account"
    " AND ref NOT IN (SELECT ref FROM follow_offers WHERE account = :account)"
)
_SOONEST_OVER: Final = _NOT_GIVEN_OUT + " AND expires_at > :until ORDER BY expires_at, ref LIMIT 1"
# Where the clock cannot say which are over.
_LATEST_OVER: Final = _NOT_GIVEN_OUT + " ORDER BY expires_at DESC, ref LIMIT 1"
_OFFERS: Final = (
    "SELECT follow_offers.account, follow_offers.ref, ip, code, url FROM follow_offers"
    " JOIN follow_codes ON follow_codes.account = follow_offers.account"
    " AND follow_codes.ref = follow_offers.ref"
    " WHERE boot_id = :boot_id AND offered_boottime_ms >= :since"
)


def _good(clock: Clock) -> dict[str, str | int | None]:
    since = int((clock.boottime() - OFFER_GOOD_FOR_SECONDS) * 1000)
    return {"boot_id": clock.boot_id, "since": since}


def _offer(row: sqlite3.Row) -> Offer:
    return Offer(account=row["account"], ref=row["ref"], ip=row["ip"], code=row["code"], url=row["url"])


# --- ages --------------------------------------------------------------------------------------------------


def purge_codes(connection: sqlite3.Connection, expired_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM follow_codes WHERE expires_at < :before", {"before": to_wire(expired_before)}
    ).rowcount


def purge_offers(connection: sqlite3.Connection, offered_before: datetime) -> int:
    """Who had a code is forgotten; that somebody had it is known as long as it lies in the pool."""
    before = {"before": to_wire(offered_before)}
    connection.execute("UPDATE follow_offers SET ip = '' WHERE offered_at < :before AND ip <> ''", before)
    return connection.execute(
        "DELETE FROM follow_offers WHERE offered_at < :before AND NOT EXISTS (SELECT 1 FROM follow_codes"
        " WHERE follow_codes.account = follow_offers.account AND follow_codes.ref = follow_offers.ref)",
        before,
    ).rowcount


def purge_claims(connection: sqlite3.Connection, claimed_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM follow_claims WHERE claimed_at < :before", {"before": to_wire(claimed_before)}
    ).rowcount
