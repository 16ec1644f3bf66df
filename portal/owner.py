"""The owner's pages: their routes, who may see them, and the day's numbers."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from netctl.api import Health
from netctl.client import GateRefused, GateUnavailable
from portal.errors import Handler
from portal.owner_api import error_json, stats_csv, stats_json
from portal.owner_day import read_day
from portal.owner_door import COOKIE, DOOR, SignedIn
from portal.owner_periods import WrongRange
from portal.owner_sign_in import SHEETS, change_password, password_page, sign_in, sign_in_page, sign_out
from portal.owner_staff import badge, staff_page
from portal.owner_stations import change_station, stations_page
from portal.owner_vouchers import make_vouchers, sheet, vouchers_page, withdraw
from portal.pages import see_other
from portal.site import SITE, Site
from sync.records import owner_account

OwnerHandler = Callable[[web.Request, SignedIn], Awaitable[web.Response]]


def routes() -> list[web.RouteDef]:
    """All of it stands behind `owner_network_only`."""
    return [
        web.get("/owner", for_owner(stats_page)),
        web.get("/owner/sign-in", sign_in_page),
        web.post("/owner/sign-in", sign_in),
        web.post("/owner/sign-out", for_owner(sign_out)),
        web.get("/owner/stations", for_owner(stations_page)),
        web.post("/owner/stations", for_owner(change_station)),
        web.get("/owner/vouchers", for_owner(vouchers_page)),
        web.post("/owner/vouchers", for_owner(make_vouchers)),
        web.get("/owner/vouchers/{batch_id}", for_owner(sheet)),
        web.post("/owner/vouchers/{batch_id}/withdraw", for_owner(withdraw)),
        web.get("/owner/staff", for_owner(staff_page)),
        web.get("/owner/staff/{staff_ref}", for_owner(badge)),
        web.get("/owner/password", for_owner(password_page)),
        web.post("/owner/password", for_owner(change_password)),
        web.get("/owner/api/stats", for_owners_programs(stats_json)),
        web.get("/owner/api/stats.csv", for_owners_programs(stats_csv)),
    ]


def for_owner(handler: OwnerHandler) -> Handler:
    """Only for somebody who is signed in; others are shown the way."""

    async def guarded(request: web.Request) -> web.Response:
        signed_in = await _signed_in(request)
        return await handler(request, signed_in) if signed_in else see_other(request, "/owner/sign-in")

    return guarded


def for_owners_programs(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    """The same for what programs read: no page, but an error they can read."""

    async def guarded(request: web.Request) -> web.Response:
        if not await _signed_in(request):
            hint = "Sign in at /owner/sign-in first."
            return error_json(401, "not_signed_in", "Nobody is signed in.", hint)
        try:
            return await handler(request)
        except WrongRange as wrong:
            return error_json(422, "wrong_range", wrong.message, wrong.hint)

    return guarded


async def _signed_in(request: web.Request) -> SignedIn | None:
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    password_hash = await request.app[SITE].records.read(owner_account.password_hash)
    return request.app[DOOR].find(token, password_hash)


async def stats_page(request: web.Request, signed_in: SignedIn) -> web.Response:
    site = request.app[SITE]
    health, day = await asyncio.gather(
        _health(site), read_day(site, site.pages.language(request), request.query.get("day"))
    )
    return site.pages.render(
        request,
        "owner/day.html",
        sheets=SHEETS,
        day=day,
        lines=day.lines(health),
        form_token=signed_in.form_token,
        refresh_seconds=30 if day.is_today and "still" not in request.query else 0,
        password_changed=request.query.get("changed") == "password",
    )


async def _health(site: Site) -> Health | None:
    try:
        return await site.gate.health()
    except (GateUnavailable, GateRefused):
        return None
