"""What Meta's webhooks have in common: the signature, and the question Meta asks before the first one.

Source: developers.facebook.com/docs/graph-api/webhooks/getting-started.
"""

import hashlib
import hmac
from typing import Any, Final

from aiohttp import web

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.incoming import BadBody, parse_object, read_body
from sync.headoffice.follow.outgoing import log

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
# The versions end after two years; an account may name another with `version`.
VERSION: Final = "v23.0"
_LONGEST_CHALLENGE: Final = 200


def sign(body: bytes, app_secret: str) -> str:
    """`sha256=` and HMAC-SHA256 over the body as it came, in hex."""
    return f"sha256={hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()}"


def fits(signature: str, body: bytes, app_secret: str) -> bool:
    """Whether Meta signed this body. In constant time; any text may stand in the header."""
    return hmac.compare_digest(signature.encode(errors="replace"), sign(body, app_secret).encode())


def answer_challenge(request: web.Request, verify_token: str) -> web.Response:
    """GET: Meta asks whether we expect its webhooks. Raises HTTPForbidden for anybody else."""
    query = request.query
    given = query.get("hub.verify_token", "").encode(errors="replace")
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or len(challenge) > _LONGEST_CHALLENGE:
        raise web.HTTPForbidden
    if not hmac.compare_digest(given, verify_token.encode()):
        raise web.HTTPForbidden
    return web.Response(text=challenge, headers={"X-Content-Type-Options": "nosniff"})


async def read_signed(request: web.Request, account: Account) -> dict[str, Any]:
    """The body of a webhook that Meta signed. Raises HTTPForbidden, HTTPBadRequest.

    Meta sends again for up to a week what does not get 200, and switches off whoever goes on like that.
    """
    body = await read_body(request)
    if not fits(request.headers.get(SIGNATURE_HEADER, ""), body, account.secret("app_secret")):
        raise web.HTTPForbidden
    try:
        return parse_object(body)
    except BadBody as error:
        log.warning("account %s: a signed webhook cannot be used: %s", account.name, error)
        raise web.HTTPBadRequest from None
