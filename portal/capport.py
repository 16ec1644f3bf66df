"""The Captive Portal API (RFC 8908): a phone that was told this address asks whether it is captive."""

import json
from typing import Any, Final

from aiohttp import web

from netctl.api import Station
from netctl.client import GateRefused
from portal.site import SITE
from portal.where import station_ip

CONTENT_TYPE: Final = "application/captive+json"


def state(station: Station | None, portal_url: str) -> dict[str, Any]:
    """RFC 8908 section 5. A station we do not know is captive: it has yet to get its lease."""
    captive = station is None or station.captive
    answer: dict[str, Any] = {"captive": captive, "user-portal-url": portal_url, "can-extend-session": True}
    if station and station.session and not captive:
        answer["seconds-remaining"] = station.session.seconds_left
    return answer


async def capport_api(request: web.Request) -> web.Response:
    """While the gate is silent nothing is claimed: a phone believes `captive: true` over its own check."""
    site = request.app[SITE]
    try:
        station = await site.gate.station(station_ip(request))
    except GateRefused:
        station = None
    # Without charset: Android takes UTF-8 or none.
    return web.Response(
        body=json.dumps(state(station, site.portal_url)).encode(),
        headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "private"},
    )
