"""Who asks: the key in `Authorization: Bearer` (RFC 6750), what it opens, and how often."""

import math

from aiohttp import web

from sync.headoffice.keys import KeyKind, StoredKey, opens, split_key
from sync.headoffice.parts import KEY_ID, PARTS
from sync.headoffice.problems import Problem


async def authorise_venue(request: web.Request) -> str:
    """The venue of the address, if the key is that venue's. Raises Problem 401, 403, 429."""
    key = await _authorise(request, "upload")
    venue_id = request.match_info["venue_id"]
    if key.venue_id != venue_id:
        raise Problem(403, "other_venue", f"this key is not the upload key of {venue_id}")
    return venue_id


async def authorise_pull(request: web.Request) -> StoredKey:
    """A pull key with the scope `read`. Raises Problem 401, 403, 429."""
    key = await _authorise(request, "pull")
    if "read" not in key.scopes:
        raise Problem(403, "scope", "this key has not the scope read")
    return key


async def _authorise(request: web.Request, kind: KeyKind) -> StoredKey:
    parts = request.app[PARTS]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    named = split_key(token.strip()) if scheme.lower() == "bearer" else None
    if named is None:
        raise _unauthorised("send Authorization: Bearer KEY")
    key_id, secret = named
    key = await parts.storage.find_key(key_id)
    if not opens(key, secret) or key is None:
        raise _unauthorised("this key is not known, or no longer")
    request[KEY_ID] = key_id
    wait_seconds = math.ceil(parts.requests.take(key_id))
    if wait_seconds:
        headers = {"Retry-After": str(wait_seconds)}
        raise Problem(429, "too_often", f"this key may ask again in {wait_seconds} s", headers=headers)
    if key.kind != kind:
        wanted = {"upload": "an upload key", "pull": "a pull key"}[kind]
        raise Problem(403, "kind_of_key", f"this address takes {wanted}")
    return key


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "unauthorised", detail, headers={"WWW-Authenticate": 'Bearer realm="yingke"'})
