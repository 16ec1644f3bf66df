"""A signed grant that her phone brings: checked here, without a line to anybody, and used once."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netctl.api import Station
from netctl.client import GateRefused, GateUnavailable
from portal.errors import Refused, log
from portal.pages import see_other
from portal.shopper import NO_STATION
from portal.site import SITE, Site
from portal.standing import is_on_pass
from portal.station import find_station, open_gate
from portal.where import station_ip
from sync.grant_token import PLATFORMS, BadToken, GrantToken, read
from sync.i18n import mark
from sync.records import follow, grant_links
from sync.records.grant_links import UseOf

_AS_THE_SPLASH_SAYS: Final = frozenset({"closed", "blocked", "quota"})
_SOON: Final = frozenset({"filter_failed", "records_unavailable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A link that opens nothing: what it is and what she can do, marked for translation."""

    status: int
    title: str
    sentence: str


USED: Final = Dead(
    status=410,
    title=mark("This link has been used"),
    sentence=mark("Each link lets one phone in, once. Follow us again for a fresh one, or register."),
)
DEAD: Final = {
    "expired": Dead(
        status=410,
        title=mark("This link is too old"),
        sentence=mark("It was good for a short time only. Ask our account for a fresh one, or register."),
    ),
    "forged": Dead(
        status=403,
        title=mark("This link is not one of ours"),
        sentence=mark("Maybe it was not copied as a whole. Tap it in our answer once more, or register."),
    ),
    "other_venue": Dead(
        status=409,
        title=mark("This link is for another of our stores"),
        sentence=mark("It opens the WiFi there. For this store, scan the code here, or register."),
    ),
    "taken_back": Dead(
        status=410,
        title=mark("This link is no longer good"),
        sentence=mark("It was taken back. You can register instead."),
    ),
}


async def open_link(request: web.Request) -> web.Response:
    """GET /g/{grant}: 303 /online, or a page that says why nothing was opened. That it is used is durable
    together with the request it pays for, before the gate is asked."""
    site, ip = request.app[SITE], str(station_ip(request))
    site.trace.opened(station_ip(request), "portal", "follow link")
    try:
        station = await find_station(request)
        if station is None:
            raise Refused(409, NO_STATION)
    except GateUnavailable:
        station = None
    try:
        token = await _checked(site, request.match_info["grant"])
    except BadToken as bad:
        return _show(request, DEAD[bad.key], station)
    if station is not None and station.captive and station.why in _AS_THE_SPLASH_SAYS:
        # It is not used up for nothing.
        return see_other(request, "/")
    account = await _account(site, token)
    seconds = site.config.follow.session_minutes * 60
    outcome = await site.records.write(grant_links.use, token, account, ip, seconds, site.clock)
    if outcome == "taken_back":
        return _show(request, DEAD["taken_back"], station)
    if outcome == "used_now":
        await open_gate(request, token.grant_id)
        return see_other(request, "/online")
    return await _used(request, token, outcome, station)


async def _checked(site: Site, text: str) -> GrantToken:
    """Raises BadToken."""
    key = await site.records.read(grant_links.key_of_store)
    if key is None:
        log.warning("a grant link was opened, and head office has not given this store its key yet")
        raise BadToken("forged")
    past = await site.records.read(grant_links.surely_past, site.clock)
    return read(text, key.key, key.venue_number, past)


async def _account(site: Site, token: GrantToken) -> str | None:
    """Which of our accounts that was, where only one can be meant."""
    platform = PLATFORMS.get(token.channel)
    accounts = await site.records.read(follow.accounts)
    named = [each.account for each in accounts if each.platform == platform]
    return named[0] if len(named) == 1 else None


async def _used(
    request: web.Request, token: GrantToken, outcome: UseOf, station: Station | None
) -> web.Response:
    """A second tap, or what came by the log first: the gate knows whom it let in. One it never heard of
    was down until the request was too old: then the link is good still."""
    site = request.app[SITE]
    is_mine = outcome == "used_before"
    try:
        await site.gate.admit(request_id=token.grant_id, ip=station_ip(request))
    except GateUnavailable:
        return see_other(request, "/online") if is_mine else _show(request, USED, station)
    except GateRefused as refusal:
        if refusal.key == "no_such_request":
            ip, seconds = str(station_ip(request)), site.config.follow.session_minutes * 60
            await site.records.write(grant_links.use_again, token.grant_id, ip, seconds, site.clock)
            await open_gate(request, token.grant_id)
        elif not (is_mine and refusal.key in _SOON) and not _is_in(station):
            return _show(request, USED, station)
    return see_other(request, "/online")


def _is_in(station: Station | None) -> bool:
    return station is not None and not station.captive and not is_on_pass(station)


def _show(request: web.Request, dead: Dead, station: Station | None) -> web.Response:
    return request.app[SITE].pages.render(
        request, "dead_link.html", status=dead.status, dead=dead, station=station
    )
