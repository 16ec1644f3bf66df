"""What head office says of follows: the accounts, the pool of codes, the key of the links, the grants."""

import logging
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, get_args

from sync.command_body import (
    LONGEST_TEXT,
    each,
    matching,
    moment,
    not_right,
    number,
    text,
    text_or_none,
    url_or_none,
)
from sync.model import Clock, LeadId
from sync.records import follow, follow_staff, grant_links
from sync.records.admission import LONGEST_SESSION_SECONDS
from sync.records.follow import FollowAccount, FollowCode, Proof
from sync.records.follow_staff import Board, Credit, Member
from sync.records.grant_links import FollowGrant, GrantKey

log = logging.getLogger("yingke.commands")

_LARGEST: Final = 2**32 - 1
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")
_GRANT_ID: Final = re.compile(r"[0-9a-f]{16}")
_CODE: Final = re.compile(r"[0-9]{6}")
# They stand in addresses of ours.
_WORD: Final = re.compile(r"[a-z0-9-]{1,32}")
_REF: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WEEK: Final = re.compile(r"[0-9]{4}-W[0-9]{2}")


def _grant_key(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    key = GrantKey(
        key=bytes.fromhex(matching(body, "key", _KEY)),
        venue_number=number(body, "venue_number", 0, _LARGEST),
    )
    grant_links.set_key(connection, key, clock)


def _follow_accounts(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    accounts = each(body, "accounts", _account, lambda account: account.account)
    follow.set_accounts(connection, accounts)


def _account(entry: Mapping[str, Any]) -> FollowAccount:
    proof = text(entry, "proof")
    if proof not in get_args(Proof):
        raise not_right("proof")
    return FollowAccount(
        account=text(entry, "account"),
        platform=matching(entry, "platform", _WORD),
        title=text(entry, "title", LONGEST_TEXT),
        proof="verified" if proof == "verified" else "claimed",
        poster_url=url_or_none(entry, "poster_url"),
        link=url_or_none(entry, "link"),
        poster_code=matching(entry, "poster_code", _CODE) if entry.get("poster_code") is not None else None,
    )


def _follow_codes(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    follow.add_codes(connection, text(body, "account"), each(body, "entries", _code))


def _code(entry: Mapping[str, Any]) -> FollowCode:
    return FollowCode(
        ref=matching(entry, "ref", _REF),
        code=matching(entry, "code", _CODE),
        url=url_or_none(entry, "url"),
        expires_at=moment(entry, "expires_at"),
    )


def _follow_grant(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    """Whose station that is, this box alone knows: by the code or QR it has given out. Nobody's: she has
    the link, which needs no code."""
    expires_at = moment(body, "expires_at")
    account = text(body, "account")
    ref = matching(body, "ref", _REF) if body.get("ref") is not None else None
    code = matching(body, "code", _CODE) if body.get("code") is not None else None
    lead_id = text_or_none(body, "lead_id")
    grant_id = matching(body, "grant_id", _GRANT_ID)
    platform = matching(body, "platform", _WORD)
    seconds = number(body, "session_seconds", 1, LONGEST_SESSION_SECONDS)
    if clock.synced() and expires_at <= clock.now():
        log.info("a follow's grant came too late")
        return
    ip = follow.holder(connection, account, ref, code, clock)
    if ip is None:
        log.info("a follow's grant is for no station that waits for it")
        return
    grant = FollowGrant(
        grant_id=grant_id,
        account=account,
        platform=platform,
        ip=ip,
        lead_id=LeadId(lead_id) if lead_id else None,
        session_seconds=seconds,
    )
    grant_links.give(connection, grant, clock)


def _follow_staff(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    members = each(body, "members", _member, lambda member: member.staff_ref)
    follow_staff.set_members(connection, members)


def _member(entry: Mapping[str, Any]) -> Member:
    return Member(
        staff_ref=matching(entry, "staff_ref", _REF),
        name=text(entry, "name", LONGEST_TEXT),
        poster_url=url_or_none(entry, "poster_url"),
    )


def _follow_board(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    week = matching(body, "week", _WEEK)
    try:
        date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)
    except ValueError:
        raise not_right("week") from None
    board = Board(week=week, rows=tuple(each(body, "rows", _credit)))
    follow_staff.set_board(connection, board, clock)


def _credit(entry: Mapping[str, Any]) -> Credit:
    return Credit(
        name=text(entry, "name", LONGEST_TEXT),
        follows=number(entry, "follows", 0, _LARGEST),
        registrations=number(entry, "registrations", 0, _LARGEST),
    )


Act = Callable[[sqlite3.Connection, Mapping[str, Any], Clock], None]
FOLLOW_ACTS: Final[Mapping[str, Act]] = {
    "grant_key": _grant_key,
    "follow_accounts": _follow_accounts,
    "follow_codes": _follow_codes,
    "follow_grant": _follow_grant,
    "follow_staff": _follow_staff,
    "follow_board": _follow_board,
}
"""By the kind of the command. Each raises BadCommand before it has changed anything."""
