"""GET /g/{grant}: a link from an account's reply, opened where the store's box cannot see it."""

import base64
import binascii

from aiohttp import web

from sync.grant_token import BadToken, GrantToken, read
from sync.headoffice.console.pages import render
from sync.headoffice.parts import PARTS, Parts
from sync.i18n import mark


async def show_grant(request: web.Request) -> web.Response:
    """200 and the digits while it is good; 410 when it was used or is too old; 404 for none of ours."""
    parts = request.app[PARTS]
    try:
        token = await _read(request.match_info["grant"], parts)
    except BadToken as bad:
        return _sorry(request, bad.key == "expired")
    grant = await parts.storage.follow.seen_grant(token.grant_id)
    if grant is None or grant.opened:
        return _sorry(request, is_ours=True)
    return render(request, "join.html", venue_name=grant.venue_name, code=grant.code, sentence=None)


def _sorry(request: web.Request, is_ours: bool) -> web.Response:
    sentence = (
        mark("This link has been used, or it is too old. Open the page of the store's WiFi for a new one.")
        if is_ours
        else mark("This link is none of ours. Open the page of the store's WiFi for a new one.")
    )
    status = 410 if is_ours else 404
    return render(request, "join.html", status=status, venue_name=None, code=None, sentence=sentence)


async def _read(text: str, parts: Parts) -> GrantToken:
    """Whose key it is to be signed with stands in it. Raises BadToken."""
    try:
        number = int.from_bytes(base64.b64decode(text, altchars="-_", validate=True)[6:10])
    except (binascii.Error, ValueError):
        raise BadToken("forged") from None
    key = await parts.storage.follow.grant_key_of(number)
    if key is None:
        raise BadToken("forged")
    return read(text, bytes.fromhex(key), number, parts.clock.now())
