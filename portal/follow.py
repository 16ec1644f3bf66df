"""Following one of our accounts: how to, a few minutes for it, and the page that waits until it is known."""

import asyncio
from typing import Final

from aiohttp import web

from netctl.api import Station
from netctl.client import GateRefused, GateUnavailable
from portal.badge import staff_ref
from portal.errors import Refused, log
from portal.follows import how_to, what_the_qr_says
from portal.pages import see_other
from portal.posted import refuse_foreign
from portal.qr import qr_svg
from portal.shopper import NO_STATION
from portal.site import SITE
from portal.standing import is_on_pass
from portal.station import name_for_limits
from portal.temporary_pass import USED_UP
from portal.where import station_ip
from sync.i18n import mark
from sync.records import RecordsUnavailable, follow
from sync.records.follow import FollowAccount, Offer

LOOK_AGAIN_SECONDS: Final = 5
NOT_OFFERED: Final = mark("We cannot be followed there at present. Please choose another way in.")
_AS_THE_SPLASH_SAYS: Final = frozenset({"closed", "blocked", "quota"})


async def page(request: web.Request) -> web.Response:
    """GET /follow/{platform}: a code and a QR of her own, the same as often as she looks; looks again by
    itself, and leads on as soon as the gate is open."""
    site = request.app[SITE]
    account = await _account(request)
    site.trace.opened(station_ip(request), "portal", "follow page")
    station = await _station(request)
    if station is not None and station.captive and station.why in _AS_THE_SPLASH_SAYS:
        return see_other(request, "/")
    if account.proof == "verified" and _is_in(station):
        return see_other(request, "/online")
    return await _show(request, account, station)


async def start_pass(request: web.Request) -> web.Response:
    """POST /follow/{platform}/pass: the temporary pass starts, 303 to the page, which waits. A second tap
    finds the one that runs."""
    refuse_foreign(request)
    account = await _account(request)
    try:
        await request.app[SITE].gate.temporary_pass(station_ip(request))
    except GateRefused as refusal:
        if refusal.key == "unknown_station":
            raise Refused(409, NO_STATION, detail=f"{refusal.key}: {refusal.message}") from refusal
        if refusal.key == "pass_used_up":
            station = await _station(request)
            return await _show(request, account, station, status=409, remark=USED_UP)
        return see_other(request, "/")
    return see_other(request, f"/follow/{account.platform}")


async def open_claimed(request: web.Request) -> web.Response:
    """GET /follow/{platform}/open: on to a platform that proves nothing; that she went there is counted as
    claimed, once, and opens nothing."""
    site = request.app[SITE]
    account = await _account(request)
    if account.proof != "claimed" or not account.link:
        raise Refused(404, NOT_OFFERED)
    station = await _station(request)
    if station is None or station.captive:
        return see_other(request, f"/follow/{account.platform}")
    if site.offers.take(await name_for_limits(request)):
        # By another address of hers it would be counted once more each time.
        return web.Response(status=303, headers={"Location": account.link})
    try:
        by = await staff_ref(request)
        await site.records.write(follow.claim, account, str(station_ip(request)), by, site.clock)
    except RecordsUnavailable as error:
        # She goes where she wants to go; that she did is only not counted.
        log.error("a claimed follow could not be kept: %s", error)
    return web.Response(status=303, headers={"Location": account.link})


async def _account(request: web.Request) -> FollowAccount:
    """Raises Refused for a platform on which this store offers nothing."""
    platform = request.match_info["platform"]
    accounts = await request.app[SITE].records.read(follow.accounts)
    account = next((each for each in accounts if each.platform == platform), None)
    if account is None:
        raise Refused(404, NOT_OFFERED)
    return account


async def _station(request: web.Request) -> Station | None:
    """None while the gate is silent. Raises Refused for whom it does not know."""
    try:
        return await request.app[SITE].gate.station(station_ip(request))
    except GateUnavailable:
        return None
    except GateRefused as refusal:
        raise Refused(409, NO_STATION, detail=f"{refusal.key}: {refusal.message}") from refusal


def _is_in(station: Station | None) -> bool:
    return station is not None and not station.captive and not is_on_pass(station)


async def _show(
    request: web.Request,
    account: FollowAccount,
    station: Station | None,
    *,
    status: int = 200,
    remark: str = "",
) -> web.Response:
    site = request.app[SITE]
    offer = await _offer(request, account) if account.proof == "verified" else None
    said = what_the_qr_says(account, offer)
    # Beside the loop: a Pi draws a long one for a while.
    qr = await asyncio.to_thread(qr_svg, said) if said else ""
    return site.pages.render(
        request,
        "follow.html",
        status=status,
        how=how_to(account, offer, station, qr, remark),
        station=station,
        pass_minutes=site.config.limits.pass_minutes,
        look_again_seconds=LOOK_AGAIN_SECONDS,
    )


async def _offer(request: web.Request, account: FollowAccount) -> Offer | None:
    """What she has in hand, or a fresh one; None: none is left, or this station has had many. The store's own
    code does as well then, and nobody is sent away."""
    site, ip = request.app[SITE], str(station_ip(request))
    in_hand = await site.records.read(follow.offer_to, account.account, ip, site.clock)
    if in_hand is not None:
        return in_hand
    if not await site.records.read(follow.has_codes, account.account, site.clock):
        log.info("no code to follow with is left for %s", account.account)
        return None
    if site.offers.take(await name_for_limits(request)):
        log.info("no code to follow with for a station that has had many")
        return None
    by = await staff_ref(request)
    return await site.records.write(follow.make_offer, account.account, ip, by, site.clock)
