"""What a shopper sees besides the form: the splash, that she is online, the way out."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal.errors import LOOK_AGAIN_SECONDS, Refused, log
from portal.pages import see_other
from portal.posted import refuse_foreign
from portal.site import SITE
from portal.where import is_owner_network, station_ip
from sync.i18n import mark
from sync.records import admission

NO_STATION: Final = mark(
    "We cannot find your device on our WiFi. Please switch WiFi off and on again, then open this page."
)
NOT_OPENED: Final = mark("You are registered, but the WiFi did not open. Please ask our staff.")
# The gate's keys: a session that ended is not begun anew by its old request; the gate tries again by itself.
_OVER: Final = frozenset({"session_over", "no_such_request"})
_SOON: Final = frozenset({"filter_failed", "records_unavailable"})


async def splash(request: web.Request) -> web.Response:
    """GET /. Works without the gate too: it then has no station code. The owner's laptop is no shopper's."""
    site = request.app[SITE]
    if is_owner_network(request, site.config):
        return see_other(request, "/owner")
    site.trace.opened(station_ip(request), "portal")
    station = None
    with suppress(GateRefused, GateUnavailable):
        station = await site.gate.station(station_ip(request))
    welcome = {"en": site.config.portal.welcome_en, "zh_CN": site.config.portal.welcome_zh_cn}
    return site.pages.render(
        request,
        "splash.html",
        station=station,
        welcome=welcome[site.pages.language(request).code],
        session_minutes=site.config.registration.session_minutes,
    )


async def online(request: web.Request) -> web.Response:
    """GET /online: what the gate says, and if it was not asked for yet, it is asked again."""
    site = request.app[SITE]
    ip = station_ip(request)
    asked = await site.records.read(admission.latest_from, str(ip), site.clock)
    try:
        station = await site.gate.station(ip)
        if station.captive and asked is not None:
            await site.gate.admit(request_id=asked.request_id, ip=ip)
            station = await site.gate.station(ip)
    except GateUnavailable:
        if asked is None:
            raise
        return _wait(request)
    except GateRefused as refusal:
        return _explain(request, refusal, asked is not None)
    if station.captive:
        return see_other(request, "/")
    return site.pages.render(request, "online.html", station=station, session=station.session)


def _explain(request: web.Request, refusal: GateRefused, registered: bool) -> web.Response:
    """What the gate's no means for her. Raises Refused."""
    if not registered or refusal.key in _OVER:
        return see_other(request, "/")
    if refusal.key in _SOON:
        log.warning("the gate opens later: %s", refusal.message)
        return _wait(request)
    sentence = NO_STATION if refusal.key == "unknown_station" else NOT_OPENED
    raise Refused(409, sentence, detail=f"{refusal.key}: {refusal.message}")


def _wait(request: web.Request) -> web.Response:
    """She is registered; the gate finds her request by itself when it can."""
    return request.app[SITE].pages.render(
        request, "waiting.html", status=202, look_again_seconds=LOOK_AGAIN_SECONDS
    )


async def sign_out(request: web.Request) -> web.Response:
    """POST /sign-out."""
    refuse_foreign(request)
    with suppress(GateRefused):  # whoever is not signed in need not be signed out
        await request.app[SITE].gate.sign_out(station_ip(request))
    return see_other(request, "/")


async def expired(request: web.Request) -> web.Response:
    """GET /expired: why it ended, and the way back in."""
    return request.app[SITE].pages.render(request, "expired.html")
