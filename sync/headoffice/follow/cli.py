"""`yingke-headoffice staff enlist|dismiss|list|board|badges` and `account list`."""

import argparse
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sync.headoffice.follow.accounts import (
    Account,
    BadAccount,
    credentials_folder,
    needed_secrets,
    read_secrets,
    useful_secrets,
)
from sync.headoffice.follow.badges import badges_page
from sync.headoffice.follow.replies import LOCALES
from sync.headoffice.follow.storage import Member
from sync.headoffice.follow.weeks import read_week, start_of_week, week_name
from sync.headoffice.refusal import Refusal, read_name
from sync.headoffice.settings import Settings
from sync.headoffice.storage import Storage
from sync.i18n import NAMES, read_languages
from sync.model import SystemClock, to_wire

Act = Callable[[Storage, argparse.Namespace], Awaitable[None]]
STAFF_ACTIONS = "add|enlist|dismiss|list|board|badges"


def add_staff_parsers(group: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    enlist = _add(group, "enlist", _enlist, parents, "Gives a member of a store's staff a badge of her own.")
    enlist.add_argument("--name", required=True, help="as the board and the badge show it")
    dismiss = _add(
        group, "dismiss", _dismiss, parents, "Her badge brings no credit any more; what she won stays hers."
    )
    dismiss.add_argument("staff_ref", metavar="STAFF_REF", help="as `staff list` shows it")
    _add(group, "list", _list, parents, "A store's staff, with what their badges say.")
    board = _add(group, "board", _board, parents, "Follows and registrations that each has won in a week.")
    board.add_argument("--week", metavar="YYYY-Www", help="like 2026-W47 (default: this week)")
    badges = _add(group, "badges", _badges, parents, "Writes a page to print: a badge for each of the staff.")
    badges.add_argument("file", type=Path, metavar="FILE.html", help="the page; what is there is replaced")
    badges.add_argument(
        "--language", choices=tuple(NAMES), help="of the page (default: console.default_language)"
    )


def add_account_parsers(group: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    meaning = (
        "Every account of the settings: where its platform calls, its secrets, and whether it gives QR codes."
    )
    parser = group.add_parser("list", parents=parents, help=meaning, description=meaning)
    parser.set_defaults(act=_list_accounts)


def _add(
    group: Any, action: str, act: Act, parents: Sequence[argparse.ArgumentParser], meaning: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        action, parents=parents, help=meaning, description=meaning
    )
    parser.add_argument("venue_id", metavar="VENUE_ID", help="the store")
    parser.set_defaults(act=act)
    return parser


async def _enlist(storage: Storage, options: argparse.Namespace) -> None:
    member = await storage.follow.enlist(options.venue_id, read_name(options.name), SystemClock().now())
    words = (
        f"{member.name} has the badge {member.staff_ref}. The running head office asks the platforms for"
        f" its QR; then `staff badges {member.venue_id} FILE.html` prints it."
    )
    _say(options, _as_json(member), words)


async def _dismiss(storage: Storage, options: argparse.Namespace) -> None:
    await storage.follow.dismiss(options.venue_id, options.staff_ref, SystemClock().now())
    answer = {"venue_id": options.venue_id, "staff_ref": options.staff_ref}
    _say(options, answer, f"The badge {options.staff_ref} brings no credit from now on.")


async def _list(storage: Storage, options: argparse.Namespace) -> None:
    members = await storage.follow.members(options.venue_id)
    lines = [
        f"{member.staff_ref}  {member.name}  {member.poster_url or member.code or 'no QR yet'}"
        + ("  left" if member.left_at else "")
        for member in members
    ]
    _say(options, {"members": [_as_json(each) for each in members]}, "\n".join(lines) or "Nobody yet.")


def _as_json(member: Member) -> dict[str, Any]:
    return asdict(member) | {"left_at": to_wire(member.left_at) if member.left_at else None}


async def _board(storage: Storage, options: argparse.Namespace) -> None:
    zone = ZoneInfo(_settings(options).console.timezone)
    now = SystemClock().now()
    try:
        since = read_week(options.week, zone) if options.week else start_of_week(now, zone)
    except ValueError:
        raise Refusal(f"--week is like {week_name(now, zone)}, not {options.week!r}") from None
    rows = await storage.follow.board(options.venue_id, since, since + timedelta(days=7))
    words = "\n".join(f"{row.follows:5d} {row.registrations:5d}  {row.name}" for row in rows)
    answer = {"week": week_name(since, zone), "rows": [asdict(row) for row in rows]}
    _say(options, answer, f"{answer['week']}\nfollows, registrations\n{words or 'Nobody yet.'}")


async def _badges(storage: Storage, options: argparse.Namespace) -> None:
    members = [each for each in await storage.follow.members(options.venue_id) if each.left_at is None]
    ready = [each for each in members if each.poster_url or each.code]
    if not ready:
        raise Refusal(f"no badge of {options.venue_id!r} has a QR or digits yet: is the head office running?")
    languages = read_languages(LOCALES)
    code = options.language or _settings(options).console.default_language
    try:
        options.file.write_text(badges_page(ready, languages[code]), encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{options.file} cannot be written: {error.strerror}") from None
    words = f"{len(ready)} badges are in {options.file}; {len(members) - len(ready)} have no QR yet."
    _say(options, {"badges": len(ready), "file": str(options.file)}, words)


async def _list_accounts(storage: Storage, options: argparse.Namespace) -> None:
    troubles = {trouble.account: trouble.why for trouble in await storage.follow.troubles()}
    accounts: list[dict[str, Any]] = [
        {
            "account": account.name,
            "platform": account.platform,
            "title": account.title,
            "proof": account.proof,
            "callback": f"/platforms/{account.platform}/{account.name}"
            if account.proof == "verified"
            else None,
            **_secrets(account),
            "no_qr_because": troubles.get(account.name),
        }
        for account in _settings(options).accounts
    ]
    words = "\n".join(
        f"{each['account']}  {each['platform']}  {each['proof']}  {each['callback'] or '-'}"
        f"  secrets: {', '.join(each['secrets']) or 'none'}"
        + (f"  missing: {', '.join(each['missing'])}" if each["missing"] else "")
        + (f"  can be added: {', '.join(each['can_be_added'])}" if each["can_be_added"] else "")
        + (f"  no QR codes: {each['no_qr_because']}" if each["no_qr_because"] else "")
        for each in accounts
    )
    _say(
        options,
        {"accounts": accounts},
        words or "There is no account: [accounts.NAME] in the settings adds one.",
    )


def _secrets(account: Account) -> dict[str, list[str]]:
    """The names of the files, never what is in them."""
    try:
        found = read_secrets(account.name, credentials_folder())
    except BadAccount as error:
        raise Refusal(str(error)) from None
    return {
        "secrets": [f"{account.name}.{key}" for key in found],
        "missing": [f"{account.name}.{key}" for key in needed_secrets(account) if not found.get(key)],
        "can_be_added": [f"{account.name}.{key}" for key in useful_secrets(account) if not found.get(key)],
    }


def _settings(options: argparse.Namespace) -> Settings:
    settings: Settings = options.settings
    return settings


def _say(options: argparse.Namespace, answer: dict[str, Any], words: str) -> None:
    print(json.dumps(answer, ensure_ascii=False) if options.json else words)
