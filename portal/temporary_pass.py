"""A few slow minutes, to read a mail or to follow an account: begun by a button, waited out on a page."""

from typing import Final

from aiohttp import web

from netctl.client import GateRefused
from portal.errors import Refused
from portal.pages import see_other
from portal.posted import refuse_foreign
from portal.shopper import NO_STATION
from portal.site import SITE
from portal.standing import is_on_pass
from portal.station import find_station
from portal.where import station_ip
from sync.i18n import mark

USED_UP: Final = mark("You have had your few minutes for today. Register, and you are online for longer.")
LOOK_AGAIN_SECONDS: Final = 20


async def start(request: web.Request) -> web.Response:
    """POST /pass: it starts, 303 to the page that waits. A second tap finds the one that runs.

    Raises Refused, GateUnavailable. What the splash explains better it is left to.
    """
    refuse_foreign(request)
    try:
        await request.app[SITE].gate.temporary_pass(station_ip(request))
    except GateRefused as refusal:
        detail = f"{refusal.key}: {refusal.message}"
        if refusal.key == "unknown_station":
            raise Refused(409, NO_STATION, detail=detail) from refusal
        if refusal.key == "pass_used_up":
            raise Refused(409, USED_UP, detail=detail) from refusal
        return see_other(request, "/")
    return see_other(request, "/pass")


async def wait(request: web.Request) -> web.Response:
    """GET /pass: how long it lasts, and back to the splash when it is over. Raises GateUnavailable."""
    station = await find_station(request)
    if station is None or station.captive:
        return see_other(request, "/")
    if not is_on_pass(station):
        return see_other(request, "/online")
    session = station.session
    assert session is not None
    return request.app[SITE].pages.render(
        request,
        "pass.html",
        station=station,
        session=session,
        # At its end it looks once more, and finds the splash.
        look_again_seconds=max(1, min(LOOK_AGAIN_SECONDS, session.seconds_left + 1)),
    )
