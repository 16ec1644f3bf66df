"""A form that was sent: from our own page and in time; and what may be kept of it, not too often."""

import asyncio
from typing import Final

from aiohttp import web

from portal import forms
from portal.errors import Refused
from portal.site import SITE
from portal.station import name_for_limits
from portal.where import is_foreign_form
from sync.i18n import mark

FOREIGN_FORM: Final = mark("This form was sent from another website. Please open our page and try again.")
_BODY_SECONDS: Final = 10.0


def refuse_foreign(request: web.Request, *, sealed: bool = False) -> None:
    """Raises Refused when another website made the browser send this."""
    if is_foreign_form(request, request.app[SITE].config, sealed=sealed):
        raise Refused(403, FOREIGN_FORM)


async def read_form(request: web.Request, *, sealed: bool = False) -> dict[str, str]:
    """The fields of a shopper's form; none when it was sent empty. Raises Refused."""
    refuse_foreign(request, sealed=sealed)
    return await read_fields(request) if request.body_exists else {}


async def refuse_too_often(request: web.Request) -> None:
    """To be asked before anything is written. Raises Refused. A form with a mistake in it costs the disk
    nothing and does not count: a shopper who mistypes is not sent away.
    """
    wait = request.app[SITE].kept_forms.take(await name_for_limits(request))
    if wait:
        raise Refused(429, retry_after_seconds=int(wait) + 1)


async def read_fields(request: web.Request) -> dict[str, str]:
    """The fields of any form. Raises Refused: no form of ours, or too slow."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return forms.parse(request.content_type, await request.read())
    except forms.Unreadable as unreadable:
        raise Refused(400, detail=str(unreadable)) from None
    except TimeoutError:
        raise Refused(408, detail="the form did not arrive") from None
