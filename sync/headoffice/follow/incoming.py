"""The body of a platform's callback: read no further than any real one goes, then taken apart with care."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

LARGEST_BODY_BYTES: Final = 256 * 1024
"""Far above what LINE, Telegram, Meta and Kakao send in one request."""
_BODY_SECONDS: Final = 10.0
_LONGEST_NAME: Final = 200


class BadBody(Exception):
    """The body is no JSON object."""


async def read_body(request: web.Request) -> bytes:
    """The raw body, which the signatures are over. Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            # Not request.read(): its limit is that of a store's upload, thousands of times this.
            await request.content.readexactly(LARGEST_BODY_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    raise web.HTTPRequestEntityTooLarge(LARGEST_BODY_BYTES, LARGEST_BODY_BYTES + 1)


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises BadBody, also for what is nested to break the parser."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise BadBody("it cannot be read as JSON") from None
    if not isinstance(given, dict):
        raise BadBody("it is JSON, but no object")
    return given


def object_in(given: Any, key: str) -> dict[str, Any]:
    """`given[key]` when that is an object, else an empty one."""
    found = given.get(key) if isinstance(given, dict) else None
    return found if isinstance(found, dict) else {}


def objects_in(given: Any, key: str) -> Iterator[dict[str, Any]]:
    """The objects in the list `given[key]`; anything else there is passed over."""
    found = given.get(key) if isinstance(given, dict) else None
    yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


def text_in(given: Any, key: str) -> str | None:
    """`given[key]` when that is a text with something in it."""
    found = given.get(key) if isinstance(given, dict) else None
    return found if isinstance(found, str) and found else None


def bounded(name: str) -> str:
    """A message's own name; a very long one by its digest: what tells them apart may stand at their end."""
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode(errors="replace")).hexdigest()


def moment(given: Any, per_second: int = 1) -> datetime | None:
    """A time counted from 1970, as number or digits; None for what is no time at all."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= 16:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        return None
    try:
        return datetime.fromtimestamp(given / per_second, UTC)
    except (ValueError, OverflowError, OSError):
        return None
