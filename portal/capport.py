"""The Captive Portal API (RFC 8908): a phone that was told this address asks whether it is captive."""

import json
from typing import Any, Final

from aiohttp import web

from netctl.api import Station
from netctl.client import GateUnavailable
from portal.errors import LOOK_AGAIN_SECONDS, log
from portal.site import SITE
from portal.station import find_station

CONTENT_TYPE: Final = "application/captive+json"
# Whoever comes back from one of these cannot get in, or on, by herself.
_NO_WAY_IN: Final = frozenset({"blocked", "closed", "quota", "allowed"})


def state(station: Station | None, portal_url: str) -> dict[str, Any]:
    """RFC 8908 section 5. A station we do not know is captive: it has yet to get its lease.

    `can-extend-session`: the form and the field for a code add time to a session; nothing does where the
    store closes, the data of the day are used up or the owner has spoken.
    """
    captive = station is None or station.captive
    answer: dict[str, Any] = {
        "captive": captive,
        "user-portal-url": portal_url,
        "can-extend-session": station is not None and station.why not in _NO_WAY_IN,
    }
    session = station.session if station and not captive else None
    if session is not None:
        answer["seconds-remaining"] = session.seconds_left
        if session.bytes_left is not None:
            answer["bytes-remaining"] = session.bytes_left
    return answer


async def capport_api(request: web.Request) -> web.Response:
    """While the gate is silent nothing is claimed: a phone believes `captive: true` over its own check."""
    site = request.app[SITE]
    try:
        station = await find_station(request)
    except GateUnavailable as error:
        log.error("a phone asked whether it is captive: %s", error)
        return _silent()
    # Without charset: Android takes UTF-8 or none.
    return web.Response(
        body=json.dumps(state(station, site.portal_url)).encode(),
        headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "private"},
    )


def _silent() -> web.Response:
    hint = f"Ask again in {LOOK_AGAIN_SECONDS} seconds."
    error = {"key": "gate_unavailable", "message": "The gate does not answer.", "hint": hint}
    return web.json_response(
        {"error": error},
        status=503,
        headers={"Retry-After": str(LOOK_AGAIN_SECONDS), "Cache-Control": "no-store"},
    )
