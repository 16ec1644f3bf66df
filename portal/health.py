"""How the portal and what it needs are, for the box itself."""

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal.errors import Refused
from portal.site import SITE, Site
from portal.where import is_own_loopback
from sync.records import RecordsUnavailable, upload_state


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 and a sentence a part; to everyone else there is no such page."""
    if not is_own_loopback(request):
        raise Refused(404)
    site = request.app[SITE]
    return web.json_response({"portal": "ok", "gate": await _gate(site), "records": await _records(site)})


async def _gate(site: Site) -> str:
    try:
        health = await site.gate.health()
    except GateUnavailable as error:
        return f"unavailable: {error}"
    except GateRefused as refusal:
        return f"refused: {refusal.message}"
    return "ok" if health.ok else "; ".join(health.problems)


async def _records(site: Site) -> str:
    try:
        await site.records.read(upload_state.read)
    except RecordsUnavailable as error:
        return f"unavailable: {error}"
    return "ok"
