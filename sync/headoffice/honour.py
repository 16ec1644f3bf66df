"""POST /v1/venues/{venue_id}/roaming: a box asks whether a session of another store holds at it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from sync.envelope import BadLine, read_object
from sync.headoffice.authorise import authorise_venue
from sync.headoffice.parts import PARTS
from sync.headoffice.problems import Problem
from sync.headoffice.roaming import SENTENCES, Honoured, Wish, whole_seconds

LONGEST_CONTACT: Final = 254
_LARGEST_BODY_BYTES: Final = 4096
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "request_id": re.compile(r"[!-~]{1,64}"),
    "code_sha256": re.compile(r"[0-9a-f]{64}"),
    "contact": re.compile(rf"[^\s\x00-\x1f]{{3,{LONGEST_CONTACT}}}"),
}


async def honour_session(request: web.Request) -> web.Response:
    """Asked again with the same request_id, the answer is the same grant. A no is 409 with its key."""
    venue_id = await authorise_venue(request)
    parts = request.app[PARTS]
    wish = parse_wish(venue_id, await request.content.read(_LARGEST_BODY_BYTES + 1))
    now = parts.clock.now()
    outcome = await parts.storage.honoured_before(wish, now)
    if outcome is None:
        # The code first: one code tried at a store must not use up what the others there may try.
        too_often = parts.tries_of_code.take(wish.code_sha256) or parts.tries_of_venue.take(venue_id)
        outcome = "too_often" if too_often else await parts.storage.honour(wish, now)
    if not isinstance(outcome, Honoured):
        raise Problem(409, outcome, SENTENCES[outcome])
    return web.json_response(
        {
            "grant_id": outcome.grant_id,
            "session_seconds": whole_seconds(outcome.ends_at - now),
            "origin_session_id": outcome.origin_session_id,
            "lead_id": outcome.lead_id,
        }
    )


def parse_wish(venue_id: str, body: bytes) -> Wish:
    """Raises Problem 413, 422."""
    if len(body) > _LARGEST_BODY_BYTES:
        raise Problem(413, "too_large", f"more than {_LARGEST_BODY_BYTES} bytes")
    try:
        fields = read_object(body)
    except BadLine as bad:
        raise Problem(422, bad.key, bad.message) from None
    return Wish(venue_id=venue_id, **{key: _need(fields, key) for key in _SHAPES})


def _need(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not _SHAPES[key].fullmatch(value):
        raise Problem(422, f"bad_{key}", f"{key} is missing or not what it should be")
    return value
