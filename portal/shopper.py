"""What a shopper sees besides the form: the splash, that she is online, the way out."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from netctl.api import Station
from netctl.client import GateRefused, GateUnavailable
from portal.endings import words_of
from portal.errors import LOOK_AGAIN_SECONDS, Refused, log
from portal.follows import choices
from portal.pages import see_other
from portal.posted import refuse_foreign
from portal.site import SITE, Site
from portal.standing import is_on_pass, standing
from portal.station import find_station
from portal.where import is_owner_network, station_ip
from sync.i18n import mark
from sync.records import RecordsUnavailable, admission, follow
from sync.records.admission import AdmissionRequest

LINE_LOOK_AGAIN_SECONDS: Final = 15
"""An internet line comes back in minutes, not in seconds."""

NO_STATION: Final = mark(
    "We cannot find your device on our WiFi. Please switch WiFi off and on again, then open this page."
)
NOT_OPENED: Final = mark("You are registered, but the WiFi did not open. Please ask our staff.")
# The gate's keys: a session that ended is not begun anew by its old request; the gate tries again by itself.
_OVER: Final = frozenset({"session_over", "no_such_request"})
# The splash says it better than an error: when we open, when there is data again, whom to ask.
_AS_THE_SPLASH_SAYS: Final = frozenset({"closed", "blocked", "quota"})
_SOON: Final = frozenset({"filter_failed", "records_unavailable"})


async def splash(request: web.Request) -> web.Response:
    """GET /. Works without the gate too: it then has no station code. The owner's laptop is no shopper's."""
    site = request.app[SITE]
    if is_owner_network(request, site.config):
        return see_other(request, "/owner")
    site.trace.opened(station_ip(request), "portal")
    station = None
    with suppress(GateUnavailable):
        station = await find_station(request)
    tried = await _has_set_out_to_follow(site, request, station)
    stands = standing(station, tried_to_follow=tried)
    welcome = {"en": site.config.portal.welcome_en, "zh_CN": site.config.portal.welcome_zh_cn}
    return site.pages.render(
        request,
        "splash.html",
        station=station,
        stands=stands,
        follows=await choices(site),
        opens=words_of(request).moment(station.opens_at) if station and station.opens_at else "",
        pass_minutes=site.config.limits.pass_minutes,
        welcome=welcome[site.pages.language(request).code],
        session_minutes=site.config.registration.session_minutes,
    )


async def _has_set_out_to_follow(site: Site, request: web.Request, station: Station | None) -> bool:
    if station is None or station.why != "pass_over":
        return False
    with suppress(RecordsUnavailable):
        return await site.records.read(follow.any_offer_to, str(station_ip(request)), site.clock)
    return False


async def online(request: web.Request) -> web.Response:
    """GET /online: what the gate says, and if it was not asked for yet, it is asked again."""
    site = request.app[SITE]
    ip = station_ip(request)
    asked = await site.records.read(admission.latest_from, str(ip), site.clock)
    try:
        station = await site.gate.station(ip)
        if asked is not None and (station.captive or is_on_pass(station)):
            await site.gate.admit(request_id=asked.request_id, ip=ip)
            station = await site.gate.station(ip)
    except GateUnavailable:
        if asked is None:
            raise
        return _wait(request, asked)
    except GateRefused as refusal:
        return _explain(request, refusal, asked)
    if station.captive:
        return see_other(request, "/")
    if is_on_pass(station):
        return see_other(request, "/pass")
    return site.pages.render(
        request,
        "online.html",
        station=station,
        session=station.session,
        follows=await choices(site),
        look_again_seconds=0 if station.uplink else LINE_LOOK_AGAIN_SECONDS,
    )


def _explain(request: web.Request, refusal: GateRefused, asked: AdmissionRequest | None) -> web.Response:
    """What the gate's no means for her. Raises Refused."""
    if asked is None or refusal.key in _OVER | _AS_THE_SPLASH_SAYS:
        return see_other(request, "/")
    if refusal.key in _SOON:
        log.warning("the gate opens later: %s", refusal.message)
        return _wait(request, asked)
    sentence = NO_STATION if refusal.key == "unknown_station" else NOT_OPENED
    raise Refused(409, sentence, detail=f"{refusal.key}: {refusal.message}")


def _wait(request: web.Request, asked: AdmissionRequest) -> web.Response:
    """What she asked for is kept; the gate finds it by itself when it can."""
    return request.app[SITE].pages.render(
        request,
        "waiting.html",
        status=202,
        look_again_seconds=LOOK_AGAIN_SECONDS,
        by_code=asked.method != "form",
        followed=asked.method == "follow",
    )


async def sign_out(request: web.Request) -> web.Response:
    """POST /sign-out."""
    refuse_foreign(request)
    with suppress(GateRefused):  # whoever is not signed in need not be signed out
        await request.app[SITE].gate.sign_out(station_ip(request))
    return see_other(request, "/")
