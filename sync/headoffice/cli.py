"""yingke-headoffice: serve, and add stores, brands, keys and staff."""

import argparse
import asyncio
import getpass
import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from sync.config import ConfigErrors
from sync.headoffice.follow.cli import STAFF_ACTIONS, add_account_parsers, add_staff_parsers
from sync.headoffice.keys import SCOPES, new_key
from sync.headoffice.refusal import Refusal, read_name
from sync.headoffice.server import BadAddress, database_path, host_and_port, run
from sync.headoffice.settings import DEFAULT_PATH, Settings, load
from sync.headoffice.sqlite.migrations import DEFAULT_BRAND
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.headoffice.storage import (
    ROLES,
    AlreadyThere,
    NewVenue,
    NotThere,
    Staff,
    Storage,
    StorageUnavailable,
)
from sync.model import SystemClock
from sync.passwords import LONGEST, SHORTEST, hash_password
from sync.process import main as run_process

_ID = re.compile(r"[a-z0-9-]{1,32}")
_ID_MEANING = "1 to 32 of a-z, 0-9 and -"


def main(arguments: Sequence[str] | None = None, *, stdin: TextIO = sys.stdin) -> int:
    options = _parser().parse_args(arguments)
    options.stdin = stdin
    try:
        settings = _with_options(load(options.config), options)
        if options.command == "serve":
            host_and_port(settings.server.listen)
            database_path(settings.server.database)
            return run_process(run, settings)
        asyncio.run(_with_storage(settings, options))
    except (ConfigErrors, BadAddress) as error:
        print(error, file=sys.stderr)
        return 2
    except (StorageUnavailable, AlreadyThere, NotThere, Refusal) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _with_options(settings: Settings, options: argparse.Namespace) -> Settings:
    given = {
        name: value for name in ("database", "listen") if (value := getattr(options, name, None)) is not None
    }
    return replace(settings, server=replace(settings.server, **given))


async def _with_storage(settings: Settings, options: argparse.Namespace) -> None:
    options.settings = settings
    storage = SqliteStorage(database_path(settings.server.database))
    act: Callable[[Storage, argparse.Namespace], Awaitable[None]] = options.act
    try:
        await act(storage, options)
    finally:
        await storage.close()


async def _add_venue(storage: Storage, options: argparse.Namespace) -> None:
    venue = await storage.add_venue(
        _id(options.venue_id, "VENUE_ID"), read_name(options.name), options.brand, SystemClock().now()
    )
    if options.json:
        print(json.dumps(asdict(venue), ensure_ascii=False))
        return
    print(f"""# For yingke.toml on the box of {venue.venue_id}:
[venue]
id = {json.dumps(venue.venue_id)}
number = {venue.venue_number}
name = {json.dumps(venue.name, ensure_ascii=False)}
brand_id = {json.dumps(venue.brand_id)}

[sync]
head_office_url = "https://…"
{_links_of(venue, options.settings.follow.links)}
# The upload key, shown once. It goes into the file that sync.upload_key_file names
# (/etc/yingke/secrets/upload_key), never into yingke.toml:
# {venue.upload_key}""")


def _links_of(venue: NewVenue, links: str) -> str:
    """Phones on the store's WiFi are to find the box where our links lead. A box that answers https does so
    under the name of its certificate already."""
    where = urlsplit(
        links.replace("{venue_id}", venue.venue_id).replace("{venue_number}", str(venue.venue_number))
    )
    if where.scheme != "http" or not where.hostname:
        return ""
    return f"\n[follow]\nlink_host = {json.dumps(where.hostname)}\n"


async def _add_brand(storage: Storage, options: argparse.Namespace) -> None:
    brand_id = _id(options.brand_id, "BRAND_ID")
    await storage.add_brand(brand_id, read_name(options.name), SystemClock().now())
    _say(options, {"brand_id": brand_id}, f"Brand {brand_id} is added.")


async def _switch_roaming(storage: Storage, options: argparse.Namespace) -> None:
    await storage.set_roaming(options.brand_id, options.switch == "on")
    words = {
        "on": "Sessions of its stores hold in its other stores",
        "off": "A session holds in its own store only",
    }
    answer = {"brand_id": options.brand_id, "roaming": options.switch}
    _say(options, answer, f"{words[options.switch]} from now on.")


async def _add_key(storage: Storage, options: argparse.Namespace) -> None:
    scopes = tuple(dict.fromkeys(scope.strip() for scope in options.scope.split(",")))
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or "read" not in scopes:
        raise Refusal(f"--scope is read or read,pii, not {options.scope!r}")
    shown, key = new_key("pull", read_name(options.name), scopes=scopes)
    await storage.add_key(key, SystemClock().now())
    answer = {"key": shown, "key_id": key.key_id, "name": key.name, "scope": list(scopes)}
    _say(options, answer, f"{shown}\nThis is the only time it is shown.")


async def _add_staff(storage: Storage, options: argparse.Namespace) -> None:
    login = _id(options.login, "LOGIN")
    stdin: TextIO = options.stdin
    password = getpass.getpass("Password: ") if stdin.isatty() else stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refusal(f"a password has {SHORTEST} to {LONGEST} characters, and this one {len(password)}")
    staff = Staff(login=login, password_hash=hash_password(password), role=options.role)
    await storage.put_staff(staff, SystemClock().now())
    _say(options, {"login": login, "role": staff.role}, f"{login} may sign in to the console.")


def _say(options: argparse.Namespace, answer: dict[str, Any], words: str) -> None:
    print(json.dumps(answer, ensure_ascii=False) if options.json else words)


def _id(text: str, name: str) -> str:
    if not _ID.fullmatch(text):
        raise Refusal(f"{name} has {_ID_MEANING}, not {text!r}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yingke-headoffice",
        description="The head office: receives what the stores send, keeps it, and lets programs pull it.",
    )
    _add_common(parser, default=None)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    every = argparse.ArgumentParser(add_help=False)
    # Before or after the command; here without a default, which would undo the one before it.
    _add_common(every, default=argparse.SUPPRESS)
    serve = commands.add_parser(
        "serve",
        parents=[every],
        help="answer stores, programs and people",
        description="Migrates the database, then answers plain HTTP. Put a reverse proxy with TLS before it.",
    )
    serve.add_argument("--listen", metavar="HOST:PORT", help="goes before server.listen of the settings")
    _add_parsers(commands, every)
    return parser


def _add_common(parser: argparse.ArgumentParser, default: Any) -> None:
    meaning = f"the settings (default: {DEFAULT_PATH}, if it is there)"
    parser.add_argument("--config", type=Path, metavar="FILE", default=default, help=meaning)
    meaning = "sqlite:///FILE; goes before server.database of the settings"
    parser.add_argument("--database", metavar="URL", default=default, help=meaning)


def _add_parsers(commands: Any, every: argparse.ArgumentParser) -> None:
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print one JSON object")

    def group_of(thing: str, meaning: str, actions: str) -> Any:
        group = commands.add_parser(thing, help=meaning)
        return group.add_subparsers(dest="action", required=True, metavar=actions)

    def add(
        group: Any,
        name: str,
        meaning: str,
        act: Callable[..., Awaitable[None]],
        description: str,
        action: str = "add",
    ) -> Any:
        parser = group.add_parser(action, parents=[every, as_json], help=description, description=description)
        parser.add_argument(name.lower(), metavar=name, help=meaning)
        parser.set_defaults(act=act)
        return parser

    venue = add(
        group_of("venue", "add a venue", "add"),
        "VENUE_ID",
        _ID_MEANING,
        _add_venue,
        "Adds a store; prints what to put on its box, the key once.",
    )
    venue.add_argument("--name", required=True, help="the store's name, as people read it")
    venue.add_argument(
        "--brand", metavar="BRAND_ID", default=DEFAULT_BRAND, help=f"its brand (default: {DEFAULT_BRAND})"
    )
    brands = group_of("brand", "add a brand, or switch its roaming", "add|roaming")
    brand = add(brands, "BRAND_ID", _ID_MEANING, _add_brand, "Adds a brand.")
    brand.add_argument("--name", required=True, help="the brand's name")
    roaming = add(
        brands,
        "BRAND_ID",
        _ID_MEANING,
        _switch_roaming,
        "Says whether a session that began in one of the brand's stores holds in its others too. The stores "
        "that take part have registration.roaming on.",
        action="roaming",
    )
    roaming.add_argument("switch", choices=("on", "off"), help="off for a new brand")
    key = add(
        group_of("key", "add a key", "add"),
        "NAME",
        "what the key is for",
        _add_key,
        "Makes a key for a program that pulls; shown once.",
    )
    key.add_argument("--scope", default="read", help="read, or read,pii for personal fields (default: read)")
    people = group_of("staff", "add people, and the stores' staff with their badges", STAFF_ACTIONS)
    staff = add(
        people,
        "LOGIN",
        _ID_MEANING,
        _add_staff,
        "Lets somebody sign in to the console; asks for the password, or reads a line of it from stdin. "
        "Somebody who is there already gets the new password and role.",
    )
    staff.add_argument(
        "--role", choices=ROLES, default="viewer", help="marketing sees names of leads (default: viewer)"
    )
    add_staff_parsers(people, [every, as_json])
    add_account_parsers(group_of("account", "our accounts on platforms", "list"), [every, as_json])


if __name__ == "__main__":
    sys.exit(main())
